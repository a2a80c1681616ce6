//! One end of a channel, on the event loop. It owns its descriptor until `close` or drop.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::{Rc, Weak};

use super::descriptor::{self, Received};
use super::frame::{Cutter, Format};
use crate::event_loop::{Errno, Loop, Poll, PollObserver, Readiness, last_errno};

pub trait ChannelObserver {
    /// Whole messages, back to back as they stood on the wire, and the descriptor that came with the last of them or with
    /// one that is not whole yet.
    fn messages(&self, bytes: &[u8], descriptor: Option<OwnedFd>);
    /// The peer's end (0), or a failure; EMSGSIZE for a message no peer of ours would send. Nothing comes after it.
    fn end(&self, status: Errno);
    /// So many messages that `send` had left over are on their way (or lost, if the channel is broken).
    fn sent(&self, count: usize);
    /// The next one after those is not, for this reason (ETOOMANYREFS: too many descriptors under way); the rest may be.
    fn lost(&self, errno: Errno);
    /// How many bytes are kept now: the beginning of a message, and what the peer does not take.
    fn kept(&self, _bytes: usize) {}
}

/// One read: as much as the kernel has for a channel by default (its socket buffer is 208 KiB).
const READ_BYTES: usize = 64 * 1024;
/// What one turn of the loop reads before others get theirs, and JavaScript gets the messages.
const TURN_BYTES: usize = 256 * 1024;

pub struct Channel {
    /// Before `socket`, so that it is dropped first: libuv aborts on a watched descriptor that has been closed.
    poll: OnceCell<Poll>,
    socket: RefCell<Option<OwnedFd>>,
    reading: Cell<bool>,
    incoming: RefCell<Incoming>,
    outgoing: RefCell<Outgoing>,
    observer: Weak<dyn ChannelObserver>,
}

struct Incoming {
    cutter: Cutter,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Outgoing {
    queue: VecDeque<Message>,
    bytes: usize,
}

/// How far the queue got.
#[derive(Default)]
struct Written {
    done: usize,
    /// Why the message after those was left out.
    lost: Option<Errno>,
    /// Why nothing can be sent any more.
    broken: Option<Errno>,
}

fn is_peer_gone(errno: Errno) -> bool {
    [libc::EPIPE, libc::ECONNRESET, libc::ENOTCONN, libc::EBADF].contains(&-errno)
}

struct Message {
    bytes: Vec<u8>,
    written: usize,
    /// A copy of the sender's, which may be closed before we get to it.
    descriptor: Option<OwnedFd>,
}

impl Channel {
    /// Takes over `socket`, and does not read before `start_reading`.
    pub fn new(
        home: &Rc<Loop>,
        socket: OwnedFd,
        format: Format,
        observer: Weak<dyn ChannelObserver>,
    ) -> Result<Rc<Self>, Errno> {
        let fd = socket.as_raw_fd();
        let channel = Rc::new(Channel {
            poll: OnceCell::new(),
            socket: RefCell::new(Some(socket)),
            reading: Cell::new(false),
            incoming: RefCell::new(Incoming {
                cutter: Cutter::new(format),
                bytes: Vec::new(),
            }),
            outgoing: RefCell::default(),
            observer,
        });
        let poll_observer: Weak<dyn PollObserver> = Rc::downgrade(&channel) as Weak<dyn PollObserver>;
        let poll = Poll::new(home, fd, poll_observer)?;
        channel.poll.get_or_init(|| poll);
        Ok(channel)
    }

    /// The descriptor, or -1 once closed.
    pub fn fd(&self) -> RawFd {
        self.socket.borrow().as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }

    pub fn start_reading(&self) {
        self.reading.set(true);
        self.update();
    }

    pub fn stop_reading(&self) {
        self.reading.set(false);
        self.update();
    }

    /// Whether the beginning of a message is there.
    pub fn is_buffering(&self) -> bool {
        !self.incoming.borrow().bytes.is_empty()
    }

