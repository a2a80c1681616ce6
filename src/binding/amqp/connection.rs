//! `AmqpConnectionHandle`: a connection's engine as JavaScript holds it.
//!
//! Engine and JavaScript meet in two queues. The engine's thread wakes the event loop when the inbox is no longer empty;
//! JavaScript then takes one batch per turn, so that other events of the loop get theirs. While little comes at a time the
//! loop watches the socket itself, and what is readable is read here.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::{self, NonNull};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{
    BigInt, Buffer, BufferSlice, Error, Function, Object, Result, Uint8Array, Unknown,
};
use napi_derive::napi;

use super::options::AmqpConnectOptions;
use crate::amqp::client::{Connection, Socket as Descriptor};
use crate::binding::callback::Callback;
use crate::binding::environment::Environment;
use crate::event_loop::{Loop, Poll, PollObserver, Readiness, Wake, WakeObserver};
use crate::net::{KeepAlive, set_keep_alive, set_no_delay};
use crate::tls::Context;

/// libuv's, in seconds and probes.
const KEEP_ALIVE_INTERVAL: i32 = 1;
const KEEP_ALIVE_COUNT: i32 = 10;

/// A connection to an AMQP broker. It starts to open at once; everything that happens comes in records.
#[napi]
pub struct AmqpConnectionHandle {
    events: Rc<Events>,
    wake: Wake,
    socket: Rc<Socket>,
    /// Large bodies of the batch that JavaScript took last.
    bodies: RefCell<VecDeque<Vec<u8>>>,
}

struct Events {
    callback: Callback,
}

/// The connection, and its socket while JavaScript's thread reads from it.
struct Socket {
    connection: Connection,
    events: Rc<Events>,
    event_loop: Rc<Loop>,
    watched: RefCell<Option<Watched>>,
}

struct Watched {
    /// Before the descriptor, so that it is closed first.
    poll: Poll,
    _descriptor: Arc<Descriptor>,
}

impl WakeObserver for Events {
    fn woken(&self) {
        self.callback.call([]);
    }
}

impl PollObserver for Socket {
    fn ready(&self, _: Readiness) {
        let (has_read, go_on) = self.connection.read_now();
        // To go on is to begin again where an error condition has stopped the watch and the task had the locks.
        if let Some(watched) = &*self.watched.borrow()
            && watched.poll.watch(go_on, false).is_err()
        {
            self.connection.give_turn();
        }
        if has_read {
            self.events.callback.call([]);
        }
    }
}

impl Socket {
    fn watch(self: &Rc<Self>, descriptor: Arc<Descriptor>) -> std::result::Result<(), i32> {
        let mut watched = self.watched.borrow_mut();
        if let Some(watched) = &*watched {
            return watched.poll.watch(true, false);
        }
        let observer: Weak<dyn PollObserver> = Rc::downgrade(self) as Weak<dyn PollObserver>;
        let poll = Poll::new(&self.event_loop, descriptor.as_raw_fd(), observer)?;
        // It is the `Wake` that keeps the loop alive.
        poll.set_ref(false);
        poll.watch(true, false)?;
        *watched = Some(Watched {
            poll,
            _descriptor: descriptor,
        });
        Ok(())
    }

    fn unwatch(&self) {
        self.watched.take();
    }
}

