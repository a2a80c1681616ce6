//! The way in of a connection: bytes become records. Whoever's turn it is reads: the task, or JavaScript's own thread
//! while little comes at a time.
//!
//! What the task reads costs a wake-up of the task and one of JavaScript's thread; a call's answer is not worth the first.
//! A stream of messages is: the task cuts it while JavaScript works on what came before. Over TLS only the task reads.

use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::failure::Failure;
use super::inbound::Inbound;
use super::outbound::Kinds;
use super::pace::LARGE_READ_BYTES;
use super::socket::Socket;
use super::traffic::Traffic;
use super::unread::Unread;
use super::writer::Writer;

/// Reads further apart than this are no stream.
const CLOSE: Duration = Duration::from_micros(500);
/// Messages in small close reads with nothing asked between them, before they are a stream.
const STREAM_MESSAGES: u32 = 64;
/// Small reads that answer something, or come alone, before JavaScript's thread reads.
const QUIET_READS: u32 = 8;
const SMALL_READ_BYTES: usize = 2 << 10;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Turn {
    #[default]
    Task,
    JavaScript,
}

#[derive(Default)]
pub struct Reader {
    inbound: Inbound,
    unread: Unread,
    /// None over TLS: it is always the task's turn.
    socket: Option<Arc<Socket>>,
    traffic: Option<Arc<Traffic>>,
    turn: Turn,
    /// It should be JavaScript's thread that reads.
    offered: bool,
    last_read: Option<Instant>,
    /// Since the last read.
    asked: bool,
    quiet_reads: u32,
    stream_messages: u32,
    /// The task, as it asked last whether it may read.
    task: Option<Waker>,
    /// What JavaScript's thread met; the task ends with it.
    failure: Option<Failure>,
    /// JavaScript's thread has read something since the task looked.
    heard: bool,
}

/// What a read gave, in bytes and messages.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    pub bytes: usize,
    pub messages: u32,
    /// It took all the room there was.
    pub filled: bool,
}

/// What came of a try to read on JavaScript's thread.
#[derive(Debug, Default)]
pub struct Tried {
    /// There may be records to take.
    pub has_read: bool,
    /// It is the task's turn: watch the socket no more.
    pub stop: bool,
    /// The task, to be woken once nothing is locked.
    pub task: Option<Waker>,
}

impl Reader {
    /// The connection is open; `rest` came behind the handshake.
    pub fn open(
        &mut self,
        max_frame_size: u32,
        rest: Vec<u8>,
        socket: Option<Arc<Socket>>,
        traffic: Arc<Traffic>,
    ) {
        self.traffic = Some(traffic);
        self.inbound.max_frame_size = max_frame_size;
        self.unread = Unread::new(rest);
        // Channels are opened and queues declared first: questions and their answers.
        self.offered = socket.is_some();
        self.socket = socket;
    }

    /// Nobody reads any more. The buffers go now, not with JavaScript's end of the connection.
    pub fn close(&mut self) {
        *self = Reader::default();
    }

    /// For the task: whether it may read. Else it is woken when it may, or when JavaScript's thread met the end.
    pub fn is_tasks_turn(&mut self, waker: &Waker) -> Result<bool, Failure> {
        // Kept in its own turn too. What JavaScript's thread takes from the socket before the runtime looks wakes nobody.
        match &mut self.task {
            Some(task) => task.clone_from(waker),
            None => self.task = Some(waker.clone()),
        }
        self.failure().map(|()| self.turn == Turn::Task)
    }

    /// For the task: what JavaScript's thread met.
    pub fn failure(&mut self) -> Result<(), Failure> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// For the task, while it is not its turn: whether the peer has given a sign of life. What waits unread is one.
    pub fn has_heard(&mut self) -> bool {
        std::mem::take(&mut self.heard) || self.socket.as_ref().is_some_and(|socket| socket.holds_bytes())
    }

