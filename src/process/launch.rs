//! Making the process: `clone(CLONE_VM)`.
//!
//! The child borrows our memory until it executes the program: nothing is copied, so the cost does not grow with our size as
//! fork's does, and the child reports an error by writing it to memory. Either the thread waits until then (CLONE_VFORK), or,
//! when the program has been executed before (`known.rs`), it goes on at once, which takes a quarter of the time and does not
//! wait for a processor that is free for the child. posix_spawn does the same inside, waiting, but cannot set the user and
//! group, nor a parent-death signal, nor make inherited descriptors blocking.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::birth::{Birth, child_main};
use super::child::reap_abandoned;
use super::command::Command;
use super::known;
use super::stdio::StdioTable;
use super::under_way::{self, late_failure};
use super::watched::{Watched, has_pidfds};
use crate::event_loop::{Errno, last_errno};

/// Children that have not executed their program yet, and so hold whatever was open here when they were made: a program that
/// was written and closed meanwhile, too, which the kernel then refuses to execute (ETXTBSY).
pub(super) static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
/// Has the kernel clear a word when the child lets go of our memory. musl's `clone` refuses it (since 1.2.5).
const CLEAR_WHEN_FREE: c_int = if cfg!(target_env = "musl") {
    0
} else {
    libc::CLONE_CHILD_CLEARTID
};
/// Before each further try. The kernel closes what a child held right after it has let us go on, so never without a pause.
const BUSY_PAUSES: [Duration; 6] = [
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(4),
    Duration::from_millis(8),
    Duration::from_millis(16),
    Duration::from_millis(32),
];
/// A child that was not under way any more may still be about to close its files, if it lost its processor meanwhile.
const LONGEST_PAUSE_ALONE: Duration = Duration::from_millis(8);

/// A process that runs its program, or is about to; not yet reaped.
pub struct Launched {
    pub pid: libc::pid_t,
    pub process: Watched,
}

/// Starts `command` with the descriptors of `stdio`, and waits until the program is executed, unless it was executed before:
/// `Child::await_program` waits for that, and has the reason should it fail all the same.
///
/// # Errors
/// What the system call that failed said: ENOENT for a missing program or directory, EACCES, EAGAIN, …
pub fn launch(command: Command, stdio: &StdioTable) -> Result<Launched, Errno> {
    keep_exit_statuses();
    let program = known::find(&command, stdio);
    if let Some(program) = &program
        && under_way::is_possible()
        && known::contains(program)
    {
        return launch_ahead(command, stdio);
    }
    let launched = launch_here(command, stdio)?;
    if let Some(program) = program {
        known::remember(program);
    }
    Ok(launched)
}

/// As `launch`, always waiting.
///
/// # Errors
/// As `launch`.
pub fn launch_waiting(command: Command, stdio: &StdioTable) -> Result<Launched, Errno> {
    keep_exit_statuses();
    launch_here(command, stdio)
}

fn launch_ahead(command: Command, stdio: &StdioTable) -> Result<Launched, Errno> {
    reap_abandoned();
    let birth = under_way::Lent::new(Birth::new(command, stdio));
    // SAFETY: `birth` stays where it is until the child has let go of it.
    let (pid, pidfd) = unsafe { make(birth.as_ptr(), 0) }?;
    under_way::add(pid, birth);
    watch(pid, pidfd).inspect_err(|_| {
        // Of its pid, which another process may get.
        let _ = late_failure(pid);
    })
}

/// As `launch_waiting`. On a thread that is not JavaScript's, `keep_exit_statuses` was called there before.
pub(super) fn launch_here(command: Command, stdio: &StdioTable) -> Result<Launched, Errno> {
    reap_abandoned();
    let mut birth = Birth::new(command, stdio);
    let mut launched = launch_once(&mut birth);
    // Our own children may have the file open: those that have not executed their program yet.
    let mut ours = false;
    for pause in BUSY_PAUSES {
        if !matches!(launched, Err(errno) if errno == -libc::ETXTBSY) {
            break;
        }
        ours |= under_way::await_all();
        std::thread::sleep(pause);
        let alone = !ours && UNDER_WAY.load(Ordering::SeqCst) == 0;
        birth.sources.copy_from_slice(&stdio.sources);
        launched = launch_once(&mut birth);
        if alone && pause >= LONGEST_PAUSE_ALONE {
            // Somebody else has the file open, then.
            break;
        }
    }
    launched
}

