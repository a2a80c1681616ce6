//! A byte stream on a descriptor: a pipe, a socket, a terminal.
//!
//! Reads go into memory that the observer lends, writes straight from the caller's memory to the kernel; what it does not
//! take waits here, one write at a time (Node's Writable never starts a second). Runs on the loop's thread. Ends with
//! `close`, or when dropped.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::rc::{Rc, Weak};

use super::write::{PendingWrite, enlarge_send_buffer, write_some};
use super::{Errno, Loop, Poll, PollObserver, Readiness, Turn, descriptors, last_errno};

pub trait StreamObserver {
    /// Memory for the next read, never empty, and large for a `busy` stream; `None` ends reading with ENOMEM. It stays
    /// valid until `read` or the next `memory`.
    fn memory(&self, busy: bool) -> Option<(*mut u8, usize)>;
    /// `length` bytes (never 0) stand at the start of what `memory` lent.
    fn read(&self, length: usize);
    /// Nothing more will be read: the peer's end (0) or a failure.
    fn end(&self, status: Errno);
    /// The write that `write` or `write_all` left unfinished is done (0) or has failed.
    fn written(&self, status: Errno);
    /// The connection is there (0) or has failed.
    fn connected(&self, _status: Errno) {}
    /// The writing side has ended.
    fn ended(&self) {}
    /// These came with the bytes that `read` reports next. Only after `receive_descriptors`.
    fn descriptors(&self, _descriptors: Vec<OwnedFd>) {}
}

/// How far a connection that was begun on the socket has come.
#[derive(Clone, Copy)]
enum Connecting {
    No,
    /// Watched for.
    Awaited,
    /// It is there or has failed: `connected` is to say so.
    Unreported,
}

/// A busy stream stays so while its reads fill this part of their memory (a quarter).
const LARGE_PART: usize = 4;
/// How often one turn of the loop reads a stream that stays full, before other handles get their turn (libuv's number,
/// uv__read).
const READS_PER_TURN: usize = 32;
pub struct Stream {
    poll: OnceCell<Poll>,
    fd: Cell<RawFd>,
    reading: Cell<bool>,
    /// The last read found as much as a small piece of memory takes: the next ones get a large one.
    busy: Cell<bool>,
    referenced: Cell<bool>,
    ends_in_one_turn: Cell<bool>,
    /// Boxed: most streams never have one.
    pending: RefCell<Option<Box<PendingWrite>>>,
    connecting: Cell<Connecting>,
    /// `ended` is still to be reported.
    ending: Cell<bool>,
    /// Whether the kernel has been asked for a larger send buffer.
    enlarged: Cell<bool>,
    receives_descriptors: Cell<bool>,
    observer: Weak<dyn StreamObserver>,
}

impl Stream {
    /// Takes over `fd` and makes it non-blocking. `made`: it is a socket that we have made, non-blocking already.
    ///
    /// # Errors
    /// As `Poll::new`. The descriptor is given back then: it may be in use elsewhere.
    pub fn new(
        home: &Rc<Loop>,
        fd: OwnedFd,
        made: bool,
        observer: Weak<dyn StreamObserver>,
    ) -> Result<Rc<Self>, (Errno, Option<OwnedFd>)> {
        let fd = std::os::fd::IntoRawFd::into_raw_fd(fd);
        let stream = Rc::new(Stream {
            poll: OnceCell::new(),
            fd: Cell::new(fd),
            reading: Cell::new(false),
            busy: Cell::new(false),
            referenced: Cell::new(true),
            ends_in_one_turn: Cell::new(false),
            pending: RefCell::new(None),
            connecting: Cell::new(Connecting::No),
            ending: Cell::new(false),
            enlarged: Cell::new(false),
            receives_descriptors: Cell::new(false),
            observer,
        });
        let observer: Weak<dyn PollObserver> = Rc::downgrade(&stream) as Weak<dyn PollObserver>;
        let watch = if made { Poll::of_socket } else { Poll::new };
        match watch(home, fd, observer) {
            Ok(poll) => stream.poll.get_or_init(|| poll),
            Err(errno) => return Err((errno, stream.detach())),
        };
        Ok(stream)
    }