    pub fn room(&mut self) -> &mut [u8] {
        self.unread.room()
    }

    /// Turns `count` bytes read into `room` into records.
    pub fn added(&mut self, count: usize, writer: &mut Writer, batch: &mut Batch) -> Result<Read, Failure> {
        let filled = self.unread.added(count);
        if let Some(traffic) = &self.traffic {
            traffic.add_read(count);
        }
        let before = self.inbound.messages;
        self.parse(writer, batch)?;
        Ok(Read {
            bytes: count,
            messages: self.inbound.messages.wrapping_sub(before),
            filled,
        })
    }

    /// Turns what is unread into records; of nonsense, what came before it.
    pub fn parse(&mut self, writer: &mut Writer, batch: &mut Batch) -> Result<(), Failure> {
        let used = self
            .inbound
            .accept(self.unread.bytes(), batch, &mut writer.runs)?;
        self.unread.consume(used);
        Ok(())
    }

    /// For the task: what was sent since it looked last.
    pub fn sent(&mut self, kinds: Kinds) {
        self.asked |= kinds.asked;
    }

    /// After each read of the task: JavaScript's thread is offered to read when little comes at a time.
    pub fn task_has_read(&mut self, read: Read) {
        let quiet = read.bytes < SMALL_READ_BYTES && !read.filled && self.is_expected();
        self.quiet_reads = if quiet { self.quiet_reads + 1 } else { 0 };
        self.offered = self.socket.is_some() && self.quiet_reads >= QUIET_READS;
    }

    /// Takes up an offer: from now on JavaScript's thread reads, when this descriptor is readable.
    pub fn take_turn(&mut self) -> Option<Arc<Socket>> {
        if !std::mem::take(&mut self.offered) {
            return None;
        }
        self.turn = Turn::JavaScript;
        self.stream_messages = 0;
        self.socket.clone()
    }

    /// The task reads from now on; it is to be woken.
    pub fn give_turn(&mut self) -> Option<Waker> {
        self.turn = Turn::Task;
        self.offered = false;
        self.quiet_reads = 0;
        self.task.clone()
    }

    /// JavaScript wants nothing any more: only the task reads, and what it reads is for nobody.
    pub fn discard(&mut self) -> &mut [u8] {
        self.socket = None;
        self.turn = Turn::Task;
        self.unread.room()
    }