fn launch_once(birth: &mut Birth) -> Result<Launched, Errno> {
    // SAFETY: plain system call.
    let dumpable = (birth.command.changes_identity()).then(|| unsafe { libc::prctl(libc::PR_GET_DUMPABLE) });
    // SAFETY: with CLONE_VFORK the child has let go of `birth` before the call returns.
    let made = unsafe { make(birth, libc::CLONE_VFORK) };
    if made.is_ok() {
        UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
    }
    let (pid, pidfd) = made?;
    if let Some(before) = dumpable {
        // Linux: a change of identity clears it for the memory, and the child's was ours (commit_creds).
        // SAFETY: plain system call.
        unsafe { libc::prctl(libc::PR_SET_DUMPABLE, before) };
    }
    let error = birth.error();
    if error != 0 {
        reap_now(pid);
        return Err(-error);
    }
    under_way::learn(birth);
    watch(pid, pidfd)
}

/// Makes the child: one more is under way then. It uses `birth` until its field `borrows` is 0.
///
/// # Safety
/// `birth` is valid, and left alone but for its atomic fields, until then.
unsafe fn make(birth: *mut Birth, flags: c_int) -> Result<(libc::pid_t, Option<OwnedFd>), Errno> {
    // SAFETY: no child has it yet.
    let (top, borrows) = unsafe { (*birth).lend() };
    let with_pidfd = if has_pidfds() { libc::CLONE_PIDFD } else { 0 };
    let mut pidfd: c_int = -1;
    UNDER_WAY.fetch_add(1, Ordering::SeqCst);
    // SAFETY: stack and `birth` are the child's by contract. It shares no descriptor table and no signal handlers, and uses
    // nothing of this thread's.
    let pid = with_signals_blocked(|| unsafe {
        libc::clone(
            child_main,
            top.cast::<c_void>(),
            libc::CLONE_VM | CLEAR_WHEN_FREE | flags | with_pidfd | libc::SIGCHLD,
            birth.cast::<c_void>(),
            ptr::from_mut(&mut pidfd),
            ptr::null_mut::<c_void>(),
            borrows,
        )
    });
    if pid < 0 {
        let errno = last_errno();
        UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
        // SAFETY: there is no child.
        unsafe { (*birth).take_back() };
        return Err(errno);
    }
    // SAFETY: the kernel made it for us (close-on-exec).
    Ok((pid, (pidfd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(pidfd) })))
}

fn watch(pid: libc::pid_t, pidfd: Option<OwnedFd>) -> Result<Launched, Errno> {
    let process = Watched::child(pid, pidfd).inspect_err(|_| {
        // Nobody could ever hear of its end.
        // SAFETY: our own child, which is not reaped: its pid cannot be another's.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        reap_now(pid);
    })?;
    Ok(Launched { pid, process })
}

/// Waits for a child that has ended or is about to.
fn reap_now(pid: libc::pid_t) {
    let mut status = 0;
    // SAFETY: our own child, which is not reaped: its pid cannot be another's.
    while unsafe { libc::waitpid(pid, &mut status, 0) } < 0 && last_errno() == -libc::EINTR {}
}

/// The nice value of the calling thread.
pub(super) fn own_nice() -> c_int {
    // SAFETY: plain call; it cannot fail for the caller itself.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

/// No handler of ours may run in the child, on memory that is ours.
pub(super) fn with_signals_blocked<T>(body: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both sets are written before they are read.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    let value = body();
    // SAFETY: `before` was filled above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    value
}

/// A parent that was started with SIGCHLD ignored would have the kernel throw the exit statuses away. libuv's handler
/// prevents that too, but is there only once Node's own child_process was used.
///
/// On a thread of JavaScript's, where libuv sets its handler too: not between our look and our change.
pub(super) fn keep_exit_statuses() {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: reads the disposition into `action`, and writes back a valid one.
    unsafe {
        libc::sigaction(libc::SIGCHLD, ptr::null(), action.as_mut_ptr());
        let mut action = action.assume_init();
        if action.sa_sigaction == libc::SIG_IGN || action.sa_flags & libc::SA_NOCLDWAIT != 0 {
            if action.sa_sigaction == libc::SIG_IGN {
                action.sa_sigaction = libc::SIG_DFL;
            }
            action.sa_flags &= !libc::SA_NOCLDWAIT;
            libc::sigaction(libc::SIGCHLD, &action, ptr::null_mut());
        }
    }
}