    /// Bytes that the kernel has not taken yet.
    pub fn write_queue_size(&self) -> usize {
        self.outgoing.borrow().bytes
    }

    /// Whether an open channel keeps the loop alive (it does at first).
    pub fn set_ref(&self, on: bool) {
        if let Some(poll) = self.poll.get() {
            poll.set_ref(on);
        }
    }

    /// Sends a message: `true` when the kernel took it whole, `false` when `sent` will report it.
    ///
    /// # Errors
    /// EBADF once closed; EPIPE when the peer is gone.
    pub fn send(&self, bytes: Vec<u8>, descriptor: Option<BorrowedFd>) -> Result<bool, Errno> {
        let fd = self.fd();
        if fd < 0 {
            return Err(-libc::EBADF);
        }
        let mut written = 0;
        if self.outgoing.borrow().queue.is_empty() {
            written = descriptor::send(fd, &bytes, descriptor.map(|fd| fd.as_raw_fd()))?;
            if written == bytes.len() {
                return Ok(true);
            }
        }
        let descriptor = descriptor
            .filter(|_| written == 0)
            .map(|fd| fd.try_clone_to_owned())
            .transpose()
            .map_err(|_| last_errno())?;
        {
            let mut outgoing = self.outgoing.borrow_mut();
            outgoing.bytes += bytes.len() - written;
            outgoing.queue.push_back(Message {
                bytes,
                written,
                descriptor,
            });
        }
        self.update();
        if let Some(observer) = self.observer.upgrade() {
            self.report_kept(&*observer);
        }
        Ok(false)
    }

    /// Closes the descriptor; nothing is reported afterwards. A second call does nothing.
    pub fn close(&self) {
        self.reading.set(false);
        if let Some(poll) = self.poll.get() {
            poll.close();
        }
        self.socket.borrow_mut().take();
        *self.outgoing.borrow_mut() = Outgoing::default();
        self.incoming.borrow_mut().bytes = Vec::new();
        if let Some(observer) = self.observer.upgrade() {
            observer.kept(0);
        }
    }

    fn report_kept(&self, observer: &dyn ChannelObserver) {
        observer.kept(self.incoming.borrow().bytes.capacity() + self.outgoing.borrow().bytes);
    }

    fn update(&self) {
        if let Some(poll) = self.poll.get() {
            // Watched by another handle since (EEXIST): as with libuv's own streams, that one keeps it.
            let _ = poll.watch(self.reading.get(), !self.outgoing.borrow().queue.is_empty());
        }
    }

    /// Writes what has waited, up to the first message that cannot be sent.
    fn write_queued(&self) -> Written {
        let fd = self.fd();
        let mut outgoing = self.outgoing.borrow_mut();
        let mut written = Written::default();
        while let Some(message) = outgoing.queue.front_mut() {
            let descriptor = message.descriptor.as_ref().map(|fd| fd.as_fd().as_raw_fd());
            match descriptor::send(fd, &message.bytes[message.written..], descriptor) {
                Ok(0) => break,
                Ok(count) => {
                    message.written += count;
                    message.descriptor = None;
                    let finished = message.written == message.bytes.len();
                    outgoing.bytes -= count;
                    if finished {
                        outgoing.queue.pop_front();
                        written.done += 1;
                    }
                }
                Err(errno) if message.written == 0 && !is_peer_gone(errno) => {
                    outgoing.bytes -= message.bytes.len();
                    outgoing.queue.pop_front();
                    written.lost = Some(errno);
                    break;
                }
                Err(errno) => {
                    // Of a peer that is gone the reading side will tell.
                    written.broken = Some(errno).filter(|&errno| !is_peer_gone(errno));
                    written.done += outgoing.queue.len();
                    *outgoing = Outgoing::default();
                }
            }
        }
        written
    }