    /// The descriptor, or -1 once closed.
    pub fn fd(&self) -> RawFd {
        self.fd.get()
    }

    /// Reads until `stop_reading`, the peer's end or a failure.
    ///
    /// # Errors
    /// As `Poll::watch`; nothing is read then.
    pub fn start_reading(&self) -> Result<(), Errno> {
        self.reading.set(true);
        self.update(true).inspect_err(|_| self.reading.set(false))
    }

    /// The end is reported in the same turn of the loop as the last bytes, when it is there already. libuv does so for pipes
    /// and UNIX sockets (it sees POLLHUP), not for TCP.
    pub fn end_in_one_turn(&self) {
        self.ends_in_one_turn.set(true);
    }

    /// From now on descriptors that come with bytes are reported; before, and otherwise, the kernel closes them.
    pub fn receive_descriptors(&self) {
        self.receives_descriptors.set(true);
    }

    /// Stops reading; what the kernel holds stays there.
    ///
    /// The descriptor remains watched until it next turns readable: a pause that ends before then costs no system call.
    pub fn stop_reading(&self) {
        self.reading.set(false);
        let _ = self.update(false);
    }

    /// Whether reading keeps the loop alive (it does at first). A write that is under way, and a connection, always do.
    pub fn set_ref(&self, on: bool) {
        self.referenced.set(on);
        let _ = self.update(false);
    }

    /// Whether it reads, still has something to write, or waits for its connection.
    pub fn is_active(&self) -> bool {
        self.fd.get() >= 0
            && (self.reading.get()
                || self.pending.borrow().is_some()
                || self.is_connecting()
                || self.ending.get())
    }

    fn is_connecting(&self) -> bool {
        !matches!(self.connecting.get(), Connecting::No)
    }

    /// Reports through the observer's `connected` how the connection turns out that was begun on the socket.
    pub fn await_connection(&self) {
        self.connecting.set(Connecting::Awaited);
        // Cannot fail: the socket is new.
        let _ = self.update(false);
    }

    /// Reports through the observer's `connected`, when libuv would, how the connection has turned out that was begun on the
    /// socket, unless the stream is closed before. Nothing is read or written until then.
    pub fn report_connection(self: &Rc<Self>, status: Errno, turn: &Rc<Turn>) {
        self.connecting.set(Connecting::Unreported);
        let stream = Rc::downgrade(self);
        let report = move || {
            stream
                .upgrade()
                .iter()
                .for_each(|stream| stream.connected(status))
        };
        if status == 0 {
            turn.run_in_next_turn(report);
        } else {
            turn.run_pending(report);
        }
    }

    fn connected(&self, status: Errno) {
        if let Some(observer) = self.observer.upgrade()
            && matches!(self.connecting.get(), Connecting::Unreported)
        {
            self.finish_connecting(&*observer, status);
            let _ = self.update(true);
        }
    }

    /// How many bytes of the write left over the kernel has yet to take.
    pub fn pending_bytes(&self) -> usize {
        self.pending.borrow().as_ref().map_or(0, |write| write.len())
    }

    /// Writes what the kernel takes of several pieces now. Returns how many bytes that was.
    ///
    /// # Errors
    /// The kernel's; EBADF once closed. A full kernel buffer is no error.
    pub fn try_write(&self, pieces: &[libc::iovec]) -> Result<usize, Errno> {
        write_some(self.fd.get(), pieces)
    }

