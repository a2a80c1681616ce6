//! Heartbeats (section 4.2.7): one sent when nothing else was, the peer given up when nothing came.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// Looked at twice per heartbeat; a peer silent for two whole ones is gone.
const LATE_TICKS: u32 = 4;

#[derive(Debug)]
pub struct Heartbeat {
    interval: Interval,
    enabled: bool,
    sent: bool,
    silent_ticks: u32,
}

/// What a tick asks for.
pub struct Beat {
    pub due: bool,
    pub late: bool,
}

/// Without heartbeats the tick still comes, to give idle buffers back.
const IDLE: Duration = Duration::from_secs(30);

impl Heartbeat {
    pub fn new(seconds: u16) -> Heartbeat {
        let period = match seconds {
            0 => IDLE,
            seconds => Duration::from_millis(u64::from(seconds) * 500),
        };
        let mut interval = interval_at(Instant::now() + period, period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Heartbeat {
            interval,
            enabled: seconds != 0,
            sent: false,
            silent_ticks: 0,
        }
    }

    pub fn sent(&mut self) {
        self.sent = true;
    }

    pub fn received(&mut self) {
        self.silent_ticks = 0;
    }

    pub async fn next(&mut self) -> Beat {
        self.interval.tick().await;
        self.silent_ticks += 1;
        Beat {
            due: self.enabled && !std::mem::take(&mut self.sent),
            late: self.enabled && self.silent_ticks > LATE_TICKS,
        }
    }
}
