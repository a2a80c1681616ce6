//! A running child: its end, and signals to it. Runs on the event loop's thread; a child that is
//! dropped before its end is reaped when a later one starts.

use std::cell::{Cell, OnceCell, RefCell};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::rc::{Rc, Weak};
use std::sync::{Mutex, PoisonError};

use super::launch::Launched;
use super::under_way::{self, late_failure};
use super::watched::Watched;
use crate::event_loop::{Errno, Loop, Poll, PollObserver, Readiness, Turn, enlarge_send_buffer};

/// How a process ended: one of the two is 0, unless both are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExitStatus {
    pub code: i32,
    pub signal: i32,
}

/// Signals that stop a process unless it handles them.
const STOPS: [libc::c_int; 4] = [libc::SIGSTOP, libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

pub trait ExitObserver {
    /// The child has ended and is reaped; or a negative errno: it cannot be waited for, because somebody else did, or it has
    /// not executed its program.
    fn exited(&self, status: Result<ExitStatus, Errno>);
}

pub struct Child {
    pid: libc::pid_t,
    /// Before `process`, so that it is dropped first: libuv aborts on a watched descriptor that has been closed.
    poll: OnceCell<Poll>,
    /// `None` once reaped: whoever keeps the object of an ended child keeps no descriptor.
    process: RefCell<Option<Watched>>,
    usage: Cell<Option<libc::rusage>>,
    turn: Rc<Turn>,
    this: Weak<Child>,
    observer: Weak<dyn ExitObserver>,
}

impl Child {
    /// Watches a process that was just launched.
    ///
    /// # Errors
    /// The event loop's. The process is killed then: nobody would ever hear of it.
    pub fn watch(
        home: &Rc<Loop>,
        turn: &Rc<Turn>,
        launched: Launched,
        observer: Weak<dyn ExitObserver>,
    ) -> Result<Rc<Self>, Errno> {
        let fd = launched.process.as_raw_fd();
        let child = Rc::new_cyclic(|this| Child {
            pid: launched.pid,
            process: RefCell::new(Some(launched.process)),
            poll: OnceCell::new(),
            usage: Cell::new(None),
            turn: turn.clone(),
            this: this.clone(),
            observer,
        });
        let poll_observer: Weak<dyn PollObserver> = Rc::downgrade(&child) as Weak<dyn PollObserver>;
        let poll = Poll::new(home, fd, poll_observer)
            .and_then(|poll| poll.watch(true, false).map(|()| poll))
            .inspect_err(|_| {
                // Reaped when it is dropped, or by a later launch.
                let _ = child.kill(libc::SIGKILL);
            })?;
        child.poll.get_or_init(|| poll);
        Ok(child)
    }

    pub fn pid(&self) -> libc::pid_t {
        self.pid
    }

    /// What it used, once it has ended.
    pub fn usage(&self) -> Option<libc::rusage> {
        self.usage.get()
    }

    /// Sends a signal, 0 to probe only.
    ///
    /// # Errors
    /// ESRCH when it is reaped; another process that got the number is never reached.
    pub fn kill(&self, signal: i32) -> Result<(), Errno> {
        if STOPS.contains(&signal) {
            // A child that is stopped before it has executed its program keeps what it borrows.
            let _ = self.await_program();
        }
        let process = self.process.borrow();
        process.as_ref().ok_or(-libc::ESRCH)?.signal(signal)
    }

    /// Waits until it has executed its program; at most 0.9 s, and no longer than until somebody has stopped it.
    ///
    /// # Errors
    /// Why it did not.
    pub fn await_program(&self) -> Result<(), Errno> {
        under_way::await_program(self.pid)
    }

    /// Gives the socket that is its descriptor `number` a larger send buffer. Returns whether it could.
    pub fn widen(&self, number: RawFd) -> bool {
        let process = self.process.borrow();
        let theirs = process
            .as_ref()
            .and_then(|process| process.copy_descriptor(number));
        theirs.is_some_and(|theirs| enlarge_send_buffer(theirs.as_fd()))
    }

    fn finish(&self) {
        let Some((status, usage)) = self.process.borrow().as_ref().and_then(Watched::reap) else {
            // Interrupted, or woken for nothing.
            if let Some(poll) = self.poll.get() {
                // Cannot fail: nobody else knows the pidfd.
                let _ = poll.watch(true, false);
            }
            return;
        };
        self.usage.set(usage);
        if let Some(poll) = self.poll.get() {
            poll.close();
        }
        self.process.take();
        let failed = late_failure(self.pid);
        if let Some(observer) = self.observer.upgrade() {
            observer.exited(failed.map_or(status, Err));
        }
    }

    /// Whether waiting for its end keeps the loop alive (it does at first).
    pub fn set_ref(&self, on: bool) {
        if let Some(poll) = self.poll.get() {
            poll.set_ref(on);
        }
    }
}

impl PollObserver for Child {
    fn ready(&self, _: Readiness) {
        let Some(child) = self.this.upgrade() else { return };
        if let Some(poll) = self.poll.get() {
            let _ = poll.watch(false, false);
        }
        self.turn.run_last(move || child.finish());
    }
}

/// Children that nobody waits for any more: a worker thread ended before them.
static ABANDONED: Mutex<Vec<Watched>> = Mutex::new(Vec::new());

/// Leaves a child that nobody waits for to be reaped by a later launch.
pub(super) fn abandon(process: Watched) {
    let mut abandoned = ABANDONED.lock().unwrap_or_else(PoisonError::into_inner);
    abandoned.push(process);
}

/// Reaps what has ended since of the abandoned children.
pub(super) fn reap_abandoned() {
    let mut abandoned = ABANDONED.lock().unwrap_or_else(PoisonError::into_inner);
    abandoned.retain(|process| process.reap().is_none());
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(process) = self.process.take().filter(|process| process.reap().is_none()) {
            // The poll watches the descriptor: it goes first.
            drop(self.poll.take());
            abandon(process);
        }
    }
}