    /// Reads once, on JavaScript's thread.
    pub fn read_now(&mut self, writer: &mut Writer, batch: &mut Batch) -> Tried {
        let Some(socket) = self.socket.clone().filter(|_| self.turn == Turn::JavaScript) else {
            return Tried {
                stop: true,
                ..Tried::default()
            };
        };
        let result = match socket.read(self.unread.room()) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                return Tried::default();
            }
            Err(error) => Err(Failure::socket(&error)),
            Ok(0) => Err(Failure::end()),
            Ok(count) => self.added(count, writer, batch),
        };
        self.heard = true;
        self.sent(writer.kinds());
        let stop = match result {
            Ok(read) => self.is_stream(read),
            Err(failure) => {
                self.failure = Some(failure);
                true
            }
        };
        Tried {
            has_read: true,
            stop,
            task: if stop { self.give_turn() } else { None },
        }
    }

    fn is_stream(&mut self, read: Read) -> bool {
        self.stream_messages = if self.is_expected() {
            0
        } else {
            self.stream_messages + read.messages
        };
        read.filled || read.bytes >= LARGE_READ_BYTES || self.stream_messages >= STREAM_MESSAGES
    }

    /// Whether what was just read may answer something, or came alone.
    fn is_expected(&mut self) -> bool {
        let now = Instant::now();
        let last = self.last_read.replace(now);
        let close = last.is_some_and(|last| now - last <= CLOSE);
        std::mem::take(&mut self.asked) || !close
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::connection::Connection;
    use super::super::order;
    use super::super::scripted_peer::{listen, open, options, split};
    use super::*;
    use crate::amqp::wire::{content, frame};

    const ROUNDS: usize = 10;
    /// Single messages, each of which is asked for, then a stream.
    const ASKED: u64 = 20;
    const STREAMED: u64 = 400;

    fn delivery(number: u64) -> Vec<u8> {
        let mut out = Vec::new();
        frame::put(&mut out, frame::METHOD, 1, |out| {
            out.extend_from_slice(&[0, 60, 0, 60, 1, b'c']);
            out.extend_from_slice(&number.to_be_bytes());
            out.extend_from_slice(&[0, 0, 1, b'q']);
        });
        content::put(&mut out, 1, &[0, 0], b"body", 4096);
        out
    }

    fn tag(record: &[u8]) -> u64 {
        let word = |at: usize| u64::from(u32::from_ne_bytes(record[at..at + 4].try_into().unwrap()));
        word(16) | word(20) << 32
    }

    /// Whether the socket is readable within 1 ms.
    fn is_readable(socket: &Socket) -> bool {
        let mut watched = libc::pollfd {
            fd: socket.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one pollfd, as said.
        unsafe { libc::poll(&mut watched, 1, 1) > 0 }
    }

    #[test]
    fn a_task_that_has_not_looked_since_it_gave_its_turn_is_woken() {
        let (ours, mut peer) = UnixStream::pair().unwrap();
        let mut reader = Reader::default();
        reader.open(
            4096,
            Vec::new(),
            Some(Arc::new(Socket::Unix(ours))),
            Arc::default(),
        );
        assert!(reader.is_tasks_turn(Waker::noop()).unwrap());
        assert!(reader.take_turn().is_some());
        peer.write_all(b"\x01\0\0\0\0\0\x01\0\0").unwrap();
        let tried = reader.read_now(&mut Writer::default(), &mut Batch::default());
        assert!(tried.stop && tried.task.is_some());
        assert!(reader.is_tasks_turn(Waker::noop()).is_err());
    }

    #[test]
    fn whoever_reads_nothing_is_lost_or_overtaken() {
        let question = {
            let payload = [0, 60, 0, 70];
            let mut order = (u32::from(order::METHOD) | 1 << 16).to_ne_bytes().to_vec();
            order.extend_from_slice(&(payload.len() as u32).to_ne_bytes());
            order.extend_from_slice(&payload);
            order
        };
        let port = listen(|mut stream| async move {
            open(&mut stream).await;
            let mut asked = [0; 12];
            for number in 0..ROUNDS as u64 * (ASKED + STREAMED) {
                if number % (ASKED + STREAMED) < ASKED {
                    stream.read_exact(&mut asked).await.unwrap();
                }
                stream.write_all(&delivery(number)).await.unwrap();
            }
        });
        let (wake, woken) = mpsc::channel();
        let connection = Connection::open(options(port), move || {
            let _ = wake.send(());
        });
        let (mut watched, mut turns, mut expected, mut ended) = (None::<Arc<Socket>>, 0, 0, false);
        while !ended {
            let Some((batch, _)) = connection.take() else {
                match &watched {
                    None => woken.recv_timeout(Duration::from_secs(30)).unwrap(),
                    Some(socket) => {
                        if is_readable(socket) && !connection.read_now().1 {
                            watched = None;
                        }
                    }
                }
                continue;
            };
            for record in split(&batch.records) {
                ended |= record[0] == 8;
                if record[0] == 1 {
                    assert_eq!(tag(record), expected);
                    expected += 1;
                }
                if record[0] == 7 || record[0] == 1 && expected % (ASKED + STREAMED) < ASKED {
                    connection.submit(&question, None);
                }
            }
            if let Some(socket) = connection.take_turn() {
                turns += 1;
                watched = Some(socket);
            }
        }
        assert_eq!(expected, ROUNDS as u64 * (ASKED + STREAMED));
        assert!(turns > ROUNDS / 2, "{turns}");
    }
}
