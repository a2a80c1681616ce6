//! An open connection's task: reads, writes and beats, until JavaScript ends it or the peer is gone.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::batch::Batch;
use super::connection::Shared;
use super::failure::{Failure, Scope};
use super::handshake::Opened;
use super::heart::{Beat, Heart};
use super::pace::Pace;
use super::transport::Transport;
use crate::amqp::wire::outgoing::SLICES;

/// Orders are turned into frames while less than this waits for the socket.
const WRITE_BYTES: usize = 256 << 10;
/// After the last byte the peer gets this long to take it before the socket is dropped.
const END_TIMEOUT: Duration = Duration::from_secs(5);

pub struct Engine {
    shared: Arc<Shared>,
    stream: Transport,
    flushed: bool,
    /// JavaScript wants no more than what is submitted to leave.
    ending: bool,
    peer_ended: bool,
    heart: Option<Heart>,
    pace: Pace,
}

/// How `poll` ended.
enum End {
    /// JavaScript asked for it and all is written.
    Asked,
    /// JavaScript let go.
    Aborted,
    Failed(Failure),
}

impl Drop for Engine {
    /// However the task ends, JavaScript's thread uses this socket no more, and does not keep it open.
    fn drop(&mut self) {
        self.shared.writer().close();
        self.shared.reader().close();
    }
}

impl Engine {
    pub fn new(shared: Arc<Shared>, stream: Transport, opened: Opened) -> Self {
        let socket = stream.socket();
        shared.writer().open(socket.clone(), opened.frame_max);
        shared.reader().open(opened.max_frame_size, opened.rest, socket);
        Engine {
            shared,
            stream,
            flushed: true,
            ending: false,
            peer_ended: false,
            heart: Heart::new(opened.heartbeat),
            pace: Pace::new(),
        }
    }