    /// Leaves `pieces`, less their first `written` bytes, to be written when the descriptor is ready, the `descriptors` with
    /// the next byte. Returns how many bytes are left; their end is reported through the observer. Only when no other write is
    /// left over.
    ///
    /// # Errors
    /// As `Poll::watch`, and the kernel's; the rest is lost then.
    ///
    /// # Safety
    /// `memory` keeps every piece readable for as long as it lives.
    pub unsafe fn write_later(
        &self,
        pieces: Vec<libc::iovec>,
        written: usize,
        descriptors: Vec<OwnedFd>,
        memory: Box<dyn Any>,
    ) -> Result<usize, Errno> {
        debug_assert!(self.pending.borrow().is_none());
        let mut pending = PendingWrite::new(pieces, written, descriptors, memory);
        // SAFETY: the stream owns the descriptor; once closed there is nothing to write later.
        let socket = unsafe { BorrowedFd::borrow_raw(self.fd.get()) };
        if !self.enlarged.replace(true) && enlarge_send_buffer(socket) {
            // The new room at once, or the next turn would only find that there is some.
            pending.write(socket.as_raw_fd())?;
        }
        let left = pending.len();
        if left > 0 {
            *self.pending.borrow_mut() = Some(Box::new(pending));
            self.update(false)
                .inspect_err(|_| drop(self.pending.borrow_mut().take()))?;
        }
        Ok(left)
    }

    /// Gives up the write that is left over, whose end is not reported then, and returns the bytes that the kernel has not taken.
    pub fn take_unwritten(&self) -> Vec<u8> {
        let pending = self.pending.borrow_mut().take();
        pending.map_or_else(Vec::new, |write| write.rest())
    }

    /// Ends the writing side, as the peer's end of stream, and reports that through the observer's `ended` when libuv would,
    /// unless the stream is closed before.
    pub fn shutdown(self: &Rc<Self>, turn: &Rc<Turn>) {
        // A failure means that the connection has gone: reading reports that.
        // SAFETY: plain system call; -1 gives EBADF.
        unsafe { libc::shutdown(self.fd.get(), libc::SHUT_WR) };
        self.ending.set(self.fd.get() >= 0);
        let stream = Rc::downgrade(self);
        turn.run_pending(move || stream.upgrade().iter().for_each(|stream| stream.ended()));
    }

    fn ended(&self) {
        if self.ending.take()
            && let Some(observer) = self.observer.upgrade()
        {
            observer.ended();
        }
    }

    /// Closes the descriptor; nothing is reported afterwards. A second call does nothing.
    pub fn close(&self) {
        if let Some(fd) = self.detach() {
            descriptors::close(fd);
        }
    }

    /// As `close`, and calls `action` in the loop's closing phase; false, and it is not called, when closed already.
    pub fn close_then(&self, action: impl FnOnce() + 'static) -> bool {
        if self.fd.get() < 0 {
            return false;
        }
        if let Some(poll) = self.poll.get() {
            poll.close_then(action);
        }
        self.close();
        true
    }