#[napi]
impl AmqpConnectionHandle {
    /// `onWake()` is called on `owner` when there are records to `take`. `context`, with TLS, is the address of the
    /// `SSL_CTX` that `tls.createSecureContext` has made for this connection alone.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        options: AmqpConnectOptions,
        owner: Object,
        on_wake: Function<Unknown, Unknown>,
        context: Option<BigInt>,
    ) -> Result<Self> {
        let environment = Environment::of(&env)?;
        let context = context.as_ref().map(shared_context).transpose()?;
        let options = options.into_core(context)?;
        let events = Rc::new(Events {
            callback: Callback::new(&env, &environment, owner, on_wake, "AMQPCONNECTION")?,
        });
        let observer: Weak<dyn WakeObserver> = Rc::downgrade(&events) as Weak<dyn WakeObserver>;
        let wake = Wake::new(&environment.event_loop, observer)
            .map_err(|errno| Error::from_reason(format!("uv_async_init failed with {errno}")))?;
        let waker = wake.waker();
        // An open connection is in use whoever holds it, as a socket is.
        events.callback.hold(true);
        let socket = Rc::new(Socket {
            connection: Connection::open(options, move || waker.wake()),
            events: events.clone(),
            event_loop: environment.event_loop.clone(),
            watched: RefCell::default(),
        });
        Ok(AmqpConnectionHandle {
            events,
            wake,
            socket,
            bodies: RefCell::default(),
        })
    }

    /// The next batch of records, null when there are none. When more wait, `onWake` is called again.
    #[napi(catch_unwind)]
    pub fn take<'env>(&self, env: &'env Env) -> Result<Option<BufferSlice<'env>>> {
        let connection = &self.socket.connection;
        let Some((batch, more)) = connection.take() else {
            return Ok(None);
        };
        if more {
            self.wake.waker().wake();
        } else if let Some(descriptor) = connection.take_turn()
            && self.socket.watch(descriptor).is_err()
        {
            connection.give_turn();
        }
        self.bodies.replace(batch.bodies.into());
        BufferSlice::copy_from(env, batch.records).map(Some)
    }

    /// The next body that travels apart from the batch taken last, in the order of its records.
    #[napi(catch_unwind)]
    pub fn take_body(&self) -> Option<Buffer> {
        self.bodies.borrow_mut().pop_front().map(Buffer::from)
    }

    /// Hands over the first `length` bytes of packed orders, and the body that the last of them wants, if it does. False
    /// when it is time to hold back until the WRITABLE record.
    #[napi(catch_unwind)]
    pub fn submit(&self, packed: Uint8Array, length: u32, body: Option<Uint8Array>) -> bool {
        let packed = &packed[..packed.len().min(length as usize)];
        self.socket.connection.submit(packed, body.as_deref())
    }

    /// The server of the PEER record is the right one: the handshake goes on.
    #[napi(catch_unwind)]
    pub fn approve(&self) {
        self.socket.connection.approve();
    }

    /// Writes what was submitted and closes the socket; the END record says when.
    #[napi(catch_unwind)]
    pub fn end(&self) {
        self.socket.unwatch();
        self.socket.connection.give_turn();
        self.socket.connection.end();
    }

    /// Lets go: no `onWake` comes any more, the socket is closed at once if it is still open.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.socket.unwatch();
        self.socket.connection.abort();
        self.wake.close();
        self.events.callback.finish();
    }

    /// Bytes of AMQP that have arrived.
    #[napi(catch_unwind)]
    pub fn bytes_read(&self) -> f64 {
        self.socket.connection.traffic().read() as f64
    }

    /// Bytes of AMQP that the system has taken.
    #[napi(catch_unwind)]
    pub fn bytes_written(&self) -> f64 {
        self.socket.connection.traffic().written() as f64
    }

    /// Bytes that were submitted and that the system has not taken.
    #[napi(catch_unwind)]
    pub fn bytes_waiting(&self) -> f64 {
        self.socket.connection.waiting() as f64
    }

    /// Milliseconds since the last byte in either direction.
    #[napi(catch_unwind)]
    pub fn idle_time(&self) -> f64 {
        self.socket.connection.traffic().idle() as f64
    }

    /// 0, or a negative errno; of a socket that is closed EBADF.
    #[napi(catch_unwind)]
    pub fn set_no_delay(&self, on: bool) -> i32 {
        self.option(|fd| set_no_delay(fd, on))
    }

    /// `idle` in seconds, 0 leaves it to the system. 0, or a negative errno.
    #[napi(catch_unwind)]
    pub fn set_keep_alive(&self, on: bool, idle: i32) -> i32 {
        self.option(|fd| {
            set_keep_alive(
                fd,
                on.then_some(KeepAlive {
                    idle,
                    interval: KEEP_ALIVE_INTERVAL,
                    count: KEEP_ALIVE_COUNT,
                }),
            )
        })
    }

    fn option(&self, set: impl FnOnce(RawFd) -> std::result::Result<(), i32>) -> i32 {
        match self.socket.connection.traffic().socket() {
            Some(socket) => set(socket.as_raw_fd()).err().unwrap_or(0),
            None => -libc::EBADF,
        }
    }

    /// Whether the connection keeps the process alive (it does at first).
    #[napi(catch_unwind)]
    pub fn set_ref(&self, on: bool) {
        self.wake.set_ref(on);
    }
}

fn shared_context(address: &BigInt) -> Result<Context> {
    let (is_negative, address, is_whole) = address.get_u64();
    let address = usize::try_from(address).ok().filter(|_| is_whole && !is_negative);
    let raw = address.and_then(|address| NonNull::new(ptr::with_exposed_provenance_mut(address)));
    let raw = raw.ok_or_else(|| Error::from_reason("not the address of a TLS context"))?;
    // SAFETY: our own JavaScript gives the `SSL_CTX` of a context that it has just made, holds, and gave to no socket.
    unsafe { Context::share(raw) }.map_err(|missing| Error::from_reason(missing.to_string()))
}
