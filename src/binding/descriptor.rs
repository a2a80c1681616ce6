//! Descriptors that JavaScript has as numbers: it hands them from one handle to the next.

use std::cell::RefCell;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use napi::{Env, Result as NapiResult};
use napi_derive::napi;

use super::environment::Environment;
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

/// Those on their way. JavaScript may be terminated at any point, as in a worker: what has not arrived by then is closed with
/// the environment.
#[derive(Default)]
pub struct InTransit {
    fds: RefCell<Vec<OwnedFd>>,
}

impl InTransit {
    /// Gives one to JavaScript, until a handle of ours or `closeDescriptor` takes it; `releaseDescriptor` when anybody else does.
    pub fn give(&self, fd: OwnedFd) -> RawFd {
        let raw = fd.as_raw_fd();
        self.fds.borrow_mut().push(fd);
        raw
    }

    /// It has arrived. False for one that was not on its way.
    pub fn take(&self, fd: RawFd) -> bool {
        let mut fds = self.fds.borrow_mut();
        let place = fds.iter().rposition(|known| known.as_raw_fd() == fd);
        if let Some(place) = place {
            // Owned by whoever takes it.
            let _ = fds.swap_remove(place).into_raw_fd();
        }
        place.is_some()
    }

    /// Gives back what `take` has taken.
    pub fn give_back(&self, fd: Option<OwnedFd>, was_on_its_way: bool) {
        match fd {
            Some(fd) if was_on_its_way => drop(self.give(fd)),
            fd => drop(fd.map(IntoRawFd::into_raw_fd)),
        }
    }

    pub fn end(&self) {
        drop(self.fds.take());
    }
}

/// A descriptor of ours is somebody else's from now on.
#[napi(catch_unwind)]
pub fn release_descriptor(env: Env, fd: i32) -> NapiResult<()> {
    Environment::of(&env)?.in_transit.take(fd);
    Ok(())
}

/// Closes a descriptor that JavaScript was given and has no use for.
#[napi(catch_unwind)]
pub fn close_descriptor(env: Env, fd: i32) -> NapiResult<()> {
    Environment::of(&env)?.in_transit.take(fd);
    // JavaScript owns it and uses it no more.
    drop(adopt(fd));
    Ok(())
}