    /// Gives the descriptor back, no longer watched, as it stands (non-blocking); `None` once closed.
    pub fn detach(&self) -> Option<OwnedFd> {
        let fd = self.fd.replace(-1);
        self.reading.set(false);
        self.connecting.set(Connecting::No);
        self.ending.set(false);
        if let Some(poll) = self.poll.get() {
            poll.close();
        }
        // Its memory may belong to JavaScript: dropped here, on the loop's thread.
        drop(self.pending.borrow_mut().take());
        // SAFETY: the stream owned `fd` and has just given it up.
        (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
    }

    /// Tells libuv what is wanted now. `eager`: reading has just begun. Unwanted readability is let go only by `ready`.
    fn update(&self, eager: bool) -> Result<(), Errno> {
        let Some(poll) = self.poll.get() else {
            return Ok(());
        };
        if self.fd.get() < 0 {
            return Ok(());
        }
        let writable =
            self.pending.borrow().is_some() || matches!(self.connecting.get(), Connecting::Awaited);
        // As libuv, where requests keep the loop alive whatever their handle does: nothing is lost at the process's end.
        poll.set_ref(writable || (self.referenced.get() && self.reading.get()));
        if eager || writable {
            return poll.watch(self.reading.get(), writable);
        }
        Ok(())
    }

    fn finish_connecting(&self, observer: &dyn StreamObserver, status: Errno) {
        self.connecting.set(Connecting::No);
        let _ = self.update(false);
        observer.connected(status);
    }

    fn socket_error(&self) -> Errno {
        let mut error: libc::c_int = 0;
        let mut length = size_of_val(&error) as libc::socklen_t;
        // SAFETY: both outputs are ours and as large as said.
        let status = unsafe {
            libc::getsockopt(
                self.fd.get(),
                libc::SOL_SOCKET,
                libc::SO_ERROR,
                (&raw mut error).cast(),
                &mut length,
            )
        };
        if status < 0 { last_errno() } else { -error }
    }

    fn read_available(&self, observer: &dyn StreamObserver, to_the_end: bool) {
        for _ in 0..READS_PER_TURN {
            if !self.reading.get() {
                return;
            }
            let busy = self.busy.get();
            let Some((memory, room)) = observer.memory(busy) else {
                return self.end_reading(observer, -libc::ENOMEM);
            };
            let count = if self.receives_descriptors.get() {
                self.read_with_descriptors(observer, memory, room)
            } else {
                // SAFETY: the observer lends `room` writable bytes.
                unsafe { libc::read(self.fd.get(), memory.cast(), room) }
            };
            if count > 0 {
                let count = count as usize;
                self.busy.set(if busy {
                    count >= room / LARGE_PART
                } else {
                    count == room
                });
                observer.read(count);
                // A short read has emptied the kernel's buffer: asking again would only give EAGAIN.
                if count < room && !to_the_end {
                    return;
                }
                continue;
            }
            let status = if count == 0 { 0 } else { last_errno() };
            match -status {
                libc::EAGAIN => return,
                libc::EINTR => continue,
                _ => return self.end_reading(observer, status),
            }
        }
    }

    /// As read(2): a count, or -1 and errno.
    fn read_with_descriptors(&self, observer: &dyn StreamObserver, memory: *mut u8, room: usize) -> isize {
        // SAFETY: the observer lends `room` writable bytes.
        let received = match unsafe { descriptors::receive(self.fd.get(), memory, room) } {
            Ok(received) => received,
            Err(errno) => return fail(errno),
        };
        // Some are gone, and nobody can tell what the rest belongs to.
        if received.incomplete {
            return fail(-libc::EMFILE);
        }
        if !received.descriptors.is_empty() {
            observer.descriptors(received.descriptors);
            // The callback may have closed the stream: what came with them is then nobody's.
            if self.fd.get() < 0 {
                return fail(-libc::EAGAIN);
            }
        }
        received.count as isize
    }

    fn end_reading(&self, observer: &dyn StreamObserver, status: Errno) {
        // The next `ready` has libuv let go of it, unless the descriptor has been closed until then.
        self.reading.set(false);
        observer.end(status);
    }

    fn write_pending(&self, observer: &dyn StreamObserver) {
        let status = {
            let mut pending = self.pending.borrow_mut();
            let Some(write) = pending.as_mut() else { return };
            match write.write(self.fd.get()) {
                Ok(()) if write.len() > 0 => return,
                Ok(()) => 0,
                Err(errno) => errno,
            }
        };
        let finished = self.pending.borrow_mut().take();
        drop(finished);
        let _ = self.update(true);
        observer.written(status);
    }
}

impl PollObserver for Stream {
    fn ready(&self, readiness: Readiness) {
        let Some(observer) = self.observer.upgrade() else {
            return;
        };
        let was_reading = self.reading.get();
        if let Connecting::Awaited = self.connecting.get() {
            if readiness.writable {
                self.finish_connecting(&*observer, self.socket_error());
            }
        } else if !self.is_connecting() {
            // Reading first, as libuv: of a connection that was reset, reading tells, and not the write that was under way.
            if readiness.readable {
                self.read_available(&*observer, readiness.hung_up && self.ends_in_one_turn.get());
            }
            if readiness.writable {
                self.write_pending(&*observer);
            }
        }
        // Not before the callbacks, which may have paused and resumed, and what has just been stopped not before the next turn:
        // most streams that have ended are closed until then.
        let stopped = was_reading && !self.reading.get();
        if let Err(status) = self.update(!stopped)
            && self.reading.get()
        {
            self.end_reading(&*observer, status);
            let _ = self.update(true);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close();
    }
}

/// Ends a call as a system call that fails.
fn fail(errno: Errno) -> isize {
    // SAFETY: the calling thread's own.
    unsafe { *libc::__errno_location() = -errno };
    -1
}
