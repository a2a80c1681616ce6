//! An open connection's task: reads, writes and beats, until JavaScript ends it or the peer is gone.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
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
        let traffic = &shared.traffic;
        shared
            .writer()
            .open(socket.clone(), opened.frame_max, traffic.clone());
        shared
            .reader()
            .open(opened.max_frame_size, opened.rest, socket, traffic.clone());
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
        let shared = self.shared.clone();
        let mut is_shut = false;
        poll_fn(|cx| {
            if shared.outbox.aborted(cx.waker()) {
                return Poll::Ready(Ok(()));
            }
            if !is_shut {
                ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
                is_shut = true;
            }
            if self.peer_ended {
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
        // JavaScript's thread may have been here first.
        reader.failure()?;
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
mod tests;