    pub async fn run(mut self) -> Failure {
        if let Err(failure) = self.parse_rest() {
            return failure;
        }
        match poll_fn(|cx| self.poll(cx)).await {
            End::Asked => {
                // The peer may be gone already; there is nobody left to tell.
                let _ = timeout(END_TIMEOUT, self.linger()).await;
                Failure::end()
            }
            End::Aborted => Failure::end(),
            End::Failed(failure) => failure,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let mut progress = match self.poll_write(cx) {
                Ok(Some(progress)) => progress,
                Ok(None) => return Poll::Ready(End::Aborted),
                Err(failure) => return Poll::Ready(End::Failed(failure)),
            };
            if self.ending && self.flushed && self.shared.writer().unsent() == 0 {
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

    /// None when JavaScript let go.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<Option<bool>, Failure> {
        let shared = self.shared.clone();
        let mut writer = shared.writer();
        writer.failure().map_err(|error| Failure::socket(&error))?;
        let mut progress = false;
        if writer.unsent() >= WRITE_BYTES {
            // A peer that does not read must not keep a connection that nobody has any more.
            if shared.outbox.aborted(cx.waker()) {
                return Ok(None);
            }
        } else if let Some(mut orders) = shared.outbox.take(cx.waker()) {
            if orders.abort {
                return Ok(None);
            }
            progress |= !orders.packed.is_empty();
            self.ending |= orders.end;
            writer.accept(&mut orders);
            self.account(Some(orders.packed), writer.unsent());
        }
        // Once: JavaScript's thread gets the lock in between.
        if writer.unsent() > 0 {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = writer.slices(&mut slices);
            match Pin::new(&mut self.stream).poll_write_vectored(cx, &slices[..count]) {
                Poll::Ready(Ok(0)) => return Err(Failure::socket(&io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => {
                    writer.written(count);
                    self.flushed = false;
                    progress = true;
                }
                Poll::Ready(Err(error)) => return Err(Failure::socket(&error)),
                Poll::Pending => {}
            }
        }
        if progress {
            self.account(None, writer.unsent());
        }
        if !self.flushed && writer.unsent() == 0 {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.flushed = true,
                Poll::Ready(Err(error)) => return Err(Failure::socket(&error)),
                Poll::Pending => {}
            }
        }
        Ok(Some(progress))
    }

    fn account(&self, buffer: Option<Vec<u8>>, unsent: usize) {
        if self.shared.outbox.written(buffer, unsent) {
            let mut batch = Batch::default();
            batch.writable();
            self.shared.push(batch);
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        if self.ending {
            return self.poll_discard(cx);
        }
        if !self.shared.inbox.has_room(cx.waker()) {
            // Silence that we cause ourselves says nothing about the peer.
            if let Some(heart) = &mut self.heart {
                heart.received();
            }
            return Ok(false);
        }
        let shared = self.shared.clone();
        let mut reader = shared.reader();
        if !reader.is_tasks_turn(cx.waker())? {
            if let Some(heart) = &mut self.heart
                && reader.has_heard()
            {
                heart.received();
            }
            shared.paused.store(false, Ordering::Relaxed);
            return self.set_reads(false);
        }
        let progress = self.set_reads(true)?;
        let sent = shared.writer().kinds();
        self.pace.sent(sent);
        reader.sent(sent);
        let may_read = self.pace.may_read(cx);
        shared.paused.store(!may_read, Ordering::Relaxed);
        if !may_read {
            return Ok(progress);
        }
        let mut into = ReadBuf::new(reader.room());
        let count = match Pin::new(&mut self.stream).poll_read(cx, &mut into) {
            Poll::Pending => return Ok(progress),
            Poll::Ready(Err(error)) => return Err(Failure::socket(&error)),
            Poll::Ready(Ok(())) => into.filled().len(),
        };
        if count == 0 {
            return Err(Failure::end());
        }
        if let Some(heart) = &mut self.heart {
            heart.received();
        }
        let mut batch = Batch::default();
        let result = reader.added(count, &mut shared.writer(), &mut batch);
        if let Ok(read) = result {
            self.pace.read(read);
            reader.task_has_read(read);
        }
        // What came before nonsense still counts.
        let wake = shared.queue(batch);
        drop(reader);
        if wake {
            shared.wake();
        }
        result.map(|_| true)
    }

    /// A peer that is not read may not read either. One that has ended may still read.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        if self.peer_ended {
            return Ok(false);
        }
        let shared = self.shared.clone();
        let mut reader = shared.reader();
        let mut into = ReadBuf::new(reader.discard());
        let progress = self.set_reads(true)?;
        match Pin::new(&mut self.stream).poll_read(cx, &mut into) {
            Poll::Pending => Ok(progress),
            Poll::Ready(Err(error)) => Err(Failure::socket(&error)),
            Poll::Ready(Ok(())) => {
                self.peer_ended = into.filled().is_empty();
                if let Some(heart) = &mut self.heart {
                    heart.received();
                }
                Ok(true)
            }
        }
    }

    /// Says that nothing more comes, and reads until the peer's end: a socket that is closed with bytes unread, or gets
    /// some afterwards, resets the connection, and what the peer has not taken is lost (RFC 9293, 3.10.7).
    async fn linger(&mut self) -> io::Result<()> {
        self.set_reads(true).map_err(|_| io::ErrorKind::NotConnected)?;
        self.stream.shutdown().await?;
        if self.peer_ended {
            return Ok(());
        }
        let shared = self.shared.clone();
        poll_fn(|cx| {
            if shared.outbox.aborted(cx.waker()) {
                return Poll::Ready(Ok(()));
            }
            loop {
                let mut reader = shared.reader();
                let mut into = ReadBuf::new(reader.discard());
                match Pin::new(&mut self.stream).poll_read(cx, &mut into) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(())) if !into.filled().is_empty() => {}
                    Poll::Ready(result) => return Poll::Ready(result),
                }
            }
        })
        .await
    }

    /// True when that made a wait for room to write void: the loop has to go on.
    fn set_reads(&mut self, on: bool) -> Result<bool, Failure> {
        self.stream.set_reads(on).map_err(|error| Failure::socket(&error))
    }

    /// What came with the end of the handshake.
    fn parse_rest(&mut self) -> Result<(), Failure> {
        let mut batch = Batch::default();
        let mut reader = self.shared.reader();
        // JavaScript's thread has been here, and met nonsense.
        reader.is_tasks_turn(Waker::noop())?;
        let result = reader.parse(&mut self.shared.writer(), &mut batch);
        if self.shared.queue(batch) {
            self.shared.wake();
        }
        result
    }