    fn write_waiting(&self, observer: &dyn ChannelObserver) {
        loop {
            let written = self.write_queued();
            self.update();
            if written.done > 0 {
                observer.sent(written.done);
            }
            if let Some(errno) = written.broken {
                // Within a message: whatever followed would be taken for the rest of it.
                self.finish_reading(observer, errno);
            }
            match written.lost {
                Some(errno) => observer.lost(errno),
                None => return,
            }
        }
    }

    /// `to_the_end`: the peer's end is there, and is reported in the same turn as what it sent last, as libuv does.
    fn read_available(&self, observer: &dyn ChannelObserver, to_the_end: bool) {
        let mut turn = 0;
        while self.reading.get() && turn < TURN_BYTES {
            match self.receive() {
                Ok(None) => break,
                Ok(Some((0, _))) => return self.end_reading(observer, 0),
                Err(errno) => return self.end_reading(observer, errno),
                Ok(Some((count, Received::None))) => {
                    turn += count;
                    // A short read has emptied the kernel's buffer, most likely: asking again would only cost.
                    if count < READ_BYTES && !to_the_end {
                        break;
                    }
                }
                // A descriptor belongs to a message that is in these bytes or begins in them: handed over at once, so that
                // it cannot be taken for another's.
                Ok(Some((count, received))) => {
                    turn += count;
                    let descriptor = match received {
                        Received::Descriptor(fd) => Some(fd),
                        _ => None,
                    };
                    if !self.deliver(observer, descriptor) {
                        return;
                    }
                }
            }
        }
        self.deliver(observer, None);
    }

    fn receive(&self) -> Result<Option<(usize, Received)>, Errno> {
        let mut incoming = self.incoming.borrow_mut();
        incoming.bytes.reserve(READ_BYTES);
        let room = &mut incoming.bytes.spare_capacity_mut()[..READ_BYTES];
        let received = descriptor::receive(self.fd(), room)?;
        if let Some((count, _)) = received {
            let length = incoming.bytes.len() + count;
            // SAFETY: the kernel has written `count` bytes of the room.
            unsafe { incoming.bytes.set_len(length) };
        }
        Ok(received)
    }

    /// Reports the whole messages that are there; `false` when the channel is at its end.
    fn deliver(&self, observer: &dyn ChannelObserver, descriptor: Option<OwnedFd>) -> bool {
        let whole = {
            let mut incoming = self.incoming.borrow_mut();
            let Incoming { cutter, bytes } = &mut *incoming;
            let Ok(end) = cutter.whole(bytes) else {
                drop(incoming);
                // Not `end_reading`, which delivers first: these bytes never become a message.
                self.finish_reading(observer, -libc::EMSGSIZE);
                return false;
            };
            if end == 0 && descriptor.is_none() {
                return self.reading.get();
            }
            // The messages leave with their memory, so that a listener which closes the channel, or a large message, leaves
            // nothing behind.
            let rest = bytes.split_off(end);
            std::mem::replace(bytes, rest)
        };
        observer.messages(&whole, descriptor);
        self.reading.get()
    }

    fn end_reading(&self, observer: &dyn ChannelObserver, status: Errno) {
        if self.deliver(observer, None) || self.reading.get() {
            self.finish_reading(observer, status);
        }
    }

    fn finish_reading(&self, observer: &dyn ChannelObserver, status: Errno) {
        self.reading.set(false);
        self.update();
        // The beginning of a message whose rest never comes: nobody is to wait for it.
        self.incoming.borrow_mut().bytes = Vec::new();
        observer.end(status);
    }
}

impl PollObserver for Channel {
    fn ready(&self, readiness: Readiness) {
        let Some(observer) = self.observer.upgrade() else {
            return;
        };
        // Reading first, as libuv: the peer's end is told before the messages that are lost with it.
        if readiness.readable && self.reading.get() {
            self.read_available(&*observer, readiness.hung_up);
        }
        if readiness.writable {
            self.write_waiting(&*observer);
        }
        self.update();
        self.report_kept(&*observer);
    }
}
