//! `StreamHandle`: a byte stream as JavaScript holds it.

use std::cell::{Cell, OnceCell, RefCell};
use std::os::fd::{IntoRawFd, OwnedFd};
use std::rc::{Rc, Weak};
use std::slice;

use napi::bindgen_prelude::{Buffer, Env, Error, Function, JsValue, Object, Result, Status, Unknown};
use napi::sys;
use napi_derive::napi;

use super::callback::Callback;
use super::descriptor::adopt;
use super::environment::Environment;
use super::net::DescriptorCopies;
use super::pinned::{self, Pinned};
use super::shared_array::SharedArray;
use crate::event_loop::descriptors::send as send_with_descriptors;
use crate::event_loop::{Errno, Stream, StreamObserver};

/// Enough for what is placed rather than handed over: small chunks and texts.
const WRITE_BYTES: usize = 16 * 1024;

/// The async_hooks types of streams.
const PIPE: &str = "PIPEWRAP";
const TCP: &str = "TCPWRAP";

/// What `onEvent` is told: (kind, a, b).
mod event {
    /// a: what becomes of the bytes (`memory::Taking`), b: length
    pub const READ: f64 = 0.0;
    /// a: 0 at the peer's end, else a negative errno
    pub const END: f64 = 1.0;
    /// a: 0, or the negative errno of the write that was pending
    pub const WRITTEN: f64 = 2.0;
    /// a: 0, or the negative errno of the connection that was being made
    pub const CONNECTED: f64 = 3.0;
    pub const CLOSED: f64 = 4.0;
    /// `takeDescriptors` gives them; the bytes that they came with follow as READ
    pub const DESCRIPTORS: f64 = 5.0;
    pub const SHUTDOWN: f64 = 8.0;
}

/// The bytes that `StreamHandle.writePlaced` sends: a `Uint8Array`, the same each time.
#[napi(ts_return_type = "Uint8Array", catch_unwind)]
pub fn share_write_memory(env: Env) -> Result<Unknown<'static>> {
    let environment = Environment::of(&env)?;
    let kind = sys::TypedarrayType::uint8_array;
    SharedArray::once(&environment.write_memory, env.raw(), kind, WRITE_BYTES, 1)?.value()
}

/// A byte stream on a descriptor, which it owns from the constructor on.
///
/// Statuses are libuv's: 0 or a negative errno. `onEvent(kind, a, b)` is called on `owner`: 0 READ (what becomes of the
/// bytes: 0 copied from the small read memory, 1 from the large, 2 it is kept; length), 1 END (status), 2 WRITTEN (status),
/// 3 CONNECTED (status), 4 CLOSED, 5 DESCRIPTORS (`takeDescriptors` gives them; the bytes that they came with follow),
/// 8 SHUTDOWN.
#[napi]
pub struct StreamHandle {
    /// Others after `reopen`: an event of the former may be on the stack still.
    events: RefCell<Rc<Events>>,
    name: &'static str,
}

struct Events {
    environment: Rc<Environment>,
    callback: Callback,
    stream: OnceCell<Rc<Stream>>,
    status: Cell<Errno>,
    /// There is no descriptor, and `close` is still to come.
    unopened: Cell<bool>,
    /// CLOSED is still to come.
    closing: Cell<bool>,
    /// During DESCRIPTORS: those that nobody has taken yet.
    received: Cell<Vec<OwnedFd>>,
    /// `None` for as much as there is memory for.
    read_limit: Cell<Option<usize>>,
}

