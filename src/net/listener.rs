//! A listening socket: accepts one connection a turn of the loop, as libuv.
//!
//! Owned by its binding, runs on the loop's thread, ends with `close` or when dropped.

use std::cell::{Cell, OnceCell, RefCell};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::rc::{Rc, Weak};

use super::socket::check;
use crate::event_loop::{Errno, Loop, Poll, PollObserver, Readiness, descriptors, last_errno};

pub trait ListenerObserver {
    /// A connection waits in `take`; what is not taken is closed.
    fn connection(&self);
    /// Accepting failed, and the listener has paused: `resume` goes on.
    fn failed(&self, status: Errno);
}

pub struct Listener {
    poll: OnceCell<Poll>,
    fd: RefCell<Option<OwnedFd>>,
    accepted: Cell<Option<OwnedFd>>,
    /// Given up when descriptors run out, so that a connection can be accepted and closed: its client then learns of it,
    /// and the loop does not spin on a connection that cannot be taken.
    reserve: Cell<Option<OwnedFd>>,
    listening: Cell<bool>,
    referenced: Cell<bool>,
    observer: Weak<dyn ListenerObserver>,
}

impl Listener {
    /// Takes over a bound `fd` and makes it non-blocking.
    ///
    /// # Errors
    /// As `Poll::new`. The descriptor is given back then: it may be in use elsewhere.
    pub fn new(
        home: &Rc<Loop>,
        fd: OwnedFd,
        observer: Weak<dyn ListenerObserver>,
    ) -> Result<Rc<Self>, (Errno, Option<OwnedFd>)> {
        let raw = fd.as_raw_fd();
        let listener = Rc::new(Listener {
            poll: OnceCell::new(),
            fd: RefCell::new(Some(fd)),
            accepted: Cell::new(None),
            reserve: Cell::new(None),
            listening: Cell::new(false),
            referenced: Cell::new(true),
            observer,
        });
        let observer: Weak<dyn PollObserver> = Rc::downgrade(&listener) as Weak<dyn PollObserver>;
        match Poll::new(home, raw, observer) {
            Ok(poll) => listener.poll.get_or_init(|| poll),
            Err(errno) => return Err((errno, listener.detach())),
        };
        Ok(listener)
    }

    /// The descriptor, or -1 once closed.
    pub fn fd(&self) -> RawFd {
        self.fd.borrow().as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }

    /// Starts listening and accepting.
    pub fn listen(&self, backlog: i32) -> Result<(), Errno> {
        // SAFETY: plain system call; -1 gives EBADF.
        check(unsafe { libc::listen(self.fd(), backlog) })?;
        self.reserve.set(open_reserve());
        self.resume()
    }

    /// Goes on accepting after `failed`.
    pub fn resume(&self) -> Result<(), Errno> {
        if self.fd() < 0 {
            return Ok(());
        }
        self.watch(true)?;
        self.listening.set(true);
        Ok(())
    }

    pub fn is_listening(&self) -> bool {
        self.listening.get()
    }

    /// The connection that `connection` announced.
    pub fn take(&self) -> Option<OwnedFd> {
        self.accepted.take()
    }

    /// Whether listening keeps the loop alive (it does at first).
    pub fn set_ref(&self, on: bool) {
        self.referenced.set(on);
        if let Some(poll) = self.poll.get() {
            poll.set_ref(on);
        }
    }

    pub fn close(&self) {
        if let Some(fd) = self.detach() {
            descriptors::close(fd);
        }
    }

    /// Gives the descriptor back, no longer watched; `None` once closed.
    pub fn detach(&self) -> Option<OwnedFd> {
        self.listening.set(false);
        if let Some(poll) = self.poll.get() {
            poll.close();
        }
        drop(self.reserve.take());
        drop(self.accepted.take());
        self.fd.borrow_mut().take()
    }

    /// As `close`, and calls `action` in the loop's closing phase; false, and it is not called, when closed already.
    pub fn close_then(&self, action: impl FnOnce() + 'static) -> bool {
        if self.fd() < 0 {
            return false;
        }
        if let Some(poll) = self.poll.get() {
            poll.close_then(action);
        }
        self.close();
        true
    }

    fn watch(&self, on: bool) -> Result<(), Errno> {
        let Some(poll) = self.poll.get() else {
            return Ok(());
        };
        poll.set_ref(self.referenced.get());
        poll.watch(on, false)
    }

    fn accept(&self) -> Result<OwnedFd, Errno> {
        // SAFETY: no address is asked for; -1 gives EBADF.
        let fd = unsafe {
            libc::accept4(
                self.fd(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
            )
        };
        if fd < 0 {
            return Err(last_errno());
        }
        // SAFETY: just made, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    /// Closes what waits, with the help of the reserved descriptor. False when there is none.
    fn turn_away(&self) -> bool {
        let Some(reserve) = self.reserve.take() else {
            return false;
        };
        drop(reserve);
        while let Ok(connection) = self.accept() {
            drop(connection);
        }
        self.reserve.set(open_reserve());
        true
    }
}

impl PollObserver for Listener {
    fn ready(&self, _: Readiness) {
        let Some(observer) = self.observer.upgrade() else {
            return;
        };
        match self.accept() {
            Ok(connection) => {
                self.accepted.set(Some(connection));
                observer.connection();
                drop(self.accepted.take());
            }
            Err(errno) => match -errno {
                // Nobody is there, or the client has gone meanwhile.
                libc::EAGAIN | libc::EINTR | libc::ECONNABORTED | libc::EPROTO => {}
                libc::EMFILE | libc::ENFILE if self.turn_away() => {}
                _ => {
                    self.listening.set(false);
                    let _ = self.watch(false);
                    observer.failed(errno);
                }
            },
        }
        // An error condition has libuv stop watching.
        if self.listening.get() {
            let _ = self.watch(true);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

fn open_reserve() -> Option<OwnedFd> {
    std::fs::File::open("/dev/null").ok().map(OwnedFd::from)
}
