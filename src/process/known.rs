//! The programs that this process has executed before: what has been executed and has not changed will be executed again, so
//! the thread that launches need not wait for it.
//!
//! What can fail all the same (no memory, a file that another process has open for writing, an interpreter that is gone) is
//! reported in the next tick, once.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::sync::{Mutex, PoisonError};

use super::command::Command;
use super::stdio::StdioTable;

/// Below the kernel's limit for one string (128 KiB), which is also the least it grants for all of them.
const SMALL_ARGUMENTS: usize = 96 * 1024;
/// A program with more descriptors is waited for: the highest may be above the limit.
const FEW_DESCRIPTORS: usize = 16;
/// Forgotten all together when more are executed.
const MAX_PROGRAMS: usize = 256;

/// A file as it was executed, and by whom. A change of its contents or permissions changes `changed`.
#[derive(PartialEq, Eq)]
pub(super) struct Program {
    device: libc::dev_t,
    inode: libc::ino_t,
    changed: (i64, i64),
    user: (libc::uid_t, libc::gid_t),
}

static KNOWN: Mutex<Vec<Program>> = Mutex::new(Vec::new());

/// The file that `command` will execute, if that can be told and all else about it looks good.
pub(super) fn find(command: &Command, stdio: &StdioTable) -> Option<Program> {
    // A detached child has to be in its session when `spawn` returns: its group is signalled by its pid.
    let is_usual = !command.changes_identity()
        && !command.detached
        && command.packed_bytes() <= SMALL_ARGUMENTS
        && stdio.sources.len() <= FEW_DESCRIPTORS;
    if !is_usual || !stdio.is_open() {
        return None;
    }
    if let Some(directory) = &command.directory {
        // Of a directory that may be entered.
        let inside = CString::new([directory.as_bytes(), b"/."].concat()).ok()?;
        status_of(inside.as_ptr())?;
    }
    command
        .candidates
        .pointers()
        .iter()
        .take_while(|&&path| command.directory.is_none() || is_absolute(path))
        .find_map(|&path| executable(path))
}

pub(super) fn contains(program: &Program) -> bool {
    KNOWN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .contains(program)
}

pub(super) fn remember(program: Program) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() == MAX_PROGRAMS {
        known.clear();
    }
    if !known.contains(&program) {
        known.push(program);
    }
}

/// Something was not executed as it was to be: every program is waited for again, once.
pub(super) fn forget() {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

fn is_absolute(path: *const c_char) -> bool {
    // SAFETY: a C string of the command.
    unsafe { *path == b'/' as c_char }
}

fn executable(path: *const c_char) -> Option<Program> {
    let status = status_of(path)?;
    let mode = status.st_mode;
    let runs = mode & libc::S_IFMT == libc::S_IFREG && mode & 0o111 != 0;
    // SAFETY: plain system calls.
    let user = unsafe { (libc::geteuid(), libc::getegid()) };
    runs.then_some(Program {
        device: status.st_dev,
        inode: status.st_ino,
        changed: (status.st_ctime, status.st_ctime_nsec),
        user,
    })
}

fn status_of(path: *const c_char) -> Option<libc::stat> {
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: a C string, and room for the answer, which is there when the call succeeds.
    unsafe { (libc::stat(path, status.as_mut_ptr()) == 0).then(|| status.assume_init()) }
}
