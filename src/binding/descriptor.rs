//! Descriptors that JavaScript hands over.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use crate::event_loop::{Errno, last_errno};

/// As `adopt`, of a number that may be no descriptor at all.
///
/// # Errors
/// EBADF then.
pub fn adopt_open(fd: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: plain system call.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(last_errno());
    }
    adopt(fd)
}

/// Takes over a descriptor that nobody else closes. Whether it is open, the first system call on it says.
///
/// # Errors
/// EBADF for a number that is none.
pub fn adopt(fd: RawFd) -> Result<OwnedFd, Errno> {
    if fd < 0 {
        return Err(-libc::EBADF);
    }
    // SAFETY: not -1, and JavaScript gives it up.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
