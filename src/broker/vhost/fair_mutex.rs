//! A mutex that every waiting thread gets in bounded time.
//!
//! The standard mutex lets the thread that unlocked it lock it again before a woken thread runs, without end. Always
//! handing over would cost a context switch per batch. So a thread may overtake until another has waited for `PATIENCE`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// A few slices of work; the price of a context switch is then below a percent.
const PATIENCE: Duration = Duration::from_micros(500);

#[derive(Debug)]
pub struct FairMutex<T> {
    value: Mutex<T>,
    /// Locked by the one thread that waits for `value` first.
    turn: Mutex<()>,
    /// When that thread began to wait, in microseconds since `started`; 0 for nobody.
    waiting_since: AtomicU64,
    started: Instant,
}

impl<T> FairMutex<T> {
    pub fn new(value: T) -> FairMutex<T> {
        FairMutex {
            value: Mutex::new(value),
            turn: Mutex::new(()),
            waiting_since: AtomicU64::new(0),
            started: Instant::now(),
        }
    }

    /// Locks; the guard comes back inside the error when a thread panicked while it held the lock.
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, PoisonError<MutexGuard<'_, T>>> {
        if !self.has_impatient() {
            match self.value.try_lock() {
                Ok(guard) => return Ok(guard),
                Err(TryLockError::Poisoned(poisoned)) => return Err(poisoned),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        // Guards nothing that a panic could leave half done.
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting_since.store(self.now().max(1), Ordering::Relaxed);
        let locked = self.value.lock();
        self.waiting_since.store(0, Ordering::Relaxed);
        drop(turn);
        locked
    }

    fn has_impatient(&self) -> bool {
        let since = self.waiting_since.load(Ordering::Relaxed);
        since != 0 && self.now().saturating_sub(since) >= PATIENCE.as_micros() as u64
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_micros() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn a_thread_that_locks_again_and_again_does_not_keep_another_out() {
        let mutex = Arc::new(FairMutex::new(0u32));
        let done = Arc::new(AtomicBool::new(false));
        let greedy = std::thread::spawn({
            let (mutex, done) = (mutex.clone(), done.clone());
            move || {
                while !done.load(Ordering::Relaxed) {
                    let guard = mutex.lock().unwrap();
                    let until = Instant::now() + PATIENCE;
                    while Instant::now() < until {
                        std::hint::spin_loop();
                    }
                    drop(guard);
                }
            }
        });
        for _ in 0..50 {
            *mutex.lock().unwrap() += 1;
        }
        done.store(true, Ordering::Relaxed);
        greedy.join().unwrap();
        assert_eq!(*mutex.lock().unwrap(), 50);
    }
}
