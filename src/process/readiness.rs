//! Whether a launch will succeed, as far as can be told in a few system calls: then it may leave the calling thread.
//!
//! What Node throws from `spawn` (a directory that is none, too many arguments, an identity we may not take) has to be
//! known before `spawn` returns. So whatever does not look good is launched on the calling thread, which then reports
//! exactly what the kernel said.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::command::{Command, WorkingDirectory};

/// Below the kernel's limit for one string (128 KiB) and far below the one for all (a quarter of the stack).
const SMALL_ARGUMENTS: usize = 96 * 1024;

/// Captures the working directory and says whether `command` may be launched later and elsewhere.
pub fn is_runnable(command: &mut Command) -> bool {
    if command.uid.is_some() || command.gid.is_some() || command.packed_bytes() > SMALL_ARGUMENTS {
        return false;
    }
    let path = match &command.directory {
        WorkingDirectory::Path(path) => path.as_ptr(),
        _ => c".".as_ptr(),
    };
    // SAFETY: a C string; the descriptor is owned by what is made of it.
    let directory = unsafe {
        let fd = libc::open(path, libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC);
        if fd < 0 {
            return false;
        }
        OwnedFd::from_raw_fd(fd)
    };
    let found = has_candidate(command, directory.as_raw_fd());
    if found {
        command.directory = WorkingDirectory::Descriptor(directory);
    }
    found
}

fn has_candidate(command: &Command, directory: RawFd) -> bool {
    command.candidates.iter().any(|candidate| {
        // SAFETY: a C string of the command.
        let executable = unsafe { libc::faccessat(directory, candidate, libc::X_OK, 0) == 0 };
        executable && is_file(directory, candidate)
    })
}

/// A directory has the same permission.
fn is_file(directory: RawFd, path: *const libc::c_char) -> bool {
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: a C string of the command, and room for the answer, which is there when the call succeeds.
    unsafe {
        libc::fstatat(directory, path, status.as_mut_ptr(), 0) == 0
            && status.assume_init().st_mode & libc::S_IFMT == libc::S_IFREG
    }
}
