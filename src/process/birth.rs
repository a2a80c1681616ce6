//! The child until it executes its program, on memory borrowed from us, which we may be changing elsewhere meanwhile: system
//! calls only. No allocation, no lock, no panic, nothing of the thread's own (`errno`).

use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, Ordering};

use super::command::Command;
use super::launch::own_nice;
use super::raw;
use super::stdio::{IGNORE, StdioTable};

/// Linux's highest signal number (SIGRTMAX).
const LAST_SIGNAL: c_int = 64;
/// What the child ends with when it could not execute the program; nobody sees it.
const EXEC_FAILED: c_int = 127;
/// The kernel's `struct sigaction`, and its `sigset_t`.
const SIGACTION_BYTES: usize = 32;
const SIGSET_BYTES: usize = 8;

/// A few frames of system calls: an unoptimised build needs 2 KiB.
const STACK_BYTES: usize = 32 * 1024;

/// What the child reads, where it leaves its error, and its stack.
pub(super) struct Birth {
    pub command: Command,
    /// What becomes descriptor 0, 1, 2, … of the child, which changes the list.
    pub sources: Vec<RawFd>,
    /// Where ours differs from the caller's: it belongs to a thread.
    nice: Option<c_int>,
    /// 0, or the errno for which the program was not executed.
    error: AtomicI32,
    /// Not 0 while the child borrows our memory: the kernel clears it, and wakes who waits for that.
    pub borrows: AtomicI32,
    stack: Vec<MaybeUninit<u8>>,
}

impl Birth {
    pub fn new(command: Command, stdio: &StdioTable) -> Self {
        Birth {
            nice: Some(command.nice).filter(|&nice| nice != own_nice()),
            command,
            sources: stdio.sources.clone(),
            error: AtomicI32::new(0),
            borrows: AtomicI32::new(0),
            stack: Vec::with_capacity(STACK_BYTES),
        }
    }

    /// For a child that is about to be made: the top of its stack, and what the kernel clears.
    pub fn lend(&mut self) -> (*mut MaybeUninit<u8>, *mut i32) {
        self.error.store(0, Ordering::Relaxed);
        self.borrows.store(1, Ordering::Relaxed);
        // A stack begins at a multiple of 16, wherever the memory does.
        let end = self.stack.as_mut_ptr().wrapping_add(self.stack.capacity());
        (end.wrapping_sub(end.addr() % 16), self.borrows.as_ptr())
    }

    /// Whether the kernel had cleared it.
    pub fn take_back(&self) -> bool {
        self.borrows.swap(0, Ordering::AcqRel) == 0
    }

    pub fn error(&self) -> c_int {
        self.error.load(Ordering::Acquire)
    }
}

pub(super) extern "C" fn child_main(argument: *mut c_void) -> c_int {
    // SAFETY: a `Birth` of which the parent reads nothing but the atomic fields while we run.
    let (command, sources, nice, error) = unsafe {
        let birth = argument.cast::<Birth>();
        (
            &(*birth).command,
            (*birth).sources.as_mut_slice(),
            (*birth).nice,
            &(*birth).error,
        )
    };
    let failed = become_program(command, sources, nice);
    error.store(failed, Ordering::Release);
    end();
}

fn end() -> ! {
    loop {
        // SAFETY: ends this process alone, without exit handlers.
        let _ = unsafe { raw::call(libc::SYS_exit_group, [EXEC_FAILED as usize, 0, 0, 0]) };
    }
}

/// Returns only with an errno. The order is libuv's (uv__process_child_init).
fn become_program(command: &Command, sources: &mut [RawFd], nice: Option<c_int>) -> c_int {
    reset_signal_dispositions();
    // SAFETY: plain system calls, and strings of the command.
    unsafe {
        if command.detached {
            let _ = raw::call(libc::SYS_setsid, [0; 4]);
        }
        if let Err(error) = place_descriptors(sources) {
            return error;
        }
        let moved = match &command.directory {
            Some(path) => raw::call(libc::SYS_chdir, [path.as_ptr() as usize, 0, 0, 0]),
            None => Ok(0),
        };
        if let Err(error) = moved {
            return error;
        }
        if let Some(nice) = nice {
            let own = libc::PRIO_PROCESS as usize;
            let _ = raw::call(libc::SYS_setpriority, [own, 0, nice as usize, 0]);
        }
        if let Err(error) = set_identity(command) {
            return error;
        }
        // After the identity, whose change clears it.
        if let Some(death) = &command.death_signal {
            let option = libc::PR_SET_PDEATHSIG as usize;
            let _ = raw::call(libc::SYS_prctl, [option, death.signal as usize, 0, 0]);
            if raw::call(libc::SYS_getppid, [0; 4]) != Ok(death.parent as usize) {
                end();
            }
        }
        let none = [0_u8; SIGSET_BYTES];
        let set = libc::SIG_SETMASK as usize;
        let _ = raw::call(
            libc::SYS_rt_sigprocmask,
            [set, none.as_ptr() as usize, 0, SIGSET_BYTES],
        );
    }
    execute(command)
}