#[napi]
impl StreamHandle {
    /// Takes over `fd`; `made`: a socket of `openSocket` or of a `ListenerHandle`. `name` is the async_hooks type (`PIPEWRAP`,
    /// `TCPWRAP`). See `status`. Without a descriptor (-1) `close` is all that it can do.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        fd: i32,
        made: bool,
        owner: Object,
        on_event: Function<Unknown, Unknown>,
        name: String,
    ) -> Result<Self> {
        let name = [PIPE, TCP]
            .into_iter()
            .find(|known| *known == name)
            .ok_or_else(|| Error::new(Status::InvalidArg, format!("{name} is no stream")))?;
        let environment = Environment::of(&env)?;
        let callback = Callback::new(&env, &environment, owner, on_event, name)?;
        let events = RefCell::new(Events::open(environment, callback, (fd, made), name));
        Ok(StreamHandle { events, name })
    }

    /// As a new handle with the same function and name, which costs several times as much. After CLOSED only, which may be
    /// under way.
    #[napi(catch_unwind)]
    pub fn reopen(&self, env: Env, fd: i32, made: bool, owner: Object) -> Result<()> {
        let former = self.events();
        let callback = former.callback.renewed(&env, owner, self.name)?;
        let events = Events::open(former.environment.clone(), callback, (fd, made), self.name);
        self.events.replace(events);
        Ok(())
    }

    /// 0, or the errno with which the descriptor was refused (EPERM: a regular file, EEXIST: watched here already); it
    /// stays the caller's then, and every other method answers as after `close`.
    #[napi(getter, catch_unwind)]
    pub fn status(&self) -> i32 {
        self.events().status.get()
    }

    /// The descriptor, -1 once closed.
    #[napi(getter, catch_unwind)]
    pub fn fd(&self) -> i32 {
        self.stream().map_or(-1, |stream| stream.fd())
    }

    /// 0, or a negative errno: EEXIST when another handle of this thread has begun to watch the descriptor.
    #[napi(catch_unwind)]
    pub fn read_start(&self) -> i32 {
        let started = self.stream().map_or(Ok(()), |stream| stream.start_reading());
        self.events().hold();
        started.err().unwrap_or(0)
    }

    /// No READ brings more bytes than that from now on (at least 1).
    #[napi(catch_unwind)]
    pub fn limit_reads(&self, bytes: u32) {
        self.events().read_limit.set(Some(bytes.max(1) as usize));
    }

    #[napi(catch_unwind)]
    pub fn read_stop(&self) {
        if let Some(stream) = self.stream() {
            stream.stop_reading();
        }
        self.events().hold();
    }

    /// Writes: 0 when the kernel took all, a positive count of bytes left over, whose end WRITTEN reports, or a negative
    /// errno. Not to be called again before WRITTEN, and the bytes not to be touched.
    #[napi(catch_unwind)]
    pub fn write(&self, env: Env, #[napi(ts_arg_type = "Uint8Array")] chunk: Unknown) -> i64 {
        let piece = pinned::bytes(&env, chunk.raw());
        self.write_pieces(&env, &[piece], chunk)
    }

    /// As `write`, of the first `length` bytes of `shareWriteMemory`, which may be used again at once. Handing over a small
    /// array would cost more than its bytes: V8 keeps it on its heap until somebody asks where it is.
    #[napi(catch_unwind)]
    pub fn write_placed(&self, length: u32) -> i64 {
        let events = self.events();
        let (Some(stream), Some(memory)) = (events.stream.get(), events.environment.write_memory.get())
        else {
            return i64::from(-libc::EBADF);
        };
        let total = memory.len().min(length as usize);
        let piece = libc::iovec {
            iov_base: memory.memory().cast(),
            iov_len: total,
        };
        match stream.try_write(&[piece]) {
            Err(errno) => i64::from(errno),
            Ok(written) if written == total => 0,
            Ok(written) => {
                // SAFETY: `written` is less than `total`, which is within the array.
                let rest = unsafe { slice::from_raw_parts(memory.memory().add(written), total - written) };
                let mut rest: Box<[u8]> = rest.into();
                let piece = libc::iovec {
                    iov_base: rest.as_mut_ptr().cast(),
                    iov_len: rest.len(),
                };
                // SAFETY: `rest`, which `piece` points into, does not move with its box.
                let left = unsafe { stream.write_later(vec![piece], 0, Vec::new(), Box::new(rest)) };
                events.hold();
                left.map_or_else(i64::from, |left| left as i64)
            }
        }
    }

    /// As `write`, several in one system call.
    #[napi(catch_unwind)]
    pub fn writev(&self, env: Env, #[napi(ts_arg_type = "Uint8Array[]")] chunks: Unknown) -> i64 {
        let pieces = pinned::elements(&env, chunks.raw());
        self.write_pieces(&env, &pieces, chunks)
    }

    /// As `write` of at least one byte, with descriptors on the first of them, which it takes from `descriptors`.
    #[napi(catch_unwind)]
    pub fn write_with_descriptors(
        &self,
        env: Env,
        #[napi(ts_arg_type = "Uint8Array")] chunk: Unknown,
        descriptors: &DescriptorCopies,
    ) -> i64 {
        let Some(stream) = self.stream() else {
            return i64::from(-libc::EBADF);
        };
        let descriptors = descriptors.take();
        let piece = pinned::bytes(&env, chunk.raw());
        let total = piece.iov_len;
        match send_with_descriptors(stream.fd(), piece, &descriptors) {
            Err(errno) => i64::from(errno),
            Ok(written) if written == total => 0,
            Ok(written) => {
                let memory = Box::new(Pinned::new(&env, chunk.raw()));
                let descriptors = if written == 0 { descriptors } else { Vec::new() };
                // SAFETY: `Pinned` keeps the JavaScript memory that `piece` points into.
                let left = unsafe { stream.write_later(vec![piece], written, descriptors, memory) };
                self.events().hold();
                left.map_or_else(i64::from, |left| left as i64)
            }
        }
    }

    /// From now on descriptors that come with bytes are announced as DESCRIPTORS; before, the kernel closes them.
    #[napi(catch_unwind)]
    pub fn receive_descriptors(&self) {
        if let Some(stream) = self.stream() {
            stream.receive_descriptors();
        }
    }

    /// During DESCRIPTORS: they are the caller's from then on. What is not taken is closed.
    #[napi(catch_unwind)]
    pub fn take_descriptors(&self) -> Vec<i32> {
        let received = self.events().received.take();
        received.into_iter().map(IntoRawFd::into_raw_fd).collect()
    }

    /// How many bytes WRITTEN is still to come for.
    #[napi(getter, catch_unwind)]
    pub fn pending_bytes(&self) -> i64 {
        self.stream().map_or(0, |stream| stream.pending_bytes() as i64)
    }

    /// Ends the writing side. SHUTDOWN comes, also when the connection has gone already, unless the stream is closed before.
    #[napi(catch_unwind)]
    pub fn shutdown(&self) {
        let events = self.events();
        if let Some(stream) = events.stream.get() {
            stream.shutdown(&events.environment.turn);
        }
        events.hold();
    }

    /// Reports as CONNECTED how the connection turns out that was begun on the descriptor.
    #[napi(catch_unwind)]
    pub fn await_connection(&self) {
        if let Some(stream) = self.stream() {
            stream.await_connection();
        }
        self.events().hold();
    }

    /// Reports as CONNECTED, when libuv would, how the connection has turned out that was begun on the descriptor: 0, or a
    /// negative errno.
    #[napi(catch_unwind)]
    pub fn report_connection(&self, status: i32) {
        let events = self.events();
        if let Some(stream) = events.stream.get() {
            stream.report_connection(status, &events.environment.turn);
        }
        events.hold();
    }

    /// Closes the descriptor. No event comes afterwards, but for CLOSED in the loop's closing phase when `notice` is true; a
    /// second call does nothing. Returns whether CLOSED will come.
    #[napi(catch_unwind)]
    pub fn close(&self, notice: Option<bool>) -> bool {
        let events = self.events();
        let noticed = notice == Some(true) && {
            let closing = events.clone();
            let action = move || closing.closed();
            match events.stream.get() {
                Some(stream) => stream.close_then(action),
                None if events.unopened.take() => {
                    events.environment.event_loop.call_when_closing(action);
                    true
                }
                None => false,
            }
        };
        events.unopened.set(false);
        if let Some(stream) = events.stream.get() {
            stream.close();
        }
        events.closing.set(events.closing.get() || noticed);
        events.hold();
        noticed
    }

    /// Gives up the write of which WRITTEN is still to come, and returns the bytes that the kernel has not taken.
    #[napi(catch_unwind)]
    pub fn take_unwritten(&self) -> Buffer {
        let rest = self
            .stream()
            .map_or_else(Vec::new, |stream| stream.take_unwritten());
        rest.into()
    }

    /// Calls `callback` in the async context of the events and returns its value.
    #[napi(catch_unwind)]
    pub fn run_in_context(
        &self,
        env: Env,
        callback: Function<(), Unknown<'static>>,
    ) -> Result<Unknown<'static>> {
        self.events().callback.run(&env, callback)
    }

    /// Gives up the descriptor: it stays open and is no longer watched. -1 when closed before.
    #[napi(catch_unwind)]
    pub fn detach(&self) -> i32 {
        let fd = self.stream().and_then(|stream| stream.detach());
        self.events().hold();
        fd.map_or(-1, IntoRawFd::into_raw_fd)
    }

    /// Whether reading keeps the process alive (it does at first). A write that is under way, and a connection, always do.
    #[napi(catch_unwind)]
    pub fn set_ref(&self, on: bool) {
        if let Some(stream) = self.stream() {
            stream.set_ref(on);
        }
    }
}