    fn poll_heart(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let Some(beat) = self.heart.as_mut().and_then(|heart| heart.poll(cx)) else {
            return Ok(false);
        };
        match beat {
            Beat::PeerSilent => Err(Failure::new(Scope::Heartbeat)),
            Beat::Due => {
                self.shared.writer().beat();
                Ok(true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    use super::super::connection::Connection;
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

    /// METHOD orders: head, length, payload.
    fn order_of(size: usize) -> Vec<u8> {
        let mut order = (u32::from(order::METHOD) | 1 << 16).to_ne_bytes().to_vec();
        order.extend_from_slice(&(size as u32).to_ne_bytes());
        order.resize(order.len() + size, 0);
        order
    }

    async fn count_rest(stream: &mut tokio::net::TcpStream) -> io::Result<usize> {
        let (mut bytes, mut count) = (vec![0; 1 << 20], 0);
        loop {
            match stream.read(&mut bytes).await? {
                0 => return Ok(count),
                more => count += more,
            }
        }
    }

    /// An end loses nothing that was submitted before: of a peer that reads only once it is read, or that goes on sending.
    #[test]
    fn an_end_is_told_when_the_peer_has_all() {
        const SENT: usize = 20 << 20;
        for heartbeats in [0, 2000] {
            let (tell, told) = mpsc::channel();
            let port = listen(move |mut stream| async move {
                open(&mut stream).await;
                if heartbeats == 0 {
                    stream
                        .write_all(&delivery(1, 1, &vec![7; SENT], 4096))
                        .await
                        .unwrap();
                }
                for _ in 0..heartbeats {
                    stream.write_all(&frame::HEARTBEAT_FRAME).await.unwrap();
                    tokio::task::yield_now().await;
                }
                tell.send(count_rest(&mut stream).await.unwrap()).unwrap();
            });
            let (wake, woken) = mpsc::channel();
            let connection = Connection::open(options(port), move || {
                let _ = wake.send(());
            });
            woken.recv().unwrap();
            let size = if heartbeats == 0 { SENT } else { 100_000 };
            connection.submit(&order_of(size), None);
            connection.end();
            assert!(told.recv_timeout(Duration::from_secs(30)).unwrap() > size);
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
            // However it ends.
            let mut count = 0;
            let mut bytes = vec![0; 1 << 20];
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
        let order = order_of(20 << 20);
        connection.submit(&order, None);
        while !connection.shared.outbox.is_stuck() {
            std::thread::yield_now();
        }
        drop(connection);
        let_go.send(()).unwrap();
        assert!(told.recv_timeout(Duration::from_secs(30)).unwrap() < order.len());
    }

    /// A large order takes the way through the task, a small one leaves directly when that is done.
    #[test]
    fn what_leaves_directly_overtakes_nothing() {
        const ORDERS: u32 = 2000;
        // METHOD orders: head, length, payload; every ninth is too large to leave directly.
        let order = |number: u32| {
            let size = if number.is_multiple_of(9) { 6000 } else { 40 };
            let mut payload = vec![0; size];
            payload[4..8].copy_from_slice(&number.to_be_bytes());
            let mut order = (u32::from(order::METHOD) | 1 << 16).to_ne_bytes().to_vec();
            order.extend_from_slice(&(size as u32).to_ne_bytes());
            order.extend(payload);
            order
        };
        let (tell, told) = mpsc::channel();
        let port = listen(move |mut stream| async move {
            open(&mut stream).await;
            let (mut bytes, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                bytes.extend_from_slice(&buffer[..count]);
                while let Some(cut) = frame::cut(&bytes, 0).unwrap() {
                    tell.send(u32::from_be_bytes(cut.payload[4..8].try_into().unwrap()))
                        .unwrap();
                    bytes.drain(..cut.wire_len());
                }
            }
        });
        let (wake, woken) = mpsc::channel();
        let connection = Connection::open(options(port), move || {
            let _ = wake.send(());
        });
        woken.recv().unwrap();
        for number in 0..ORDERS {
            connection.submit(&order(number), None);
        }
        for number in 0..ORDERS {
            assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok(number));
        }
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
