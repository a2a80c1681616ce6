//! The threads that start processes, so that the JavaScript thread does not wait for the kernel.
//!
//! They never end: PR_SET_PDEATHSIG fires when the *thread* that made the child ends. At exit the process waits for what
//! is queued, because `spawn` has promised it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError};

use super::child::abandon;
use super::command::Command;
use super::launch::{Launched, keep_exit_statuses, launch_here, with_signals_blocked};
use super::stdio::StdioTable;
use crate::event_loop::{Errno, Waker};

/// A thread waits while its child gets ready to run, so several are needed to keep a processor busy: measured, 8 in
/// flight start four times as many processes per second as 1, and 16 no more than 8.
const THREADS: usize = 8;

/// A process that is being started.
pub struct Launching {
    result: Mutex<Option<Result<Launched, Errno>>>,
    done: Condvar,
}

struct Job {
    command: Command,
    stdio: StdioTable,
    launching: Arc<Launching>,
    waker: Option<Waker>,
}

#[derive(Default)]
struct Pool {
    queue: VecDeque<Job>,
    /// Jobs that are queued or under way.
    unfinished: usize,
    threads: usize,
    idle: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    queue: VecDeque::new(),
    unfinished: 0,
    threads: 0,
    idle: 0,
});
static WORK: Condvar = Condvar::new();
static FINISHED: Condvar = Condvar::new();

impl Launching {
    /// Whether the outcome is there.
    pub fn is_done(&self) -> bool {
        lock(&self.result).is_some()
    }

    /// Waits for the outcome and takes it: once.
    pub fn take(&self) -> Result<Launched, Errno> {
        let mut result = lock(&self.result);
        loop {
            if let Some(outcome) = result.take() {
                return outcome;
            }
            result = self.done.wait(result).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A child that nobody has taken: the thread that asked for it ended first.
impl Drop for Launching {
    fn drop(&mut self) {
        let result = self.result.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(Ok(launched)) = result.take() {
            abandon(launched.process);
        }
    }
}

/// Has `command` started on a thread of its own; `waker` is woken when the outcome is there.
pub fn start(command: Command, stdio: StdioTable, waker: Option<Waker>) -> Arc<Launching> {
    static AT_EXIT: Once = Once::new();
    // SAFETY: registers a function that lives as long as the process.
    AT_EXIT.call_once(|| unsafe {
        libc::atexit(wait_at_exit);
    });
    keep_exit_statuses();
    let launching = Arc::new(Launching {
        result: Mutex::new(None),
        done: Condvar::new(),
    });
    let job = Job {
        command,
        stdio,
        launching: launching.clone(),
        waker,
    };
    let mut pool = lock(&POOL);
    pool.queue.push_back(job);
    pool.unfinished += 1;
    if pool.idle < pool.queue.len() && pool.threads < THREADS {
        let started = std::thread::Builder::new()
            .name("oxipc-spawn".into())
            .stack_size(64 * 1024)
            // Signals of the process are for its other threads.
            .spawn(|| with_signals_blocked(work_loop));
        if started.is_ok() {
            pool.threads += 1;
        } else if pool.threads == 0 {
            // No thread to be had: here and now.
            let job = pool.queue.pop_back();
            drop(pool);
            job.into_iter().for_each(finish);
            return launching;
        }
    }
    WORK.notify_one();
    launching
}

fn work_loop() {
    let mut pool = lock(&POOL);
    loop {
        while let Some(job) = pool.queue.pop_front() {
            drop(pool);
            finish(job);
            pool = lock(&POOL);
        }
        pool.idle += 1;
        pool = WORK.wait(pool).unwrap_or_else(PoisonError::into_inner);
        pool.idle -= 1;
    }
}

fn finish(mut job: Job) {
    let outcome = launch_here(&job.command, &mut job.stdio);
    // The child's ends of the pipes: before anybody hears of it, since its end of output shows only when they are closed.
    drop(job.stdio);
    *lock(&job.launching.result) = Some(outcome);
    job.launching.done.notify_all();
    if let Some(waker) = job.waker {
        waker.wake();
    }
    let mut pool = lock(&POOL);
    pool.unfinished -= 1;
    if pool.unfinished == 0 {
        FINISHED.notify_all();
    }
}

extern "C" fn wait_at_exit() {
    wait_for_all();
}

/// Returns when every process that was asked for runs, or has failed to.
pub fn wait_for_all() {
    let mut pool = lock(&POOL);
    while pool.unfinished > 0 {
        pool = FINISHED.wait(pool).unwrap_or_else(PoisonError::into_inner);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
