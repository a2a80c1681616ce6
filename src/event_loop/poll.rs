//! Watching a descriptor for readiness (`uv_poll_t`).

use std::cell::{Cell, RefCell};
use std::ffi::c_int;
use std::os::fd::RawFd;
use std::rc::{Rc, Weak};

use super::handle::{Handle, Loop};
use super::uv::{RawHandle, UV_DISCONNECT, UV_READABLE, UV_WRITABLE};
use super::{Errno, contained};

/// What a descriptor is ready for. On an error condition both are set: the system call that follows then says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    pub readable: bool,
    pub writable: bool,
    /// A socket's peer will send nothing more: what is there now, and then the end, is all.
    pub hung_up: bool,
}

pub trait PollObserver {
    /// Called on the loop's thread, with no JavaScript on the stack.
    fn ready(&self, readiness: Readiness);
}

struct Observed {
    observer: RefCell<Weak<dyn PollObserver>>,
    /// The events asked of libuv now.
    interest: Cell<c_int>,
}

/// A watched descriptor, which it does not own: close the `Poll` first, then the descriptor.
pub struct Poll {
    handle: Handle<Observed>,
    referenced: Cell<bool>,
    /// Of a socket of our own making, else -1.
    made_for: RawFd,
}

impl Poll {
    /// Prepares to watch `fd`, which becomes non-blocking. Nothing is watched, and the loop not kept alive, until `watch`.
    ///
    /// # Errors
    /// EEXIST when this loop watches the descriptor already, EPERM when it cannot be watched (a regular file).
    pub fn new(home: &Rc<Loop>, fd: RawFd, observer: Weak<dyn PollObserver>) -> Result<Self, i32> {
        let observed = Observed {
            observer: RefCell::new(observer),
            interest: Cell::new(0),
        };
        let handle = Handle::new(home, observed, |uv, home, raw| {
            // SAFETY: `raw` is zeroed memory large enough for a uv_poll_t, `home` this thread's loop.
            unsafe { (uv.poll_init)(home, raw, fd) }
        })?;
        Ok(Poll {
            handle,
            referenced: Cell::new(true),
            made_for: -1,
        })
    }

    /// As `new`, of a socket that we have just made, non-blocking: uv_poll_init's three system calls, which find out whether a
    /// descriptor can be watched, are spared when a handle has been left for its number. To libuv that is a handle which has
    /// stopped and starts again; that the number stands for another socket by now it cannot see.
    pub fn of_socket(home: &Rc<Loop>, fd: RawFd, observer: Weak<dyn PollObserver>) -> Result<Self, i32> {
        let Some(handle) = Handle::<Observed>::unparked(home, fd) else {
            return Ok(Poll {
                made_for: fd,
                ..Poll::new(home, fd, observer)?
            });
        };
        if let Some((_, raw)) = handle.open() {
            // SAFETY: `raw` is open.
            unsafe { Handle::<Observed>::observer(raw) }
                .observer
                .replace(observer);
        }
        handle.set_ref(true);
        Ok(Poll {
            handle,
            referenced: Cell::new(true),
            made_for: fd,
        })
    }

    /// Watches for exactly these; neither stops watching. After `close` it does nothing.
    ///
    /// A change costs two system calls in libuv (it removes and adds the descriptor), so callers stop lazily: see `Stream`.
    ///
    /// # Errors
    /// EEXIST when another handle of this loop has begun to watch the descriptor since `new`. Nothing is watched then.
    pub fn watch(&self, readable: bool, writable: bool) -> Result<(), Errno> {
        let reading = if readable { UV_READABLE | UV_DISCONNECT } else { 0 };
        let wanted = reading | (if writable { UV_WRITABLE } else { 0 });
        let Some((uv, raw)) = self.handle.open() else {
            return Ok(());
        };
        // SAFETY: `raw` is open.
        let Observed { interest, .. } = unsafe { Handle::<Observed>::observer(raw) };
        if interest.get() == wanted {
            return Ok(());
        }
        // SAFETY: `raw` is open.
        let status = unsafe {
            if wanted == 0 {
                (uv.poll_stop)(raw)
            } else {
                (uv.poll_start)(raw, wanted, on_poll)
            }
        };
        if status < 0 {
            interest.set(0);
            return Err(status);
        }
        interest.set(wanted);
        Ok(())
    }

    /// Whether anything is watched for now.
    pub fn is_watching(&self) -> bool {
        // SAFETY: `raw` is open.
        let interest = |(_, raw)| unsafe { Handle::<Observed>::observer(raw) }.interest.get();
        self.handle.open().map_or(0, interest) != 0
    }

    /// Whether watching keeps the loop alive (it does at first).
    pub fn set_ref(&self, on: bool) {
        if self.referenced.replace(on) != on {
            self.handle.set_ref(on);
        }
    }

    /// Stops for good. The descriptor may be closed afterwards.
    pub fn close(&self) {
        self.handle.close();
    }

    /// As `close`, and calls `action` in the loop's closing phase, as libuv would a close callback. Closing keeps the loop
    /// alive; `action` is dropped uncalled when the loop ends first.
    ///
    /// The descriptor is to be closed as well: that of a socket of ours leaves the handle for the next that gets its number.
    pub fn close_then(&self, action: impl FnOnce() + 'static) {
        let action = match self.made_for {
            -1 => Err(action),
            fd => {
                if let Some((uv, raw)) = self.handle.open() {
                    // SAFETY: `raw` is open. Also when nothing is watched: what libuv has found in this turn is forgotten.
                    unsafe {
                        (uv.poll_stop)(raw);
                        Handle::<Observed>::observer(raw).interest.set(0);
                    }
                }
                self.handle.park(fd, action)
            }
        };
        if let Err(action) = action {
            self.handle.close_then(action);
        }
    }
}

unsafe extern "C" fn on_poll(raw: *mut RawHandle, status: c_int, events: c_int) {
    // SAFETY: libuv calls only for open handles, and `raw` was made by `Poll::new`.
    let Observed { observer, interest } = unsafe { Handle::<Observed>::observer(raw) };
    // On POLLERR libuv stops the handle and reports EBADF, whatever the error is (uv__poll_io).
    if status < 0 {
        interest.set(0);
    }
    let Some(observer) = observer.borrow().upgrade() else {
        return;
    };
    contained(|| {
        observer.ready(Readiness {
            readable: status < 0 || events & UV_READABLE != 0,
            writable: status < 0 || events & UV_WRITABLE != 0,
            hung_up: events & UV_DISCONNECT != 0,
        });
    });
}
