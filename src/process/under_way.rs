//! The children that have been made ahead of their program's execution: their memory, which is theirs until then, and what
//! has become of them. Of the calling thread.

use std::cell::RefCell;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::birth::Birth;
use super::known;
use super::launch::UNDER_WAY;
use super::raw::LEAVES_ERRNO_ALONE;
use crate::event_loop::Errno;

/// Whether the kernel clears `Birth::borrows`: found out by children that were waited for, since not everything that calls
/// itself Linux does.
static CLEARS: AtomicU8 = AtomicU8::new(UNKNOWN);
const UNKNOWN: u8 = 0;
const YES: u8 = 1;
const NO: u8 = 2;

/// How long a child is waited for at most; it goes on by itself then.
const LONGEST_WAIT: Duration = Duration::from_millis(900);
/// How often it is looked whether somebody has stopped it, which ends the wait.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A `Birth` that a child may have; left to the child when dropped before the child has let go of it.
pub(super) struct Lent(NonNull<Birth>);

#[derive(Default)]
struct Children {
    lent: Vec<(libc::pid_t, Lent)>,
    failed: Vec<(libc::pid_t, Errno)>,
}

thread_local! {
    static CHILDREN: RefCell<Children> = RefCell::default();
}

/// Whether a child can be made without waiting for it.
pub(super) fn is_possible() -> bool {
    LEAVES_ERRNO_ALONE && CLEARS.load(Ordering::Relaxed) == YES
}

/// From a child that was waited for and has executed its program.
pub(super) fn learn(birth: &Birth) {
    let answer = if birth.take_back() { YES } else { NO };
    CLEARS.store(answer, Ordering::Relaxed);
}

pub(super) fn add(pid: libc::pid_t, birth: Lent) {
    CHILDREN.with_borrow_mut(|children| {
        children.sweep();
        children.lent.push((pid, birth));
    });
}

/// Waits until every one has executed its program; false when there was none to wait for.
pub(super) fn await_all() -> bool {
    CHILDREN.with_borrow_mut(|children| {
        children.sweep();
        let waits = !children.lent.is_empty();
        children.lent.iter().for_each(|(pid, birth)| birth.wait(*pid));
        children.sweep();
        waits
    })
}

/// Waits until a child has executed its program.
///
/// # Errors
/// Why it did not.
pub(super) fn await_program(pid: libc::pid_t) -> Result<(), Errno> {
    CHILDREN.with_borrow_mut(|children| {
        let mut lent = children.lent.iter();
        if let Some((_, birth)) = lent.find(|(other, _)| *other == pid) {
            birth.wait(pid);
            children.sweep();
        }
        let failed = children.failed.iter().find(|(failed, _)| *failed == pid);
        failed.map_or(Ok(()), |&(_, errno)| Err(errno))
    })
}

/// Why a child that has ended did not execute its program, if it was made ahead of that; once.
pub(super) fn late_failure(pid: libc::pid_t) -> Option<Errno> {
    CHILDREN.with_borrow_mut(|children| {
        children.sweep();
        let index = children.failed.iter().position(|(failed, _)| *failed == pid)?;
        Some(children.failed.swap_remove(index).1)
    })
}

impl Drop for Children {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(self.lent.len(), Ordering::SeqCst);
    }
}

impl Children {
    fn sweep(&mut self) {
        let failed = &mut self.failed;
        self.lent.retain(|(pid, birth)| {
            if birth.is_borrowed() {
                return true;
            }
            UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
            let error = birth.error();
            if error != 0 {
                failed.push((*pid, -error));
                known::forget();
            }
            false
        });
    }
}

impl Lent {
    pub(super) fn new(birth: Birth) -> Self {
        Lent(NonNull::from(Box::leak(Box::new(birth))))
    }

    pub(super) fn as_ptr(&self) -> *mut Birth {
        self.0.as_ptr()
    }

    fn borrows(&self) -> &AtomicI32 {
        // SAFETY: an atomic field, the child's or ours.
        unsafe { &*ptr::addr_of!((*self.0.as_ptr()).borrows) }
    }

    fn is_borrowed(&self) -> bool {
        self.borrows().load(Ordering::Acquire) != 0
    }

    /// Returns when the child `pid` has let go of it, when it is stopped, or after `LONGEST_WAIT`.
    fn wait(&self, pid: libc::pid_t) {
        let begun = Instant::now();
        let limit = libc::timespec {
            tv_sec: 0,
            tv_nsec: LOOK_AGAIN.subsec_nanos().into(),
        };
        while self.is_borrowed() && begun.elapsed() < LONGEST_WAIT && !is_stopped(pid) {
            // SAFETY: a futex of ours that the kernel wakes; not private, since it is another process that lets go.
            unsafe {
                libc::syscall(
                    libc::SYS_futex,
                    self.borrows().as_ptr(),
                    libc::FUTEX_WAIT,
                    1,
                    &raw const limit,
                )
            };
        }
    }

    /// Of one that nobody borrows any more.
    fn error(&self) -> i32 {
        // SAFETY: no child has it now.
        unsafe { self.0.as_ref() }.error()
    }
}

/// Whether a child of ours is stopped; it stays to be waited for.
fn is_stopped(pid: libc::pid_t) -> bool {
    // SAFETY: all zeros are a valid siginfo_t, which the kernel fills or leaves alone.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let flags = libc::WSTOPPED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: as above.
    unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, &raw mut info, flags) == 0 && info.si_signo != 0 }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // At the end of the thread or of the process, which must not wait for a child that somebody has stopped.
        if self.is_borrowed() {
            return;
        }
        // SAFETY: made by `new`, and no child has it any more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
