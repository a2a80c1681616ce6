//! Making the process: `clone(CLONE_VM | CLONE_VFORK)`.
//!
//! The child borrows our memory until it executes the program, while the calling thread waits: nothing is copied, so the
//! cost does not grow with our size as fork's does, and the child reports an error by writing it to memory. Until then it
//! may only make system calls: no allocation, no lock, no panic. posix_spawn does the same inside but cannot set the user
//! and group, nor a parent-death signal, nor make inherited descriptors blocking.

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::child::reap_abandoned;
use super::command::{Command, WorkingDirectory};
use super::stdio::{IGNORE, StdioTable};
use super::watched::{Watched, has_pidfds};
use crate::event_loop::{Errno, last_errno};

/// A few frames of system calls: an unoptimised build needs 2 KiB.
const STACK_BYTES: usize = 32 * 1024;
/// Linux's highest signal number (SIGRTMAX).
const LAST_SIGNAL: c_int = 64;
/// What the child ends with when it could not execute the program; nobody sees it.
const EXEC_FAILED: c_int = 127;

/// Children that have not executed their program yet, and so hold whatever was open here when they were made: a program that
/// was written and closed meanwhile, too, which the kernel then refuses to execute (ETXTBSY).
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
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

thread_local! {
    /// Serves one child at a time: the thread waits while a child uses it.
    static STACK: RefCell<Vec<MaybeUninit<u8>>> = RefCell::new(Vec::with_capacity(STACK_BYTES));
}

/// A process that runs its program, not yet reaped.
pub struct Launched {
    pub pid: libc::pid_t,
    pub process: Watched,
}

/// What the child reads, and where it leaves its error.
struct Birth<'a> {
    command: &'a Command,
    sources: &'a mut [RawFd],
    /// Where ours differs from the caller's: it belongs to a thread.
    nice: Option<c_int>,
    error: c_int,
}

/// Starts `command` with the descriptors of `stdio`.
///
/// Blocks the calling thread until the program is executed. A thread that asks for a parent-death signal must not end before
/// the child.
///
/// # Errors
/// What the system call that failed said: ENOENT for a missing program or directory, EACCES, EAGAIN, …
pub fn launch(command: &Command, stdio: &mut StdioTable) -> Result<Launched, Errno> {
    keep_exit_statuses();
    launch_here(command, stdio)
}

/// As `launch`, on a thread that is not JavaScript's; `keep_exit_statuses` was called there before.
pub(super) fn launch_here(command: &Command, stdio: &mut StdioTable) -> Result<Launched, Errno> {
    // The child changes its list, which is ours too.
    let sources = stdio.sources.clone();
    let mut launched = launch_once(command, stdio);
    for pause in BUSY_PAUSES {
        if !matches!(launched, Err(errno) if errno == -libc::ETXTBSY) {
            break;
        }
        std::thread::sleep(pause);
        let alone = UNDER_WAY.load(Ordering::SeqCst) == 0;
        stdio.sources.copy_from_slice(&sources);
        launched = launch_once(command, stdio);
        if alone && pause >= LONGEST_PAUSE_ALONE {
            // Somebody else has the file open, then.
            break;
        }
    }
    launched
}

