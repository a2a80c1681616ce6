//! `ChannelHandle`: the fork channel as JavaScript holds it.

use std::cell::OnceCell;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::ptr;
use std::rc::{Rc, Weak};

use napi::bindgen_prelude::{Either, Env, Function, JsValue, Object, Result, Unknown};
use napi::sys;
use napi_derive::napi;

use super::callback::Callback;
use super::descriptor::adopt_open;
use super::environment::Environment;
use super::external_memory::ExternalMemory;
use super::pinned;
use crate::event_loop::Errno;
use crate::ipc::{Channel, ChannelObserver, Format};

/// What `onEvent` is told: (kind, value, fd).
mod event {
    /// value: string (JSON) or Buffer (advanced) of whole messages; fd: a descriptor that came with them, or -1
    pub const MESSAGES: f64 = 0.0;
    /// value: 0 at the peer's end, else a negative errno
    pub const END: f64 = 1.0;
    /// value: how many messages left the queue
    pub const SENT: f64 = 2.0;
    /// value: the negative errno for which the next one of the queue was left out
    pub const LOST: f64 = 3.0;
}

/// One end of a fork channel on a descriptor, which it owns from the constructor on.
///
/// `onEvent(kind, value, fd)` is called on `owner`: 0 MESSAGES (string or Buffer of whole messages as they stood on the
/// wire, descriptor or -1), 1 END (0 or a negative errno), 2 SENT (count), 3 LOST (a negative errno).
#[napi]
pub struct ChannelHandle {
    events: Rc<Events>,
}

struct Events {
    environment: Rc<Environment>,
    callback: Callback,
    format: Format,
    channel: OnceCell<Rc<Channel>>,
    external: ExternalMemory,
}

#[napi]
impl ChannelHandle {
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        fd: i32,
        advanced: bool,
        owner: Object,
        on_event: Function<Unknown, Unknown>,
    ) -> Result<Self> {
        let environment = Environment::of(&env)?;
        let format = if advanced { Format::Advanced } else { Format::Json };
        let events = Rc::new(Events {
            callback: Callback::new(&env, &environment, owner, on_event, "PIPEWRAP")?,
            environment: environment.clone(),
            format,
            channel: OnceCell::new(),
            external: ExternalMemory::new(env.raw()),
        });
        let observer: Weak<dyn ChannelObserver> = Rc::downgrade(&events) as Weak<dyn ChannelObserver>;
        // A descriptor that is none makes a channel that is closed already, as in Node.
        environment.in_transit.take(fd);
        let channel =
            adopt_open(fd).and_then(|socket| Channel::new(&environment.event_loop, socket, format, observer));
        if let Ok(channel) = channel {
            events.channel.get_or_init(|| channel);
        }
        Ok(ChannelHandle { events })
    }

    /// The descriptor, -1 once closed.
    #[napi(getter, catch_unwind)]
    pub fn fd(&self) -> i32 {
        self.channel().map_or(-1, |channel| channel.fd())
    }

    /// Whether a message has come in part.
    #[napi(getter, catch_unwind)]
    pub fn buffering(&self) -> bool {
        self.channel().is_some_and(|channel| channel.is_buffering())
    }

    /// Bytes that the kernel has not taken yet.
    #[napi(getter, catch_unwind)]
    pub fn write_queue_size(&self) -> f64 {
        self.channel()
            .map_or(0.0, |channel| channel.write_queue_size() as f64)
    }

    #[napi(catch_unwind)]
    pub fn read_start(&self) {
        if let Some(channel) = self.channel() {
            channel.start_reading();
            self.events.callback.hold(true);
        }
    }

    #[napi(catch_unwind)]
    pub fn read_stop(&self) {
        if let Some(channel) = self.channel() {
            channel.stop_reading();
        }
    }

    /// Sends a message, with a descriptor unless `fd` is -1: 0 when it is on its way, 1 when SENT or LOST will report it, or
    /// a negative errno. A string is JSON text without the newline, bytes are a message with its length.
    #[napi(catch_unwind)]
    pub fn send(
        &self,
        env: Env,
        #[napi(ts_arg_type = "string | Uint8Array")] message: Either<String, Unknown>,
        fd: i32,
    ) -> i32 {
        let Some(channel) = self.channel() else {
            return -libc::EBADF;
        };
        let bytes = match message {
            Either::A(text) => {
                let mut bytes = text.into_bytes();
                bytes.push(b'\n');
                bytes
            }
            Either::B(value) => copy(&pinned::bytes(&env, value.raw())),
        };
        // SAFETY: JavaScript keeps the descriptor open until we return.
        let descriptor = (fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(fd) });
        channel
            .send(bytes, descriptor)
            .map_or_else(|errno| errno, |sent| i32::from(!sent))
    }

    #[napi(js_name = "ref", catch_unwind)]
    pub fn reference(&self) {
        if let Some(channel) = self.channel() {
            channel.set_ref(true);
        }
    }

    #[napi(catch_unwind)]
    pub fn unref(&self) {
        if let Some(channel) = self.channel() {
            channel.set_ref(false);
        }
    }

    /// Closes the descriptor. No event comes afterwards; a second call does nothing.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        if let Some(channel) = self.channel() {
            channel.close();
        }
        self.events.callback.hold(false);
        self.events.callback.finish();
    }
}

impl ChannelHandle {
    fn channel(&self) -> Option<&Rc<Channel>> {
        self.events.channel.get()
    }
}

fn copy(piece: &libc::iovec) -> Vec<u8> {
    if piece.iov_len == 0 {
        return Vec::new();
    }
    // SAFETY: Node-API's pointer and length of a live buffer.
    unsafe { std::slice::from_raw_parts(piece.iov_base.cast::<u8>(), piece.iov_len) }.to_vec()
}

impl ChannelObserver for Events {
    fn messages(&self, bytes: &[u8], descriptor: Option<OwnedFd>) {
        let in_transit = &self.environment.in_transit;
        let fd = descriptor.map_or(-1, |fd| in_transit.give(fd));
        let called = self.callback.call_with(|env| {
            let (start, length) = (bytes.as_ptr(), bytes.len());
            let mut value = ptr::null_mut();
            // SAFETY: a scope is open; the values are copies.
            unsafe {
                match self.format {
                    Format::Json if bytes.is_ascii() => {
                        sys::napi_create_string_latin1(env, start.cast(), length as isize, &mut value)
                    }
                    Format::Json => {
                        sys::napi_create_string_utf8(env, start.cast(), length as isize, &mut value)
                    }
                    Format::Advanced => {
                        sys::napi_create_buffer_copy(env, length, start.cast(), ptr::null_mut(), &mut value)
                    }
                }
            };
            [number(env, event::MESSAGES), value, number(env, f64::from(fd))]
        });
        // What JavaScript was not called for is closed here.
        if !called && in_transit.take(fd) {
            drop(adopt_open(fd));
        }
    }

    fn end(&self, status: Errno) {
        self.callback.call([event::END, f64::from(status), -1.0]);
        self.callback.hold(false);
    }

    fn sent(&self, count: usize) {
        self.callback.call([event::SENT, count as f64, -1.0]);
    }

    fn lost(&self, errno: Errno) {
        self.callback.call([event::LOST, f64::from(errno), -1.0]);
    }

    fn kept(&self, bytes: usize) {
        self.external.set(bytes);
    }
}

fn number(env: sys::napi_env, number: f64) -> sys::napi_value {
    let mut value = ptr::null_mut();
    // SAFETY: a scope is open.
    unsafe { sys::napi_create_double(env, number, &mut value) };
    value
}
