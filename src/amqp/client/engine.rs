//! A connection's task: reads, writes and beats, until JavaScript ends it or the peer is gone.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior, interval_at, timeout};

use super::ack_run::AckRuns;
use super::batch::Batch;
use super::failure::{Failure, Scope};
use super::inbound::Inbound;
use super::options::ConnectOptions;
use super::outbound::Outbound;
use super::pace::Pace;
use super::queues::{Inbox, Outbox};
use super::transport::Transport;
use super::{dial, handshake};
use crate::amqp::wire::frame::{self, ENVELOPE_BYTES, HEARTBEAT_FRAME};
use crate::runtime::runtime;

/// The read buffer starts small, as most connections are quiet, and doubles up to this while reads fill it.
const READ_FIRST_BYTES: usize = 16 << 10;
const READ_BYTES: usize = 256 << 10;
/// Orders are turned into frames while less than this waits for the socket.
const WRITE_BYTES: usize = 256 << 10;
/// After the last byte the peer gets this long to take it before the socket is dropped.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// JavaScript's end of a connection. Dropping it closes the connection at once.
pub struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    inbox: Inbox,
    outbox: Outbox,
    /// JavaScript has approved the server's certificates.
    approved: Notify,
    /// Tells JavaScript's thread that the inbox is no longer empty.
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Shared {
    fn push(&self, batch: Batch) {
        if self.inbox.push(batch) {
            (self.wake)();
        }
    }
}

impl Connection {
    /// Starts to open a connection. All that happens is told in records; `wake` says that there are some.
    pub fn open(options: ConnectOptions, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            approved: Notify::new(),
            wake: Box::new(wake),
        });
        runtime().spawn(run(shared.clone(), options));
        Connection { shared }
    }

    /// Hands over packed orders; false when the caller should hold back until the `WRITABLE` record.
    pub fn submit(&self, packed: &[u8], body: Option<&[u8]>) -> bool {
        self.shared.outbox.submit(packed, body)
    }

    /// The server is the one meant: what the `CERTIFICATES` record asks.
    pub fn approve(&self) {
        self.shared.approved.notify_one();
    }

    /// The next records, and whether more wait.
    pub fn take(&self) -> Option<(Batch, bool)> {
        self.shared.inbox.take()
    }

    /// Writes what was submitted, then closes the socket.
    pub fn end(&self) {
        self.shared.outbox.end(false);
    }

    /// Closes the socket at once.
    pub fn abort(&self) {
        self.shared.outbox.end(true);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.abort();
    }
}

async fn run(shared: Arc<Shared>, options: ConnectOptions) {
    let failure = match connect(&shared, &options).await {
        Ok(Some(engine)) => engine.run().await,
        // Let go while it was being opened: nobody listens any more.
        Ok(None) => return,
        Err(failure) => failure,
    };
    let mut batch = Batch::default();
    batch.end(&failure);
    shared.push(batch);
}

async fn connect(shared: &Arc<Shared>, options: &ConnectOptions) -> Result<Option<Engine>, Failure> {
    let opening = async {
        let mut stream = match options.timeout {
            None => dial::dial(options).await?,
            Some(limit) => match timeout(limit, dial::dial(options)).await {
                Ok(result) => result?,
                Err(_) => return Err(Failure::new(Scope::ConnectTimeout)),
            },
        };
        if let Some(certificates) = stream.certificates() {
            let mut batch = Batch::default();
            batch.certificates(&certificates);
            shared.push(batch);
            shared.approved.notified().await;
        }
        let opened = handshake::open(&mut stream, options).await?;
        Ok((stream, opened))
    };
    let let_go = poll_fn(|cx| match shared.outbox.take(cx.waker()) {
        Some(_) => Poll::Ready(()),
        None => Poll::Pending,
    });
    let (stream, opened) = tokio::select! {
        biased;
        () = let_go => return Ok(None),
        result = opening => result?,
    };
    let mut batch = Batch::default();
    batch.open(
        opened.frame_max,
        opened.channel_max,
        opened.heartbeat,
        &opened.start,
    );
    shared.push(batch);
    Ok(Some(Engine::new(shared.clone(), stream, opened)))
}