fn launch_once(command: &Command, stdio: &mut StdioTable) -> Result<Launched, Errno> {
    let mut birth = Birth {
        command,
        sources: &mut stdio.sources,
        nice: Some(command.nice).filter(|&nice| nice != own_nice()),
        error: 0,
    };
    reap_abandoned();
    let dumpable = changes_identity(command).then(dumpable);
    UNDER_WAY.fetch_add(1, Ordering::SeqCst);
    let cloned = with_signals_blocked(|| clone_child(&mut birth));
    UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
    let (pid, pidfd) = cloned?;
    if let Some(before) = dumpable {
        // Linux: a change of identity clears it for the memory, and the child's was ours (commit_creds).
        // SAFETY: plain system call.
        unsafe { libc::prctl(libc::PR_SET_DUMPABLE, before) };
    }
    if birth.error != 0 {
        reap_now(pid);
        return Err(-birth.error);
    }
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

fn clone_child(birth: &mut Birth) -> Result<(libc::pid_t, Option<OwnedFd>), Errno> {
    STACK.with_borrow_mut(|stack| {
        // A stack begins at a multiple of 16, wherever the memory does.
        let end = stack.as_mut_ptr().wrapping_add(stack.capacity());
        let top = end.wrapping_sub(end.addr() % 16);
        let mut pidfd: c_int = -1;
        let with_pidfd = if has_pidfds() { libc::CLONE_PIDFD } else { 0 };
        // SAFETY: the stack and `birth` outlive the child's use of them, since CLONE_VFORK holds this thread until the child
        // has another program or is gone. The child shares no descriptor table and no signal handlers.
        let pid = unsafe {
            libc::clone(
                child_main,
                top.cast::<c_void>(),
                libc::CLONE_VM | libc::CLONE_VFORK | with_pidfd | libc::SIGCHLD,
                ptr::from_mut(birth).cast::<c_void>(),
                ptr::from_mut(&mut pidfd),
            )
        };
        if pid < 0 {
            return Err(last_errno());
        }
        // SAFETY: the kernel made it for us (close-on-exec).
        let pidfd = (pidfd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(pidfd) });
        Ok((pid, pidfd))
    })
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

fn changes_identity(command: &Command) -> bool {
    command.uid.is_some() || command.gid.is_some()
}

fn dumpable() -> c_int {
    // SAFETY: plain system call.
    unsafe { libc::prctl(libc::PR_GET_DUMPABLE) }
}

// From here on everything runs in the child, on borrowed memory: system calls only.

extern "C" fn child_main(argument: *mut c_void) -> c_int {
    // SAFETY: `clone_child` passes a `Birth` that it does not touch while we run.
    let birth = unsafe { &mut *argument.cast::<Birth>() };
    birth.error = become_program(birth);
    // SAFETY: ends this process alone, without exit handlers.
    unsafe { libc::_exit(EXEC_FAILED) }
}

/// Returns only with an errno. The order is libuv's (uv__process_child_init).
fn become_program(birth: &mut Birth) -> c_int {
    let command = birth.command;
    reset_signal_dispositions();
    // SAFETY: system calls on memory that the parent keeps while we run.
    unsafe {
        if command.detached {
            libc::setsid();
        }
        if let Err(error) = place_descriptors(birth.sources) {
            return error;
        }
        let moved = match &command.directory {
            WorkingDirectory::Inherited => 0,
            WorkingDirectory::Path(path) => libc::chdir(path.as_ptr()),
            WorkingDirectory::Descriptor(directory) => libc::fchdir(directory.as_raw_fd()),
        };
        if moved < 0 {
            return errno();
        }
        if let Some(nice) = birth.nice {
            libc::setpriority(libc::PRIO_PROCESS, 0, nice);
        }
        if let Err(error) = set_identity(command) {
            return error;
        }
        // After the identity, whose change clears it.
        if let Some(death) = &command.death_signal {
            libc::prctl(libc::PR_SET_PDEATHSIG, death.signal);
            if libc::getppid() != death.parent {
                libc::_exit(EXEC_FAILED);
            }
        }
        let mut none = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
    execute(command)
}

/// exec resets handlers, but not what is ignored: Node ignores SIGPIPE, and programs expect to die of it. Handlers go
/// too, since signals are let in again before exec.
fn reset_signal_dispositions() {
    // SAFETY: an all-zero sigaction is SIG_DFL without flags. The C library's own two signals are refused, which is right.
    unsafe {
        let action = MaybeUninit::<libc::sigaction>::zeroed();
        for signal in 1..=LAST_SIGNAL {
            if signal != libc::SIGKILL && signal != libc::SIGSTOP {
                libc::sigaction(signal, action.as_ptr(), ptr::null_mut());
            }
        }
    }
}

/// Makes `sources[n]` descriptor n.
fn place_descriptors(sources: &mut [RawFd]) -> Result<(), c_int> {
    let count = sources.len() as RawFd;
    // SAFETY: descriptor calls only. The child's table is its own copy.
    unsafe {
        // First out of the way what a later step would overwrite before it is used.
        for (target, source) in (0..).zip(sources.iter_mut()) {
            if *source >= 0 && *source < target {
                *source = check(libc::fcntl(*source, libc::F_DUPFD_CLOEXEC, count))?;
            }
        }
        for (target, source) in (0..).zip(sources.iter().copied()) {
            if source == IGNORE {
                if target < 3 {
                    open_null(target, count)?;
                }
            } else if source == target {
                check(libc::fcntl(target, libc::F_SETFD, 0))?;
                make_standard_blocking(target);
            } else {
                check(libc::dup2(source, target))?;
                make_standard_blocking(target);
            }
        }
    }
    Ok(())
}

/// Programs do not expect EAGAIN from their standard descriptors, and ours may be non-blocking.
unsafe fn make_standard_blocking(fd: RawFd) {
    if fd < 3 {
        // SAFETY: descriptor calls only.
        unsafe {
            let flags = libc::fcntl(fd, libc::F_GETFL);
            if flags >= 0 && flags & libc::O_NONBLOCK != 0 {
                libc::fcntl(fd, libc::F_SETFL, flags & !libc::O_NONBLOCK);
            }
        }
    }
}

unsafe fn open_null(target: RawFd, count: RawFd) -> Result<(), c_int> {
    let mode = if target == 0 { libc::O_RDONLY } else { libc::O_RDWR };
    // SAFETY: descriptor calls only.
    unsafe {
        let null = check(libc::open(c"/dev/null".as_ptr(), mode))?;
        if null != target {
            check(libc::dup2(null, target))?;
            if null >= count {
                libc::close(null);
            }
        }
    }
    Ok(())
}

/// Raw system calls: the C library's functions would tell every thread of the parent to change too.
unsafe fn set_identity(command: &Command) -> Result<(), c_int> {
    // SAFETY: system calls with plain numbers.
    unsafe {
        if changes_identity(command) {
            // Needs a privilege; without it the groups stay, as in libuv.
            libc::syscall(libc::SYS_setgroups, 0, ptr::null::<libc::gid_t>());
        }
        if let Some(gid) = command.gid {
            check(libc::syscall(libc::SYS_setgid, gid) as c_int)?;
        }
        if let Some(uid) = command.uid {
            check(libc::syscall(libc::SYS_setuid, uid) as c_int)?;
        }
    }
    Ok(())
}

/// execvp with the candidates made before: goes on where a directory lacks the file, remembers where it may not be run.
fn execute(command: &Command) -> c_int {
    let mut denied = false;
    let mut candidate = command.candidates.as_ptr();
    // SAFETY: null-terminated lists of C strings; that of the shell has two entries at least.
    unsafe {
        while !(*candidate).is_null() {
            libc::execve(*candidate, command.argv.as_ptr(), command.envp.as_ptr());
            let mut error = errno();
            if error == libc::ENOEXEC {
                let shell = command.shell_argv.with_script(*candidate);
                libc::execve(*shell, shell, command.envp.as_ptr());
                error = errno();
            }
            match error {
                libc::EACCES => denied = true,
                libc::ENOENT | libc::ESTALE | libc::ENOTDIR | libc::ENODEV | libc::ETIMEDOUT
                    if command.searches => {}
                _ => return error,
            }
            candidate = candidate.add(1);
        }
    }
    if denied { libc::EACCES } else { libc::ENOENT }
}

fn check(result: c_int) -> Result<c_int, c_int> {
    if result < 0 { Err(errno()) } else { Ok(result) }
}

/// The thread's errno: shared with the waiting parent, which reads it no more.
fn errno() -> c_int {
    // SAFETY: always a valid pointer.
    unsafe { *libc::__errno_location() }
}
