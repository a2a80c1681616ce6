//! Heartbeats (section 4.2.7): sends when nothing was sent for half an interval, gives the peer up after two whole ones
//! of silence.

use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

pub struct Heart {
    half: Interval,
    odd: bool,
    received: bool,
    silent: u32,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Beat {
    /// Half an interval is over.
    Due,
    PeerSilent,
}

impl Heart {
    /// None for an interval of 0.
    pub fn new(seconds: u16) -> Option<Self> {
        if seconds == 0 {
            return None;
        }
        let half = Duration::from_millis(u64::from(seconds) * 500);
        let mut half = interval_at(Instant::now() + half, half);
        half.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Some(Heart {
            half,
            odd: false,
            received: true,
            silent: 0,
        })
    }

    /// The peer gave a sign of life, or cannot be blamed for giving none.
    pub fn received(&mut self) {
        self.received = true;
    }

    /// None: not yet; the task is woken when it is time.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Option<Beat> {
        if self.half.poll_tick(cx).is_pending() {
            return None;
        }
        if self.odd {
            self.silent = if self.received { 0 } else { self.silent + 1 };
            if self.silent >= 2 {
                return Some(Beat::PeerSilent);
            }
            self.received = false;
        }
        self.odd = !self.odd;
        Some(Beat::Due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::task::Poll;

    async fn beat(heart: &mut Heart) -> Beat {
        poll_fn(|cx| heart.poll(cx).map_or(Poll::Pending, Poll::Ready)).await
    }

    #[test]
    fn two_silent_intervals_are_the_end_and_a_sign_of_life_starts_over() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut heart = Heart::new(1).unwrap();
            // An interval of no length: the order of beats is what counts.
            heart.half = tokio::time::interval(Duration::from_micros(1));
            // The first whole interval has heard the handshake.
            for _ in 0..4 {
                assert_eq!(beat(&mut heart).await, Beat::Due);
            }
            heart.received();
            for _ in 0..5 {
                assert_eq!(beat(&mut heart).await, Beat::Due);
            }
            assert_eq!(beat(&mut heart).await, Beat::PeerSilent);
        });
        assert!(Heart::new(0).is_none());
    }
}
