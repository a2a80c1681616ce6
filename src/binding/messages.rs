//! `MessagesHandle`: messages on a byte stream as JavaScript holds them.

use std::cell::{Cell, OnceCell, RefCell};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::ptr;
use std::rc::{Rc, Weak};

use napi::bindgen_prelude::{BufferSlice, Env, Error, Function, JsValue, Object, Result, Unknown};
use napi::sys;
use napi_derive::napi;

use super::callback::Callback;
use super::environment::Environment;
use super::external_memory::ExternalMemory;
use super::pinned::{self, Pinned};
use crate::event_loop::{Errno, Stream, Turn};
use crate::messages::{
    BATCH_MESSAGES, Batch, Codec, Connection, ConnectionObserver, Fault, LARGE_BYTES, Payload, join, preamble,
};

/// What `onEvent` is told: (kind, a, b, c). The numbers that `StreamHandle` has too mean the same.
mod event {
    /// status
    pub const END: f64 = 1.0;
    /// status
    pub const WRITTEN: f64 = 2.0;
    pub const CLOSED: f64 = 4.0;
    /// number of messages, payloads, bytes that have come
    pub const MESSAGES: f64 = 5.0;
    /// the same, when all of them are plain messages
    pub const PLAIN_MESSAGES: f64 = 6.0;
    /// number and detail of a fault
    pub const FAULT: f64 = 7.0;
    pub const SHUTDOWN: f64 = 8.0;
}

/// The words of a batch's table, for the array that JavaScript lends.
#[napi]
pub const MESSAGE_TABLE_WORDS: u32 = 2 * BATCH_MESSAGES as u32;

/// Texts of up to this length (a full batch of JavaScript's, and its last message) find their memory ready.
const TEXT_MEMORY_UNITS: usize = 128 * 1024;

thread_local! {
    static TEXT_MEMORY: RefCell<Vec<u16>> = const { RefCell::new(Vec::new()) };
}

#[napi(object)]
pub struct MessagesOptions {
    /// 0 raw, 1 JSON, 2 V8.
    pub codec: u32,
    /// Of a payload, in bytes.
    pub max_length: u32,
    /// A number that no peer knows; see `Batch::payloads`.
    pub nonce: u32,
}

/// Messages on a descriptor, which it owns from the constructor on, or on bytes that JavaScript brings and takes.
///
/// Statuses are libuv's: 0 or a negative errno. `onEvent(kind, a, b, c)` is called on `owner`: 1 END (status), 2 WRITTEN
/// (status), 4 CLOSED, 5 MESSAGES (count, Buffer or JSON text, bytes that came), 6 PLAIN_MESSAGES (the same, no requests or
/// answers among them), 7 FAULT (number, detail; see `Fault`), 8 SHUTDOWN. During 5 and 6 the table has tag and length of each
/// message.
#[napi]
pub struct MessagesHandle {
    events: Rc<Events>,
    is_begun: Cell<bool>,
    status: Errno,
}

struct Events {
    turn: Rc<Turn>,
    callback: Callback,
    connection: OnceCell<Rc<Connection>>,
    external: ExternalMemory,
    table: *mut u32,
    _table_memory: Pinned,
    /// CLOSED is still to come.
    closing: Cell<bool>,
}

