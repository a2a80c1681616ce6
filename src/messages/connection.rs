//! Messages on a descriptor, on the loop's thread: reads and cuts, joins and writes. Ends with `close`, or when dropped.

use std::cell::{Cell, OnceCell, RefCell};
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};

use super::batch::Batch;
use super::cutter::Cutter;
use super::frame::{Codec, Fault};
use crate::event_loop::{Errno, Loop, Stream, StreamObserver};

/// What one read takes at most: as much as one crossing carries.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    /// What is read is cut before anything else is read, so that all connections of a thread share this.
    static READ_MEMORY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

pub trait ConnectionObserver {
    /// Whole messages, and how many bytes have come since the last batch.
    fn batch(&self, batch: Batch, bytes: usize);
    /// Nothing more will be read: the peer's end (0) or a failure.
    fn end(&self, status: Errno);
    /// What came is against the format. Nothing is cut any more.
    fn fault(&self, fault: Fault);
    /// All that `send` had left over is with the kernel (0), or lost.
    fn drained(&self, status: Errno);
    /// The writing side has ended.
    fn shut_down(&self);
    /// How many bytes are kept now for the connection: unfinished messages of the peer, and what it does not take.
    fn kept(&self, _bytes: usize) {}
}

/// The cutter and what it feeds; without a stream for connections whose bytes JavaScript moves.
pub struct Connection {
    stream: OnceCell<Rc<Stream>>,
    cutter: RefCell<Cutter>,
    nonce: u32,
    /// Whether the read under way goes into the cutter's own memory.
    in_place: Cell<bool>,
    /// No more is cut: a fault was found, or the connection was closed.
    is_over: Cell<bool>,
    unreported: Cell<usize>,
    /// Frames that wait for those that the stream is writing.
    waiting: RefCell<Vec<u8>>,
    is_writing: Cell<bool>,
    sent: Cell<u64>,
    observer: Weak<dyn ConnectionObserver>,
}

impl Connection {
    pub fn new(
        codec: Codec,
        max_length: u32,
        nonce: u32,
        observer: Weak<dyn ConnectionObserver>,
    ) -> Rc<Self> {
        Rc::new(Connection {
            stream: OnceCell::new(),
            cutter: RefCell::new(Cutter::new(codec, max_length)),
            nonce,
            in_place: Cell::new(false),
            is_over: Cell::new(false),
            unreported: Cell::new(0),
            waiting: RefCell::default(),
            is_writing: Cell::new(false),
            sent: Cell::new(0),
            observer,
        })
    }

    /// Reads and writes on `fd` from now on. Once only.
    ///
    /// # Errors
    /// As `Stream::new`.
    pub fn open(self: &Rc<Self>, home: &Rc<Loop>, fd: OwnedFd) -> Result<(), (Errno, Option<OwnedFd>)> {
        let observer: Weak<dyn StreamObserver> = Rc::downgrade(self) as Weak<dyn StreamObserver>;
        let stream = Stream::new(home, fd, false, observer)?;
        self.stream.get_or_init(|| stream);
        Ok(())
    }

    pub fn stream(&self) -> Option<&Rc<Stream>> {
        self.stream.get()
    }

    pub fn codec(&self) -> Codec {
        self.cutter.borrow().codec()
    }

    /// Takes bytes as if they had been read.
    pub fn feed(&self, bytes: &[u8]) {
        self.unreported.set(self.unreported.get() + bytes.len());
        let Some(observer) = self.observer.upgrade() else {
            return;
        };
        self.cut(&*observer, bytes);
        self.report_kept(&*observer);
    }

    fn cut(&self, observer: &dyn ConnectionObserver, mut bytes: &[u8]) {
        while !self.is_over.get() {
            let mut batch = Batch::new(self.codec(), self.nonce);
            let cut = self.cutter.borrow_mut().cut(bytes, &mut batch);
            if !batch.is_empty() {
                observer.batch(batch, self.unreported.take());
            }
            match cut {
                Ok([]) => return,
                Ok(rest) => bytes = rest,
                Err(fault) => return self.fail(observer, fault),
            }
        }
    }

    fn report_kept(&self, observer: &dyn ConnectionObserver) {
        observer.kept(self.cutter.borrow().kept_bytes() + self.pending_bytes());
    }

    /// The stream that `feed` is fed from has ended.
    pub fn feed_end(&self) {
        let Some(observer) = self.observer.upgrade() else {
            return;
        };
        if self.is_over.get() {
            return;
        }
        let end = self.cutter.borrow().end();
        match end {
            Ok(()) => observer.end(0),
            Err(fault) => self.fail(&*observer, fault),
        }
    }

