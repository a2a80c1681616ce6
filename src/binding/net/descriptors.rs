//! `DescriptorCopies`: descriptors on their way to another process, as JavaScript holds them.

use std::cell::RefCell;
use std::os::fd::{IntoRawFd, OwnedFd};

use napi_derive::napi;

use crate::event_loop::{Errno, descriptors};

/// Copies of descriptors, made at once, so that the originals may be closed before they leave. Closed when sent, by
/// `close`, or when collected.
#[napi]
pub struct DescriptorCopies {
    copies: RefCell<Vec<OwnedFd>>,
    status: Errno,
}

#[napi]
impl DescriptorCopies {
    /// See `status`.
    #[napi(constructor, catch_unwind)]
    pub fn new(fds: Vec<i32>) -> Self {
        match descriptors::duplicate(&fds) {
            Ok(copies) => DescriptorCopies {
                copies: RefCell::new(copies),
                status: 0,
            },
            Err(status) => DescriptorCopies {
                copies: RefCell::default(),
                status,
            },
        }
    }

    /// 0, or the errno with which a descriptor could not be copied (EBADF, EMFILE); there are no copies then.
    #[napi(getter, catch_unwind)]
    pub fn status(&self) -> i32 {
        self.status
    }

    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.take();
    }
}

/// A copy that children do not inherit; the caller's to close.
#[napi(catch_unwind)]
pub fn duplicate_descriptor(fd: i32) -> i32 {
    match descriptors::duplicate(&[fd]) {
        Ok(mut copies) => copies.pop().map_or(-libc::EBADF, IntoRawFd::into_raw_fd),
        Err(errno) => errno,
    }
}

impl DescriptorCopies {
    pub fn take(&self) -> Vec<OwnedFd> {
        self.copies.take()
    }
}
