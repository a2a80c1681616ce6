//! `BoundPathHandle`: the name of a UNIX listener as JavaScript holds it.

use napi_derive::napi;

use crate::event_loop::Errno;
use crate::net::{BoundPath, PathOptions};

/// What is to hold for the file from the moment others can see it.
#[napi(object)]
#[derive(Default)]
pub struct BoundPathOptions {
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub take_over: Option<bool>,
}

/// A UNIX socket's name. Nothing is removed but by `release`.
#[napi]
pub struct BoundPathHandle {
    bound: Result<BoundPath, Errno>,
}

#[napi]
impl BoundPathHandle {
    /// Binds the socket. See `status`.
    #[napi(constructor, catch_unwind)]
    pub fn new(fd: i32, path: String, options: Option<BoundPathOptions>) -> Self {
        let options = options.unwrap_or_default();
        let options = PathOptions {
            mode: options.mode,
            uid: options.uid,
            gid: options.gid,
            take_over: options.take_over.unwrap_or(false),
        };
        BoundPathHandle {
            bound: BoundPath::bind(fd, path.as_bytes(), options),
        }
    }

    /// 0 or a negative errno.
    #[napi(getter, catch_unwind)]
    pub fn status(&self) -> i32 {
        self.bound.as_ref().err().copied().unwrap_or(0)
    }

    /// Removes the file that was made, if it is still that one.
    #[napi(catch_unwind)]
    pub fn release(&self) {
        if let Ok(bound) = &self.bound {
            bound.release();
        }
    }
}