    fn fail(&self, observer: &dyn ConnectionObserver, fault: Fault) {
        if self.is_over.replace(true) {
            return;
        }
        if let Some(stream) = self.stream() {
            stream.stop_reading();
        }
        self.cutter.borrow_mut().discard();
        observer.fault(fault);
    }

    /// Sends pieces one behind another and returns how many bytes wait for the kernel now; `drained` tells when none does.
    ///
    /// # Errors
    /// The kernel's; EBADF once closed.
    pub fn send(&self, pieces: &[&[u8]]) -> Result<usize, Errno> {
        let stream = self.stream().ok_or(-libc::EBADF)?;
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        self.sent.set(self.sent.get() + length as u64);
        let left = if self.is_writing.get() {
            let mut waiting = self.waiting.borrow_mut();
            pieces.iter().for_each(|piece| waiting.extend_from_slice(piece));
            waiting.len() + stream.pending_bytes()
        } else {
            self.write(stream, pieces)?
        };
        if left > 0
            && let Some(observer) = self.observer.upgrade()
        {
            self.report_kept(&*observer);
        }
        Ok(left)
    }

    /// How many bytes `send` was given.
    pub fn sent_bytes(&self) -> u64 {
        self.sent.get()
    }

    /// How many bytes wait for the kernel.
    pub fn pending_bytes(&self) -> usize {
        self.waiting.borrow().len() + self.stream().map_or(0, |stream| stream.pending_bytes())
    }

    /// Closes the descriptor and lets go of what is kept; nothing is reported afterwards.
    pub fn close(&self) {
        self.is_over.set(true);
        if let Some(stream) = self.stream() {
            stream.close();
        }
        self.cutter.borrow_mut().discard();
        drop(self.waiting.take());
        if let Some(observer) = self.observer.upgrade() {
            observer.kept(0);
        }
    }

    /// Hands over what the kernel takes and leaves the rest to the stream; returns how much that is.
    fn write(&self, stream: &Stream, pieces: &[&[u8]]) -> Result<usize, Errno> {
        let vector: Vec<libc::iovec> = pieces.iter().map(|piece| io_vector(piece)).collect();
        let written = stream.try_write(&vector)?;
        let rest = concat_from(pieces, written);
        if rest.is_empty() {
            return Ok(0);
        }
        let vector = vec![io_vector(&rest)];
        // SAFETY: the bytes stay where they are while the box owns their vector.
        let left = unsafe { stream.write_later(vector, 0, Vec::new(), Box::new(rest)) }?;
        self.is_writing.set(left > 0);
        Ok(left)
    }
}

impl StreamObserver for Connection {
    fn memory(&self, _busy: bool) -> Option<(*mut u8, usize)> {
        let room = self.cutter.borrow_mut().room(READ_BYTES);
        self.in_place.set(room.is_some());
        Some(room.unwrap_or_else(|| {
            READ_MEMORY.with_borrow_mut(|memory| {
                memory.resize(READ_BYTES, 0);
                (memory.as_mut_ptr(), memory.len())
            })
        }))
    }

    fn read(&self, length: usize) {
        if self.in_place.take() {
            // SAFETY: `memory` lent what the cutter gave, and the read has filled so much of it.
            unsafe { self.cutter.borrow_mut().filled(length) };
            self.unreported.set(self.unreported.get() + length);
            return self.feed(&[]);
        }
        // Taken out for the while: JavaScript runs in between.
        let memory = READ_MEMORY.take();
        self.feed(&memory[..length]);
        READ_MEMORY.set(memory);
    }

    fn end(&self, status: Errno) {
        if status == 0 {
            self.feed_end();
        } else if let Some(observer) = self.observer.upgrade() {
            observer.end(status);
        }
    }

    fn written(&self, status: Errno) {
        self.is_writing.set(false);
        let Some(observer) = self.observer.upgrade() else {
            return;
        };
        let waiting = self.waiting.take();
        if status < 0 || waiting.is_empty() {
            self.report_kept(&*observer);
            return observer.drained(status);
        }
        let Some(stream) = self.stream() else { return };
        let written = self.write(stream, &[&waiting]);
        self.report_kept(&*observer);
        match written {
            Ok(0) => observer.drained(0),
            Ok(_) => {}
            Err(errno) => observer.drained(errno),
        }
    }

    fn ended(&self) {
        if let Some(observer) = self.observer.upgrade() {
            observer.shut_down();
        }
    }
}

fn io_vector(bytes: &[u8]) -> libc::iovec {
    libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    }
}

/// All pieces in one, less the first `start` bytes.
fn concat_from(pieces: &[&[u8]], mut start: usize) -> Vec<u8> {
    let mut all = Vec::new();
    for piece in pieces {
        let skipped = start.min(piece.len());
        all.extend_from_slice(&piece[skipped..]);
        start -= skipped;
    }
    all
}