struct Engine {
    shared: Arc<Shared>,
    stream: Transport,
    inbound: Inbound,
    outbound: Outbound,
    runs: AckRuns,
    read: Vec<u8>,
    /// Unread frames are in `read[start..end]`.
    start: usize,
    end: usize,
    /// The last read took all the room there was: more waits.
    filled: bool,
    write: Vec<u8>,
    written: usize,
    flushed: bool,
    ending: bool,
    heart: Option<Heart>,
    pace: Pace,
}

/// Sends when nothing was sent for half an interval, and gives the peer up after two whole ones of silence.
struct Heart {
    half: Interval,
    odd: bool,
    received: bool,
    sent: bool,
    silent: u32,
}

/// How `poll` ended.
enum End {
    /// JavaScript asked for it and all is written.
    Asked,
    Failed(Failure),
}

impl Engine {
    fn new(shared: Arc<Shared>, stream: Transport, opened: handshake::Opened) -> Self {
        let mut read = opened.rest;
        let end = read.len();
        read.resize(READ_FIRST_BYTES.max(end), 0);
        let heart = (opened.heartbeat > 0).then(|| {
            let half = Duration::from_millis(u64::from(opened.heartbeat) * 500);
            let mut half = interval_at(tokio::time::Instant::now() + half, half);
            half.set_missed_tick_behavior(MissedTickBehavior::Delay);
            Heart {
                half,
                odd: false,
                received: true,
                sent: false,
                silent: 0,
            }
        });
        Engine {
            shared,
            stream,
            inbound: Inbound::new(opened.max_frame_size),
            outbound: Outbound::new(opened.frame_max),
            runs: AckRuns::default(),
            read,
            start: 0,
            end,
            filled: false,
            write: Vec::new(),
            written: 0,
            flushed: true,
            ending: false,
            heart,
            pace: Pace::new(),
        }
    }

