//! The clock of a vhost's deadlines, in milliseconds since it began.

use std::time::Instant;

#[derive(Debug, Clone)]
pub enum Clock {
    Monotonic(Instant),
    /// Set by a test.
    #[cfg(test)]
    Manual(std::sync::Arc<std::sync::atomic::AtomicU64>),
}

impl Clock {
    pub fn monotonic() -> Clock {
        Clock::Monotonic(Instant::now())
    }

    pub fn now(&self) -> u64 {
        match self {
            Clock::Monotonic(began) => began.elapsed().as_millis() as u64,
            #[cfg(test)]
            Clock::Manual(now) => now.load(std::sync::atomic::Ordering::Relaxed),
        }
    }
}
