//! A running child: its end, and signals to it. Runs on the event loop's thread; a child that is
//! dropped before its end is reaped when a later one starts.

use std::cell::{Cell, OnceCell, RefCell};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::{Rc, Weak};
use std::sync::{Mutex, PoisonError};

use super::launch::Launched;
use crate::event_loop::{AfterPoll, Errno, Loop, Poll, PollObserver, Readiness, last_errno};

/// How a process ended: one of the two is 0, unless both are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExitStatus {
    pub code: i32,
    pub signal: i32,
}

pub trait ExitObserver {
    /// The child has ended and is reaped; or cannot be waited for (a negative errno), because somebody else did.
    fn exited(&self, status: Result<ExitStatus, Errno>);
}

pub struct Child {
    pid: libc::pid_t,
    /// `None` once reaped: whoever keeps the object of an ended child keeps no descriptor.
    pidfd: RefCell<Option<OwnedFd>>,
    poll: OnceCell<Poll>,
    usage: Cell<Option<libc::rusage>>,
    after_poll: Rc<AfterPoll>,
    this: Weak<Child>,
    observer: Weak<dyn ExitObserver>,
}

impl Child {
    /// Watches a process that was just launched.
    pub fn watch(
        home: &Rc<Loop>,
        after_poll: &Rc<AfterPoll>,
        launched: Launched,
        observer: Weak<dyn ExitObserver>,
    ) -> Result<Rc<Self>, Errno> {
        let pidfd = launched.pidfd.as_raw_fd();
        let child = Rc::new_cyclic(|this| Child {
            pid: launched.pid,
            pidfd: RefCell::new(Some(launched.pidfd)),
            poll: OnceCell::new(),
            usage: Cell::new(None),
            after_poll: after_poll.clone(),
            this: this.clone(),
            observer,
        });
        let poll_observer: Weak<dyn PollObserver> = Rc::downgrade(&child) as Weak<dyn PollObserver>;
        let poll = Poll::new(home, pidfd, poll_observer)?;
        poll.watch(true, false);
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
    /// ESRCH when it is reaped; a pidfd never reaches another process that got the number.
    pub fn kill(&self, signal: i32) -> Result<(), Errno> {
        let pidfd = self.pidfd.borrow();
        send_signal(pidfd.as_ref().ok_or(-libc::ESRCH)?, signal)
    }

    fn finish(&self) {
        let Some((status, usage)) = self.pidfd.borrow().as_ref().and_then(reap) else {
            // Interrupted, or woken for nothing.
            if let Some(poll) = self.poll.get() {
                poll.watch(true, false);
            }
            return;
        };
        self.usage.set(usage);
        if let Some(poll) = self.poll.get() {
            poll.close();
        }
        self.pidfd.take();
        if let Some(observer) = self.observer.upgrade() {
            observer.exited(status);
        }
    }

    /// Whether waiting for its end keeps the loop alive (it does at first).
    pub fn set_ref(&self, on: bool) {
        if let Some(poll) = self.poll.get() {
            poll.set_ref(on);
        }
    }
}

/// Sends a signal through a pidfd: never to another process that got the number.
pub(super) fn send_signal(pidfd: &OwnedFd, signal: i32) -> Result<(), Errno> {
    // SAFETY: plain system call; no siginfo.
    let status = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    if status < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Takes the exit status and what the child used; `None` when it still runs.
pub(super) fn reap(pidfd: &OwnedFd) -> Option<(Result<ExitStatus, Errno>, Option<libc::rusage>)> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // The system call and not the C library's function: only the former has the usage.
    // SAFETY: the kernel fills both structures; zeroed ones are valid as well.
    let (status, info, usage) = unsafe {
        let status = libc::syscall(
            libc::SYS_waitid,
            libc::P_PIDFD,
            pidfd.as_raw_fd(),
            info.as_mut_ptr(),
            libc::WEXITED | libc::WNOHANG,
            usage.as_mut_ptr(),
        );
        (status, info.assume_init(), usage.assume_init())
    };
    if status < 0 {
        let errno = last_errno();
        return (errno != -libc::EINTR).then_some((Err(errno), None));
    }
    // SAFETY: waitid fills the fields of a child's siginfo; all zero when nothing has ended.
    let (pid, value) = unsafe { (info.si_pid(), info.si_status()) };
    if pid == 0 {
        return None;
    }
    let status = match info.si_code {
        libc::CLD_EXITED => ExitStatus {
            code: value,
            signal: 0,
        },
        _ => ExitStatus {
            code: 0,
            signal: value,
        },
    };
    Some((Ok(status), Some(usage)))
}

impl PollObserver for Child {
    fn ready(&self, _: Readiness) {
        let Some(child) = self.this.upgrade() else { return };
        if let Some(poll) = self.poll.get() {
            poll.watch(false, false);
        }
        self.after_poll.run(move || child.finish());
    }
}

/// Children that nobody waits for any more: a worker thread ended before them.
static ABANDONED: Mutex<Vec<OwnedFd>> = Mutex::new(Vec::new());

/// Reaps what has ended since of the abandoned children.
pub(super) fn reap_abandoned() {
    let mut abandoned = ABANDONED.lock().unwrap_or_else(PoisonError::into_inner);
    abandoned.retain(|pidfd| reap(pidfd).is_none());
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(pidfd) = self.pidfd.take().filter(|pidfd| reap(pidfd).is_none()) {
            // The poll watches the descriptor: it goes first.
            drop(self.poll.take());
            let mut abandoned = ABANDONED.lock().unwrap_or_else(PoisonError::into_inner);
            abandoned.push(pidfd);
        }
    }
}
