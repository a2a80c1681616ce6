//! `AmqpConnectionHandle`: a connection's engine as JavaScript holds it.
//!
//! Engine and JavaScript meet in two queues. The engine's thread wakes the event loop when the inbox is no longer empty;
//! JavaScript then takes one batch per turn, so that other events of the loop get theirs.

use std::cell::{OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use napi::Env;
use napi::bindgen_prelude::{Buffer, BufferSlice, Error, Function, Object, Result, Uint8Array, Unknown};
use napi_derive::napi;

use super::options::AmqpConnectOptions;
use crate::amqp::client::Connection;
use crate::binding::callback::Callback;
use crate::binding::environment::Environment;
use crate::event_loop::{Wake, WakeObserver};

/// A connection to an AMQP broker. It starts to open at once; everything that happens comes in records.
#[napi]
pub struct AmqpConnectionHandle {
    connection: Connection,
    events: Rc<Events>,
    /// Large bodies of the batch that JavaScript took last.
    bodies: RefCell<VecDeque<Vec<u8>>>,
}

struct Events {
    callback: Callback,
    wake: OnceCell<Wake>,
}

impl WakeObserver for Events {
    fn woken(&self) {
        self.callback.call([]);
    }
}

#[napi]
impl AmqpConnectionHandle {
    /// `onWake()` is called on `owner` when there are records to `take`.
    #[napi(constructor)]
    pub fn new(
        env: Env,
        options: AmqpConnectOptions,
        owner: Object,
        on_wake: Function<Unknown, Unknown>,
    ) -> Result<Self> {
        let environment = Environment::of(&env)?;
        let options = options.into_core()?;
        let events = Rc::new(Events {
            callback: Callback::new(&env, owner, on_wake, "AMQPCONNECTION")?,
            wake: OnceCell::new(),
        });
        let observer: Weak<dyn WakeObserver> = Rc::downgrade(&events) as Weak<dyn WakeObserver>;
        let wake = Wake::new(&environment.event_loop, observer)
            .map_err(|errno| Error::from_reason(format!("uv_async_init failed with {errno}")))?;
        let waker = wake.waker();
        events.wake.get_or_init(|| wake);
        // An open connection is in use whoever holds it, as a socket is.
        events.callback.hold(true);
        Ok(AmqpConnectionHandle {
            connection: Connection::open(options, move || waker.wake()),
            events,
            bodies: RefCell::default(),
        })
    }

    /// The next batch of records, null when there are none. When more wait, `onWake` is called again.
    #[napi]
    pub fn take<'env>(&self, env: &'env Env) -> Result<Option<BufferSlice<'env>>> {
        let Some((batch, more)) = self.connection.take() else {
            return Ok(None);
        };
        if more && let Some(wake) = self.events.wake.get() {
            wake.waker().wake();
        }
        self.bodies.replace(batch.bodies.into());
        BufferSlice::copy_from(env, batch.records).map(Some)
    }

    /// The next body that travels apart from the batch taken last, in the order of its records.
    #[napi]
    pub fn take_body(&self) -> Option<Buffer> {
        self.bodies.borrow_mut().pop_front().map(Buffer::from)
    }

    /// Hands over the first `length` bytes of packed orders, and the body that the last of them wants, if it does. False
    /// when it is time to hold back until the WRITABLE record.
    #[napi]
    pub fn submit(&self, packed: Uint8Array, length: u32, body: Option<Uint8Array>) -> bool {
        let packed = &packed[..packed.len().min(length as usize)];
        self.connection.submit(packed, body.as_deref())
    }

    /// The server of the CERTIFICATES record is the right one: the handshake goes on.
    #[napi]
    pub fn approve(&self) {
        self.connection.approve();
    }

    /// Writes what was submitted and closes the socket; the END record says when.
    #[napi]
    pub fn end(&self) {
        self.connection.end();
    }

    /// Lets go: no `onWake` comes any more, the socket is closed at once if it is still open.
    #[napi]
    pub fn close(&self) {
        self.connection.abort();
        if let Some(wake) = self.events.wake.get() {
            wake.close();
        }
        self.events.callback.hold(false);
    }

    /// Whether the connection keeps the process alive (it does at first).
    #[napi]
    pub fn set_ref(&self, on: bool) {
        if let Some(wake) = self.events.wake.get() {
            wake.set_ref(on);
        }
    }
}