impl StreamHandle {
    fn events(&self) -> Rc<Events> {
        self.events.borrow().clone()
    }

    fn stream(&self) -> Option<Rc<Stream>> {
        self.events.borrow().stream.get().cloned()
    }

    fn write_pieces(&self, env: &Env, pieces: &[libc::iovec], owner: Unknown) -> i64 {
        let Some(stream) = self.stream() else {
            return i64::from(-libc::EBADF);
        };
        let total: usize = pieces.iter().map(|piece| piece.iov_len).sum();
        match stream.try_write(pieces) {
            Err(errno) => i64::from(errno),
            Ok(written) if written == total => 0,
            Ok(written) => {
                let memory = Box::new(Pinned::new(env, owner.raw()));
                // SAFETY: `Pinned` keeps the JavaScript memory that `pieces` point into.
                let left = unsafe { stream.write_later(pieces.to_vec(), written, Vec::new(), memory) };
                self.events().hold();
                left.map_or_else(i64::from, |left| left as i64)
            }
        }
    }
}

impl Events {
    fn open(
        environment: Rc<Environment>,
        callback: Callback,
        (fd, made): (i32, bool),
        name: &str,
    ) -> Rc<Self> {
        let events = Rc::new(Events {
            environment,
            callback,
            stream: OnceCell::new(),
            status: Cell::new(0),
            unopened: Cell::new(fd < 0),
            closing: Cell::new(false),
            received: Cell::default(),
            read_limit: Cell::new(None),
        });
        let observer: Weak<dyn StreamObserver> = Rc::downgrade(&events) as Weak<dyn StreamObserver>;
        let was_on_its_way = events.environment.in_transit.take(fd);
        let taken = adopt(fd)
            .map_err(|errno| (errno, None))
            .and_then(|fd| Stream::new(&events.environment.event_loop, fd, made, observer));
        match taken {
            Ok(stream) => {
                if name == PIPE {
                    stream.end_in_one_turn();
                }
                events.stream.get_or_init(|| stream);
                events.hold();
            }
            Err((errno, fd)) => {
                // Back to JavaScript.
                events.environment.in_transit.give_back(fd, was_on_its_way);
                events.status.set(errno);
                // No event can come: the async context, and what it leads to, go now.
                events.hold();
            }
        }
        events
    }