#[napi]
impl MessagesHandle {
    /// `fd` is -1 without a descriptor. `name` is the async_hooks type. `table` has room for MESSAGE_TABLE_WORDS.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        fd: i32,
        owner: Object,
        on_event: Function<Unknown, Unknown>,
        name: String,
        options: MessagesOptions,
        #[napi(ts_arg_type = "Uint32Array")] table: Unknown,
    ) -> Result<Self> {
        let MessagesOptions {
            codec,
            max_length,
            nonce,
        } = options;
        let environment = Environment::of(&env)?;
        let codec = u8::try_from(codec).ok().and_then(Codec::from_number);
        let codec = codec.ok_or_else(|| Error::from_reason("no such codec"))?;
        let memory = pinned::bytes(&env, table.raw());
        if memory.iov_len < MESSAGE_TABLE_WORDS as usize * size_of::<u32>() {
            return Err(Error::from_reason("the table is too small"));
        }
        let events = Rc::new(Events {
            turn: environment.turn.clone(),
            callback: Callback::new(&env, &environment, owner, on_event, &name)?,
            connection: OnceCell::new(),
            external: ExternalMemory::new(env.raw()),
            table: memory.iov_base.cast(),
            _table_memory: Pinned::new(&env, table.raw()),
            closing: Cell::new(false),
        });
        let observer: Weak<dyn ConnectionObserver> = Rc::downgrade(&events) as Weak<dyn ConnectionObserver>;
        let connection = Connection::new(codec, max_length, nonce, observer);
        let mut status = 0;
        if fd >= 0 {
            let was_on_its_way = environment.in_transit.take(fd);
            // SAFETY: JavaScript hands over a descriptor that nobody else closes.
            let owned = unsafe { OwnedFd::from_raw_fd(fd) };
            if let Err((errno, fd)) = connection.open(&environment.event_loop, owned) {
                // Back to JavaScript.
                environment.in_transit.give_back(fd, was_on_its_way);
                status = errno;
            }
        }
        if name == "PIPEWRAP"
            && let Some(stream) = connection.stream()
        {
            stream.end_in_one_turn();
        }
        events.connection.get_or_init(|| connection);
        Ok(MessagesHandle {
            events,
            is_begun: Cell::new(false),
            status,
        })
    }

    /// 0, or the errno with which the descriptor was refused; it stays the caller's then.
    #[napi(getter, catch_unwind)]
    pub fn status(&self) -> i32 {
        self.status
    }

    /// The descriptor, -1 once closed or when there is none.
    #[napi(getter, catch_unwind)]
    pub fn fd(&self) -> i32 {
        self.stream().map_or(-1, |stream| stream.fd())
    }

    /// 0, or a negative errno: EEXIST when another handle of this thread has begun to watch the descriptor.
    #[napi(catch_unwind)]
    pub fn read_start(&self) -> i32 {
        let started = self.stream().map_or(Ok(()), |stream| stream.start_reading());
        self.events.hold();
        started.err().unwrap_or(0)
    }

    #[napi(catch_unwind)]
    pub fn read_stop(&self) {
        if let Some(stream) = self.stream() {
            stream.stop_reading();
        }
        self.events.hold();
    }

    /// Takes bytes that came another way; events come during the call.
    #[napi(catch_unwind)]
    pub fn feed(&self, env: Env, #[napi(ts_arg_type = "Uint8Array")] chunk: Unknown) {
        let memory = pinned::bytes(&env, chunk.raw());
        if let Some(connection) = self.events.connection.get() {
            // JavaScript runs while they are cut: nothing of its memory may be borrowed.
            let bytes: Vec<u8> = as_slice(&memory).into();
            connection.feed(&bytes);
        }
    }

    /// The bytes of `feed` are at their end.
    #[napi(catch_unwind)]
    pub fn feed_end(&self) {
        if let Some(connection) = self.events.connection.get() {
            connection.feed_end();
        }
    }

    /// Sends `count` messages: their tags and lengths in `table`, their payloads one behind another in `payloads`: JSON texts
    /// (lengths in UTF-16 units) or bytes, of which the first `length` count. Returns how many bytes wait for the kernel now,
    /// WRITTEN reports when none does, or a negative errno. The memory is free again on return.
    #[napi(catch_unwind)]
    pub fn send(
        &self,
        env: Env,
        #[napi(ts_arg_type = "Uint32Array")] table: Unknown,
        count: u32,
        #[napi(ts_arg_type = "string | Uint8Array")] payloads: Unknown,
        length: u32,
    ) -> i64 {
        let Some(connection) = self.events.connection.get() else {
            return i64::from(-libc::EBADF);
        };
        let large = self.large(&env, count, payloads.raw(), length);
        let sent = match large {
            Some(payload) => self
                .header(&env, table.raw())
                .and_then(|header| connection.send(&[&header, as_slice(&payload)])),
            None => self
                .frames(&env, table.raw(), count, payloads.raw(), length)
                .and_then(|frames| connection.send(&[&frames])),
        };
        self.events.hold();
        sent.map_or_else(i64::from, |waiting| waiting as i64)
    }

    /// As `send`, but returns the frames for JavaScript to send; null when table and payloads do not fit together.
    #[napi(catch_unwind)]
    pub fn join<'env>(
        &self,
        env: &'env Env,
        #[napi(ts_arg_type = "Uint32Array")] table: Unknown,
        count: u32,
        #[napi(ts_arg_type = "string | Uint8Array")] payloads: Unknown,
        length: u32,
    ) -> Result<Option<BufferSlice<'env>>> {
        match self.frames(env, table.raw(), count, payloads.raw(), length) {
            Ok(frames) => BufferSlice::copy_from(env, frames).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// How many bytes wait for the kernel.
    #[napi(getter, catch_unwind)]
    pub fn pending_bytes(&self) -> i64 {
        let connection = self.events.connection.get();
        connection.map_or(0, |connection| connection.pending_bytes() as i64)
    }

    /// How many bytes were sent, those that wait included.
    #[napi(getter, catch_unwind)]
    pub fn bytes_written(&self) -> f64 {
        let connection = self.events.connection.get();
        connection.map_or(0.0, |connection| connection.sent_bytes() as f64)
    }

    /// As that of `StreamHandle`.
    #[napi(catch_unwind)]
    pub fn shutdown(&self) {
        if let Some(stream) = self.stream() {
            stream.shutdown(&self.events.turn);
        }
        self.events.hold();
    }

    /// As that of `StreamHandle`.
    #[napi(catch_unwind)]
    pub fn close(&self, notice: Option<bool>) -> bool {
        let Some(connection) = self.events.connection.get() else {
            return false;
        };
        let noticed = notice == Some(true)
            && connection.stream().is_some_and(|stream| {
                let events = self.events.clone();
                stream.close_then(move || events.closed())
            });
        connection.close();
        if connection.stream().is_none() {
            self.events.callback.finish();
        }
        self.events.closing.set(self.events.closing.get() || noticed);
        self.events.hold();
        noticed
    }

    /// Gives up the descriptor: it stays open and is no longer watched. -1 when closed before.
    #[napi(catch_unwind)]
    pub fn detach(&self) -> i32 {
        let fd = self.stream().and_then(|stream| stream.detach());
        self.events.hold();
        fd.map_or(-1, IntoRawFd::into_raw_fd)
    }

    /// Whether an active connection keeps the process alive (it does at first).
    #[napi(catch_unwind)]
    pub fn set_ref(&self, on: bool) {
        if let Some(stream) = self.stream() {
            stream.set_ref(on);
        }
    }
}

