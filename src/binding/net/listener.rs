//! `ListenerHandle`: a listening socket as JavaScript holds it.

use std::cell::{Cell, OnceCell};
use std::os::fd::IntoRawFd;
use std::rc::{Rc, Weak};

use napi::bindgen_prelude::{Env, Function, Object, Result, Unknown};
use napi_derive::napi;

use crate::binding::callback::Callback;
use crate::binding::descriptor::adopt;
use crate::binding::environment::Environment;
use crate::event_loop::Errno;
use crate::net::{Listener, ListenerObserver};

/// What `onEvent` is told: (kind, a).
mod event {
    /// `take` gives its descriptor.
    pub const CONNECTION: f64 = 0.0;
    /// a: a negative errno. Nothing is accepted until `resume`.
    pub const FAILED: f64 = 1.0;
    pub const CLOSED: f64 = 2.0;
}

/// A listening socket, which it owns from the constructor on.
///
/// `onEvent(kind, a)` is called on `owner`: 0 CONNECTION, 1 FAILED (status; nothing is accepted until `resume`), 2 CLOSED.
#[napi]
pub struct ListenerHandle {
    events: Rc<Events>,
    status: Errno,
}

struct Events {
    environment: Rc<Environment>,
    callback: Callback,
    listener: OnceCell<Rc<Listener>>,
    /// CLOSED is still to come.
    closing: Cell<bool>,
}

#[napi]
impl ListenerHandle {
    /// Takes over a bound `fd`. `name` is the async_hooks type (`TCPSERVERWRAP`, `PIPESERVERWRAP`). See `status`.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        fd: i32,
        owner: Object,
        on_event: Function<Unknown, Unknown>,
        name: String,
    ) -> Result<Self> {
        let environment = Environment::of(&env)?;
        let events = Rc::new(Events {
            callback: Callback::new(&env, &environment, owner, on_event, &name)?,
            environment: environment.clone(),
            listener: OnceCell::new(),
            closing: Cell::new(false),
        });
        let observer: Weak<dyn ListenerObserver> = Rc::downgrade(&events) as Weak<dyn ListenerObserver>;
        let was_on_its_way = environment.in_transit.take(fd);
        let taken = adopt(fd)
            .map_err(|errno| (errno, None))
            .and_then(|fd| Listener::new(&environment.event_loop, fd, observer));
        let status = match taken {
            Ok(listener) => {
                events.listener.get_or_init(|| listener);
                0
            }
            Err((errno, fd)) => {
                // Back to JavaScript.
                environment.in_transit.give_back(fd, was_on_its_way);
                errno
            }
        };
        Ok(ListenerHandle { events, status })
    }

    /// 0, or the errno with which the descriptor was refused (EEXIST: watched here already); it stays the caller's then.
    #[napi(getter, catch_unwind)]
    pub fn status(&self) -> i32 {
        self.status
    }

    /// The descriptor, -1 once closed.
    #[napi(getter, catch_unwind)]
    pub fn fd(&self) -> i32 {
        self.listener().map_or(-1, |listener| listener.fd())
    }

    /// Listens and accepts: 0 or a negative errno.
    #[napi(catch_unwind)]
    pub fn listen(&self, backlog: i32) -> i32 {
        let status = self
            .listener()
            .map_or(Err(-libc::EBADF), |listener| listener.listen(backlog));
        self.events.hold();
        status.err().unwrap_or(0)
    }

    /// Goes on accepting after FAILED.
    #[napi(catch_unwind)]
    pub fn resume(&self) {
        if let Some(listener) = self.listener() {
            let _ = listener.resume();
        }
        self.events.hold();
    }

    /// During CONNECTION: its descriptor, from then on the caller's, -1 when taken before. What is not taken is closed.
    #[napi(catch_unwind)]
    pub fn take(&self) -> i32 {
        self.listener()
            .and_then(|listener| listener.take())
            .map_or(-1, |fd| self.events.environment.in_transit.give(fd))
    }

    /// Whether listening keeps the process alive (it does at first).
    #[napi(catch_unwind)]
    pub fn set_ref(&self, on: bool) {
        if let Some(listener) = self.listener() {
            listener.set_ref(on);
        }
    }

    /// Calls `callback` in the async context of the events and returns its value.
    #[napi(catch_unwind)]
    pub fn run_in_context(
        &self,
        env: Env,
        callback: Function<(), Unknown<'static>>,
    ) -> Result<Unknown<'static>> {
        self.events.callback.run(&env, callback)
    }

    /// Gives up the descriptor: it stays open and is no longer watched. -1 when closed before.
    #[napi(catch_unwind)]
    pub fn detach(&self) -> i32 {
        let fd = self.listener().and_then(|listener| listener.detach());
        self.events.hold();
        fd.map_or(-1, IntoRawFd::into_raw_fd)
    }

    /// Closes the descriptor. No event comes afterwards, but for CLOSED in the loop's closing phase when `notice` is true; a
    /// second call does nothing. Returns whether CLOSED will come.
    #[napi(catch_unwind)]
    pub fn close(&self, notice: Option<bool>) -> bool {
        let Some(listener) = self.listener() else {
            return false;
        };
        let noticed = notice == Some(true) && {
            let events = self.events.clone();
            listener.close_then(move || events.closed())
        };
        listener.close();
        self.events.closing.set(self.events.closing.get() || noticed);
        self.events.hold();
        noticed
    }
}

impl ListenerHandle {
    fn listener(&self) -> Option<&Rc<Listener>> {
        self.events.listener.get()
    }
}

impl Events {
    /// Keeps the owner alive exactly while an event can come.
    fn hold(&self) {
        let listening = self
            .listener
            .get()
            .is_some_and(|listener| listener.is_listening());
        self.callback.hold(self.closing.get() || listening);
        if !self.closing.get() && self.listener.get().is_none_or(|listener| listener.fd() < 0) {
            self.callback.finish();
        }
    }

    fn closed(&self) {
        self.closing.set(false);
        self.callback.call([event::CLOSED, 0.0]);
        self.hold();
    }
}

impl ListenerObserver for Events {
    fn connection(&self) {
        self.callback.call([event::CONNECTION, 0.0]);
    }

    // It stays held: JavaScript decides when to go on.
    fn failed(&self, status: Errno) {
        self.callback.call([event::FAILED, f64::from(status)]);
    }
}
