//! When to let messages gather in the socket before they are read.
//!
//! A broker at full rate writes small packets (RabbitMQ: about nine messages of 100 bytes), and each read ends in a
//! wake-up of JavaScript, which costs more than the messages. So a connection that does nothing but consume reads at most
//! every few milliseconds while small reads follow each other closely. Whoever also asks or publishes waits for answers
//! and is never paused; and a pause that gathered little (a small prefetch) is not tried again soon.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep};

use super::outbound::Kinds;
use super::reader::Read;

/// tokio's timer turns it into one to two milliseconds. A consumer that acknowledges gets no more than its prefetch in
/// that time: not longer than it needs.
const PAUSE: Duration = Duration::from_millis(1);
/// Without acknowledgements nothing is held back meanwhile. Measured against RabbitMQ, a wake-up costs as much as a
/// hundred messages.
const PAUSE_WITHOUT_ACKNOWLEDGEMENTS: Duration = Duration::from_millis(2);
/// Reads further apart than this are no stream.
const CLOSE: Duration = Duration::from_micros(500);
/// A read of this size is worth a wake-up as it is.
pub const LARGE_READ_BYTES: usize = 16 << 10;
/// Messages in small close reads before the first pause, and the bound of its doubling.
const FIRST_NEED: u32 = 64;
const LARGEST_NEED: u32 = 1 << 20;
/// A pause that gathers fewer gained nothing: they would have come sooner, or the prefetch is small.
const WORTHWHILE: u32 = 32;
const WORTHWHILE_WITHOUT_ACKNOWLEDGEMENTS: u32 = 8;

pub struct Pace {
    last_read: Instant,
    /// Messages in the present run of small close reads.
    run: u32,
    /// Messages that such a run needs before a pause.
    need: u32,
    pause: Option<Pin<Box<Sleep>>>,
    paused: bool,
    /// Acknowledgements have been sent.
    settles: bool,
}

impl Pace {
    pub fn new() -> Self {
        Pace {
            last_read: Instant::now(),
            run: 0,
            need: FIRST_NEED,
            pause: None,
            paused: false,
            settles: false,
        }
    }

    /// What JavaScript sent since the last call.
    pub fn sent(&mut self, kinds: Kinds) {
        self.settles |= kinds.settled;
        if kinds.asked {
            // It may wait for an answer.
            self.run = 0;
            self.pause = None;
            self.paused = false;
        }
    }

    /// Whether to read now; else the task is woken when it is time.
    pub fn may_read(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(pause) = &mut self.pause else {
            return true;
        };
        match pause.as_mut().poll(cx) {
            Poll::Pending => false,
            Poll::Ready(()) => {
                self.pause = None;
                self.paused = true;
                true
            }
        }
    }

    pub fn read(&mut self, read: Read) {
        let Read {
            bytes,
            messages,
            filled,
        } = read;
        let now = Instant::now();
        let apart = now - self.last_read;
        self.last_read = now;
        if filled || bytes >= LARGE_READ_BYTES || messages == 0 {
            self.paused = false;
            self.run = 0;
            return;
        }
        if std::mem::take(&mut self.paused) {
            if messages >= self.worthwhile() {
                self.need = FIRST_NEED;
                self.begin();
            } else {
                self.need = (self.need * 2).min(LARGEST_NEED);
                self.run = 0;
            }
            return;
        }
        self.run = if apart > CLOSE { 0 } else { self.run + messages };
        if self.run >= self.need {
            self.run = 0;
            self.begin();
        }
    }

    fn worthwhile(&self) -> u32 {
        if self.settles {
            WORTHWHILE
        } else {
            WORTHWHILE_WITHOUT_ACKNOWLEDGEMENTS
        }
    }

    fn begin(&mut self) {
        let pause = if self.settles {
            PAUSE
        } else {
            PAUSE_WITHOUT_ACKNOWLEDGEMENTS
        };
        self.pause = Some(Box::pin(sleep(pause)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_paused(pace: &Pace) -> bool {
        pace.pause.is_some()
    }

    fn small(bytes: usize, messages: u32) -> Read {
        Read {
            bytes,
            messages,
            filled: false,
        }
    }

    fn with_timer(test: impl FnOnce()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let _guard = runtime.enter();
        test();
    }

    #[test]
    fn a_stream_of_small_reads_is_paused_and_asking_ends_it() {
        with_timer(|| {
            let mut pace = Pace::new();
            for _ in 0..FIRST_NEED {
                assert!(!is_paused(&pace));
                pace.last_read = Instant::now();
                pace.read(small(130, 1));
            }
            assert!(is_paused(&pace));
            pace.sent(Kinds {
                asked: true,
                ..Kinds::default()
            });
            assert!(!is_paused(&pace));
        });
    }

    #[test]
    fn large_reads_and_a_pause_that_gathers_little_do_not_pause_again_soon() {
        with_timer(|| {
            let mut pace = Pace::new();
            for _ in 0..100 {
                pace.read(small(LARGE_READ_BYTES, 100));
                pace.read(Read {
                    filled: true,
                    ..small(100, 1)
                });
            }
            assert!(!is_paused(&pace));
            pace.sent(Kinds {
                settled: true,
                ..Kinds::default()
            });
            pace.paused = true;
            pace.read(small(1000, WORTHWHILE - 1));
            assert!(!is_paused(&pace));
            assert_eq!(pace.need, 2 * FIRST_NEED);
            pace.paused = true;
            pace.read(small(1000, WORTHWHILE));
            assert!(is_paused(&pace));
        });
    }
}