impl MessagesHandle {
    fn stream(&self) -> Option<&Rc<Stream>> {
        self.events
            .connection
            .get()
            .and_then(|connection| connection.stream())
    }

    fn codec(&self) -> Codec {
        let connection = self.events.connection.get();
        connection.map_or(Codec::Raw, |connection| connection.codec())
    }

    /// The payload, when it is to be sent from where it is.
    fn large(&self, env: &Env, count: u32, payloads: sys::napi_value, length: u32) -> Option<libc::iovec> {
        if count != 1 || self.codec() == Codec::Json || (length as usize) < LARGE_BYTES {
            return None;
        }
        let mut memory = pinned::bytes(env, payloads);
        memory.iov_len = memory.iov_len.min(length as usize);
        Some(memory)
    }

    /// The first message's header, behind the preamble when nothing was sent before.
    fn header(&self, env: &Env, table: sys::napi_value) -> std::result::Result<Vec<u8>, Errno> {
        let memory = pinned::bytes(env, table);
        let &[tag, length, ..] = as_slice::<u32>(&memory) else {
            return Err(-libc::EINVAL);
        };
        let mut frames = self.beginning();
        frames.extend_from_slice(&length.to_le_bytes());
        frames.extend_from_slice(&tag.to_le_bytes());
        Ok(frames)
    }

    fn frames(
        &self,
        env: &Env,
        table: sys::napi_value,
        count: u32,
        payloads: sys::napi_value,
        length: u32,
    ) -> std::result::Result<Vec<u8>, Errno> {
        let memory = pinned::bytes(env, table);
        let words = as_slice::<u32>(&memory).get(..2 * count as usize);
        let words = words.ok_or(-libc::EINVAL)?;
        let mut frames = self.beginning();
        let joined = if self.codec() == Codec::Json {
            TEXT_MEMORY.with_borrow_mut(|units| {
                read_text(env, payloads, units);
                let joined = join(words, &Payload::Utf16(units), &mut frames);
                units.clear();
                units.shrink_to(TEXT_MEMORY_UNITS);
                joined
            })
        } else {
            let memory = pinned::bytes(env, payloads);
            let bytes = as_slice::<u8>(&memory);
            let bytes = bytes.get(..length as usize).ok_or(-libc::EINVAL)?;
            join(words, &Payload::Bytes(bytes), &mut frames)
        };
        joined.map(|()| frames).ok_or(-libc::EINVAL)
    }

    fn beginning(&self) -> Vec<u8> {
        if self.is_begun.replace(true) {
            Vec::new()
        } else {
            preamble(self.codec()).to_vec()
        }
    }
}