/// exec resets handlers, but not what is ignored: Node ignores SIGPIPE, and programs expect to die of it. Handlers go
/// too, since signals are let in again before exec.
fn reset_signal_dispositions() {
    // All zero: SIG_DFL without flags.
    let default = [0_u8; SIGACTION_BYTES];
    for signal in 1..=LAST_SIGNAL {
        if signal != libc::SIGKILL && signal != libc::SIGSTOP {
            let arguments = [signal as usize, default.as_ptr() as usize, 0, SIGSET_BYTES];
            // SAFETY: a disposition of the kernel's size; the child's table is its own copy.
            let _ = unsafe { raw::call(libc::SYS_rt_sigaction, arguments) };
        }
    }
}

/// Makes `sources[n]` descriptor n.
fn place_descriptors(sources: &mut [RawFd]) -> Result<(), c_int> {
    let count = sources.len() as RawFd;
    // First out of the way what a later step would overwrite before it is used.
    for (target, source) in (0..).zip(sources.iter_mut()) {
        if *source >= 0 && *source < target {
            *source = fcntl(*source, libc::F_DUPFD_CLOEXEC, count)?;
        }
    }
    for (target, source) in (0..).zip(sources.iter().copied()) {
        if source == IGNORE {
            if target < 3 {
                open_null(target, count)?;
            }
        } else if source == target {
            fcntl(target, libc::F_SETFD, 0)?;
            make_standard_blocking(target);
        } else {
            duplicate(source, target)?;
            make_standard_blocking(target);
        }
    }
    Ok(())
}

/// Programs do not expect EAGAIN from their standard descriptors, and ours may be non-blocking.
fn make_standard_blocking(fd: RawFd) {
    if fd < 3
        && let Ok(flags) = fcntl(fd, libc::F_GETFL, 0)
        && flags & libc::O_NONBLOCK != 0
    {
        let _ = fcntl(fd, libc::F_SETFL, flags & !libc::O_NONBLOCK);
    }
}

fn open_null(target: RawFd, count: RawFd) -> Result<(), c_int> {
    let mode = if target == 0 { libc::O_RDONLY } else { libc::O_RDWR };
    let path = c"/dev/null".as_ptr() as usize;
    // SAFETY: a C string that lives as long as the program.
    let null = unsafe {
        raw::call(
            libc::SYS_openat,
            [libc::AT_FDCWD as usize, path, mode as usize, 0],
        )
    }?;
    let null = null as RawFd;
    if null != target {
        duplicate(null, target)?;
        if null >= count {
            // SAFETY: just opened.
            let _ = unsafe { raw::call(libc::SYS_close, [null as usize, 0, 0, 0]) };
        }
    }
    Ok(())
}

fn fcntl(fd: RawFd, command: c_int, value: c_int) -> Result<c_int, c_int> {
    let arguments = [fd as usize, command as usize, value as usize, 0];
    // SAFETY: a descriptor call; the child's table is its own copy.
    unsafe { raw::call(libc::SYS_fcntl, arguments) }.map(|result| result as c_int)
}

/// dup2(2) of two that differ, which newer architectures leave to dup3.
fn duplicate(source: RawFd, target: RawFd) -> Result<(), c_int> {
    // SAFETY: a descriptor call; the child's table is its own copy.
    unsafe { raw::call(libc::SYS_dup3, [source as usize, target as usize, 0, 0]) }.map(drop)
}

/// The system calls themselves: the C library's functions would tell every thread of the parent to change too.
fn set_identity(command: &Command) -> Result<(), c_int> {
    // SAFETY: system calls with plain numbers.
    unsafe {
        if command.changes_identity() {
            // Needs a privilege; without it the groups stay, as in libuv.
            let _ = raw::call(libc::SYS_setgroups, [0; 4]);
        }
        if let Some(gid) = command.gid {
            raw::call(libc::SYS_setgid, [gid as usize, 0, 0, 0])?;
        }
        if let Some(uid) = command.uid {
            raw::call(libc::SYS_setuid, [uid as usize, 0, 0, 0])?;
        }
    }
    Ok(())
}

/// execvp with the candidates made before: goes on where a directory lacks the file, remembers where it may not be run.
fn execute(command: &Command) -> c_int {
    let mut denied = false;
    for &candidate in command.candidates.pointers() {
        let mut error = execve(candidate, command.argv.as_ptr(), command);
        if error == libc::ENOEXEC {
            let shell = command.shell_argv.with_script(candidate);
            // SAFETY: it has two entries at least.
            error = execve(unsafe { *shell }, shell, command);
        }
        match error {
            libc::EACCES => denied = true,
            libc::ENOENT | libc::ESTALE | libc::ENOTDIR | libc::ENODEV | libc::ETIMEDOUT
                if command.searches => {}
            _ => return error,
        }
    }
    if denied { libc::EACCES } else { libc::ENOENT }
}

/// Returns only with an errno.
fn execve(file: *const c_char, argv: *const *const c_char, command: &Command) -> c_int {
    let arguments = [file as usize, argv as usize, command.envp.as_ptr() as usize, 0];
    // SAFETY: null-terminated lists of C strings of the command.
    match unsafe { raw::call(libc::SYS_execve, arguments) } {
        Err(error) => error,
        Ok(_) => 0,
    }
}