    /// Keeps the owner alive while the stream is open, as Node does: nobody may have a socket that is paused, and its peer is
    /// not to lose the connection for that.
    fn hold(&self) {
        let stream = self.stream.get();
        self.callback
            .hold(self.closing.get() || stream.is_some_and(|stream| stream.fd() >= 0));
        let pending = self.closing.get() || self.unopened.get();
        if !pending && stream.is_none_or(|stream| stream.fd() < 0) {
            self.callback.finish();
        }
    }

    fn closed(&self) {
        self.closing.set(false);
        self.callback.call([event::CLOSED, 0.0, 0.0]);
        self.hold();
    }
}

impl StreamObserver for Events {
    fn memory(&self, busy: bool) -> Option<(*mut u8, usize)> {
        let memory = &self.environment.read_memory;
        let limit = self.read_limit.get();
        let busy = busy && limit.is_none();
        let (start, room) = memory
            .ready(busy)
            .or_else(|| self.callback.scope(|| memory.reserve(busy)))?;
        Some((start, limit.map_or(room, |limit| room.min(limit))))
    }

    fn read(&self, length: usize) {
        let taking = self.environment.read_memory.taking(length);
        self.callback
            .call([event::READ, f64::from(taking as u8), length as f64]);
    }

    // The owner stays held during the callback: nothing else may have a reference to it.

    fn end(&self, status: Errno) {
        self.callback.call([event::END, f64::from(status), 0.0]);
        self.hold();
    }

    fn written(&self, status: Errno) {
        self.callback.call([event::WRITTEN, f64::from(status), 0.0]);
        self.hold();
    }

    fn connected(&self, status: Errno) {
        self.callback.call([event::CONNECTED, f64::from(status), 0.0]);
        self.hold();
    }

    fn ended(&self) {
        self.callback.call([event::SHUTDOWN, 0.0, 0.0]);
        self.hold();
    }

    fn descriptors(&self, descriptors: Vec<OwnedFd>) {
        self.received.replace(descriptors);
        self.callback.call([event::DESCRIPTORS, 0.0, 0.0]);
        self.received.take();
    }
}