/// The memory of a typed array, for as long as its JavaScript does not run.
fn as_slice<T>(memory: &libc::iovec) -> &[T] {
    let length = memory.iov_len / size_of::<T>();
    if length == 0 {
        return &[];
    }
    // SAFETY: Node-API's pointer to a live array of that many elements; a Uint32Array is aligned.
    unsafe { std::slice::from_raw_parts(memory.iov_base.cast::<T>(), length) }
}

/// The text as it stands in V8's memory: copying it so is several times faster than as UTF-8.
fn read_text(env: &Env, text: sys::napi_value, units: &mut Vec<u16>) {
    let mut length = 0;
    units.clear();
    // SAFETY: a live value; the second call writes at most `length` units and a zero into the room reserved.
    unsafe {
        sys::napi_get_value_string_utf16(env.raw(), text, ptr::null_mut(), 0, &mut length);
        units.reserve(length + 1);
        sys::napi_get_value_string_utf16(env.raw(), text, units.as_mut_ptr(), length + 1, &mut length);
        units.set_len(length);
    }
}

impl Events {
    /// Keeps the owner alive exactly while an event can come.
    fn hold(&self) {
        let stream = self.connection.get().and_then(|connection| connection.stream());
        self.callback
            .hold(self.closing.get() || stream.is_some_and(|stream| stream.is_active()));
        if !self.closing.get() && stream.is_some_and(|stream| stream.fd() < 0) {
            self.callback.finish();
        }
    }

    fn tell(&self, kind: f64, a: f64, b: f64) {
        self.callback.call([kind, a, b, 0.0]);
        self.hold();
    }

    fn closed(&self) {
        self.closing.set(false);
        self.tell(event::CLOSED, 0.0, 0.0);
    }
}

impl ConnectionObserver for Events {
    fn batch(&self, mut batch: Batch, bytes: usize) {
        let words = batch.table();
        // SAFETY: a batch has at most BATCH_MESSAGES messages, for which the table has room; it is pinned and JavaScript does
        // not run now.
        unsafe { ptr::copy_nonoverlapping(words.as_ptr(), self.table, words.len()) };
        let kind = if batch.only_messages() {
            event::PLAIN_MESSAGES
        } else {
            event::MESSAGES
        };
        let count = batch.count();
        let is_text = self
            .connection
            .get()
            .is_some_and(|connection| connection.codec() == Codec::Json);
        self.callback.call_with(move |env| {
            let is_ascii = batch.is_ascii();
            let payloads = batch.payloads();
            let payloads = if is_text {
                text(env, payloads, is_ascii)
            } else {
                buffer(env, payloads)
            };
            [
                number(env, kind),
                number(env, count as f64),
                payloads,
                number(env, bytes as f64),
            ]
        });
    }

    fn end(&self, status: Errno) {
        self.tell(event::END, f64::from(status), 0.0);
    }

    fn fault(&self, fault: Fault) {
        let (number, detail) = fault.numbers();
        self.tell(event::FAULT, f64::from(number), f64::from(detail));
    }

    fn drained(&self, status: Errno) {
        self.tell(event::WRITTEN, f64::from(status), 0.0);
    }

    fn shut_down(&self) {
        self.tell(event::SHUTDOWN, 0.0, 0.0);
    }

    fn kept(&self, bytes: usize) {
        self.external.set(bytes);
    }
}

fn text(env: sys::napi_env, bytes: &[u8], is_ascii: bool) -> sys::napi_value {
    let mut value = ptr::null_mut();
    // SAFETY: a scope is open; the value is a copy.
    unsafe {
        if is_ascii {
            sys::napi_create_string_latin1(env, bytes.as_ptr().cast(), bytes.len() as isize, &mut value)
        } else {
            sys::napi_create_string_utf8(env, bytes.as_ptr().cast(), bytes.len() as isize, &mut value)
        }
    };
    value
}

fn buffer(env: sys::napi_env, bytes: &[u8]) -> sys::napi_value {
    let mut value = ptr::null_mut();
    // SAFETY: as in `text`.
    unsafe {
        sys::napi_create_buffer_copy(
            env,
            bytes.len(),
            bytes.as_ptr().cast(),
            ptr::null_mut(),
            &mut value,
        )
    };
    value
}

fn number(env: sys::napi_env, number: f64) -> sys::napi_value {
    let mut value = ptr::null_mut();
    // SAFETY: as in `text`.
    unsafe { sys::napi_create_double(env, number, &mut value) };
    value
}