    async fn run(mut self) -> Failure {
        if self.end > 0
            && let Err(failure) = self.parse()
        {
            return failure;
        }
        match poll_fn(|cx| self.poll(cx)).await {
            End::Asked => {
                // The peer may be gone already; there is nobody left to tell.
                let _ = timeout(END_TIMEOUT, self.stream.shutdown()).await;
                Failure::end()
            }
            End::Failed(failure) => failure,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let mut progress = match self.poll_write(cx) {
                Ok(progress) => progress,
                Err(failure) => return Poll::Ready(End::Failed(failure)),
            };
            if self.ending && self.write.is_empty() && self.flushed {
                return Poll::Ready(End::Asked);
            }
            match self.poll_read(cx) {
                Ok(more) => progress |= more,
                Err(failure) => return Poll::Ready(End::Failed(failure)),
            }
            match self.poll_heart(cx) {
                Ok(more) => progress |= more,
                Err(failure) => return Poll::Ready(End::Failed(failure)),
            }
            if !progress {
                return Poll::Pending;
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let mut progress = false;
        if self.write.len() - self.written >= WRITE_BYTES {
            // A peer that does not read must not keep a connection that nobody has any more.
            if self.shared.outbox.aborted(cx.waker()) {
                self.abort();
                return Ok(true);
            }
        } else if let Some(mut orders) = self.shared.outbox.take(cx.waker()) {
            if orders.abort {
                self.abort();
                return Ok(true);
            }
            progress |= !orders.packed.is_empty();
            self.ending |= orders.end;
            if self.outbound.write(&mut orders, &mut self.runs, &mut self.write) {
                self.pace.asked();
            }
            self.account(Some(orders.packed));
        }
        while self.written < self.write.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.write[self.written..]) {
                Poll::Ready(Ok(0)) => return Err(Failure::socket(&io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => {
                    self.written += count;
                    self.flushed = false;
                    progress = true;
                    if let Some(heart) = &mut self.heart {
                        heart.sent = true;
                    }
                }
                Poll::Ready(Err(error)) => return Err(Failure::socket(&error)),
                Poll::Pending => break,
            }
        }
        if self.written == self.write.len() && self.written > 0 {
            self.write.clear();
            self.written = 0;
            if self.write.capacity() > 4 * WRITE_BYTES {
                self.write = Vec::new();
            }
        } else if self.written > WRITE_BYTES {
            self.write.drain(..self.written);
            self.written = 0;
        }
        if progress {
            self.account(None);
        }
        if !self.flushed && self.write.is_empty() {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.flushed = true,
                Poll::Ready(Err(error)) => return Err(Failure::socket(&error)),
                Poll::Pending => {}
            }
        }
        Ok(progress)
    }

    fn abort(&mut self) {
        self.ending = true;
        self.write.clear();
        self.written = 0;
        self.flushed = true;
    }

    fn account(&mut self, buffer: Option<Vec<u8>>) {
        let unsent = self.write.len() - self.written;
        if self.shared.outbox.written(buffer, unsent) {
            let mut batch = Batch::default();
            batch.writable();
            self.shared.push(batch);
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        if self.ending || !self.shared.inbox.has_room(cx.waker()) {
            // Silence that we cause ourselves says nothing about the peer.
            if let Some(heart) = &mut self.heart {
                heart.received = true;
            }
            return Ok(false);
        }
        if !self.pace.may_read(cx) {
            return Ok(false);
        }
        self.make_room();
        let mut into = ReadBuf::new(&mut self.read[self.end..]);
        match Pin::new(&mut self.stream).poll_read(cx, &mut into) {
            Poll::Pending => Ok(false),
            Poll::Ready(Err(error)) => Err(Failure::socket(&error)),
            Poll::Ready(Ok(())) => {
                let count = into.filled().len();
                self.filled = into.remaining() == 0;
                if count == 0 {
                    return Err(Failure::end());
                }
                self.end += count;
                if let Some(heart) = &mut self.heart {
                    heart.received = true;
                }
                let before = self.inbound.messages;
                self.parse()?;
                self.pace
                    .read(count, self.filled, self.inbound.messages.wrapping_sub(before));
                Ok(true)
            }
        }
    }

    /// Room behind what is unread: for the rest of a frame that has begun, or for as much as usually comes.
    fn make_room(&mut self) {
        if std::mem::take(&mut self.filled) && self.read.len() < READ_BYTES {
            self.read.resize(self.read.len() * 2, 0);
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.read.len() > READ_BYTES {
                self.read = vec![0; READ_BYTES];
            }
            return;
        }
        if self.start > 0 && self.read.len() - self.end < READ_FIRST_BYTES / 2 {
            self.read.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.read.len() {
            // Grows with what has arrived, never by what a frame's head merely announces.
            self.read.resize(self.read.len() * 2, 0);
        }
    }

    fn parse(&mut self) -> Result<(), Failure> {
        let mut batch = Batch::default();
        let unread = &self.read[self.start..self.end];
        let result = self.inbound.accept(unread, &mut batch, &mut self.runs);
        if let Ok(used) = result {
            self.start += used;
        }
        // What came before the nonsense still counts.
        if !batch.is_empty() {
            self.shared.push(batch);
        }
        result.map(|_| ())
    }

    fn poll_heart(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let Some(heart) = &mut self.heart else {
            return Ok(false);
        };
        if heart.half.poll_tick(cx).is_pending() {
            return Ok(false);
        }
        if heart.odd {
            heart.silent = if heart.received { 0 } else { heart.silent + 1 };
            if heart.silent >= 2 {
                return Err(Failure::new(Scope::Heartbeat));
            }
            heart.received = false;
        }
        heart.odd = !heart.odd;
        if !heart.sent && self.write.is_empty() {
            self.write.extend_from_slice(&HEARTBEAT_FRAME);
        }
        heart.sent = false;
        const { assert!(HEARTBEAT_FRAME.len() == ENVELOPE_BYTES && HEARTBEAT_FRAME[0] == frame::HEARTBEAT) };
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    use super::super::order;
    use super::super::scripted_peer::{kinds, listen, open, options, records};
    use super::*;
    use crate::amqp::wire::{content, frame};

    /// basic.deliver with its content, cut into body frames of `piece` bytes.
    fn delivery(channel: u16, tag: u64, body: &[u8], piece: usize) -> Vec<u8> {
        let mut out = Vec::new();
        frame::put(&mut out, frame::METHOD, channel, |out| {
            out.extend_from_slice(&[0, 60, 0, 60, 1, b'c']);
            out.extend_from_slice(&tag.to_be_bytes());
            out.extend_from_slice(&[0, 0, 1, b'q']);
        });
        content::put(&mut out, channel, &[0, 0], body, piece as u32 + 8);
        out
    }

    #[test]
    fn messages_arrive_whole_however_they_are_cut() {
        let port = listen(|mut stream| async move {
            open(&mut stream).await;
            let mut wire = Vec::new();
            for tag in 1..=5 {
                wire.extend(delivery(1, tag, &[7; 100], 30));
                wire.extend(delivery(2, tag, &[8; 20_000], 4096));
            }
            for piece in wire.chunks(777) {
                stream.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let records = records(port);
        let deliveries = kinds(&records).into_iter().filter(|&kind| kind == 1).count();
        assert_eq!(deliveries, 10);
    }

    #[test]
    fn a_peer_that_ends_or_sends_nonsense_is_an_end() {
        for nonsense in [
            &b""[..],
            b"\x09garbage",
            b"\x01\0\0\0\0\0\x01\0\0",
            b"\x03\0\x01\0\0\0\x01x\xce",
        ] {
            let port = listen(move |mut stream| async move {
                open(&mut stream).await;
                stream.write_all(nonsense).await.unwrap();
            });
            assert_eq!(kinds(&records(port)), [7, 8], "{nonsense:?}");
        }
    }

    #[test]
    fn a_connection_let_go_closes_though_its_peer_does_not_read() {
        let (tell, told) = mpsc::channel();
        let (let_go, go_on) = oneshot::channel();
        let port = listen(|mut stream| async move {
            open(&mut stream).await;
            go_on.await.unwrap();
            // All that the sockets hold, then the end: without it this would be 20 MB.
            let mut bytes = vec![0; 1 << 20];
            let mut count = 0;
            while let Ok(more @ 1..) = stream.read(&mut bytes).await {
                count += more;
            }
            tell.send(count).unwrap();
        });
        let (wake, woken) = mpsc::channel();
        let connection = Connection::open(options(port), move || {
            let _ = wake.send(());
        });
        woken.recv().unwrap();
        // METHOD order: head, length, payload.
        let body = vec![0; 20 << 20];
        let mut order = (u32::from(order::METHOD) | 1 << 16).to_ne_bytes().to_vec();
        order.extend_from_slice(&(body.len() as u32).to_ne_bytes());
        order.extend_from_slice(&body);
        connection.submit(&order, None);
        while !connection.shared.outbox.is_stuck() {
            std::thread::yield_now();
        }
        drop(connection);
        let_go.send(()).unwrap();
        assert!(told.recv_timeout(Duration::from_secs(30)).unwrap() < body.len());
    }

    /// Whatever a peer sends, the task ends with a record and without a panic. 300 connections, truncated and damaged.
    #[test]
    fn damaged_streams_end_in_order() {
        let mut seed = 42_u64;
        let mut random = move || {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (seed >> 33) as usize
        };
        for round in 0..300 {
            let mut wire = Vec::new();
            for tag in 1..=3 {
                wire.extend(delivery(1, tag, &vec![9; random() % 300], 1 + random() % 100));
            }
            for _ in 0..=random() % 4 {
                let at = random() % wire.len();
                wire[at] = random() as u8;
            }
            wire.truncate(random() % (wire.len() + 1));
            if round % 3 == 0 {
                wire.splice(
                    0..0,
                    (0..random() % 64).map(|_| random() as u8).collect::<Vec<_>>(),
                );
            }
            let handshake = round % 5 != 0;
            let port = listen(move |mut stream| async move {
                if handshake {
                    open(&mut stream).await;
                } else {
                    let mut header = [0; 8];
                    stream.read_exact(&mut header).await.unwrap();
                }
                // The engine may have seen enough before it has all.
                let _ = stream.write_all(&wire).await;
            });
            assert_eq!(kinds(&records(port)).last(), Some(&8));
        }
    }
}
