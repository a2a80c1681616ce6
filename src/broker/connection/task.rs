//! One connection: its task, from the accepted socket to its end.
//!
//! The task reads, has the vhost process the input (`State::process_input`), and writes what the vhost left for it. It owns
//! the socket and both buffers; what the connection means (channels, consumers, unacknowledged messages) is in the vhost.
//!
//! Fairness: input that the task had to wait for gets one small slice of work at once. Input beyond it is backlog, and
//! sessions with a backlog work one at a time, slice by slice, in the order in which they ask (`Vhost::backlog`). So a
//! session with little to do waits for one slice and not for every flood, and one of the runtime's threads stays free.
//!
//! The session ends when the peer goes, when either side has closed, when heartbeats stay away, or with the broker.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use amq_protocol::protocol::connection::{AMQPMethod, Blocked, Unblocked};
use tokio::io::Interest;
use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until, timeout};

use super::handshake::{Negotiated, Refusal, handshake, refuse};
use super::heartbeat::Heartbeat;
use super::io::Io;
use super::outgoing::{Outgoing, SLICES};
use super::transport::Transport;
use crate::amqp::wire::frame::HEARTBEAT_FRAME;
use crate::amqp::wire::method::AMQPClass;
use crate::broker::Shared;
use crate::broker::protocol::exception::connection_forced;
use crate::broker::vhost::Vhost;
use crate::broker::vhost::memory::Share;
use crate::broker::vhost::session::{Phase, Session};
use crate::broker::vhost::slots::SlotId;
use crate::broker::vhost::work::{BACKLOG_SLICE, FRESH_SLICE};

/// RabbitMQ's handshake_timeout.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the answer to a connection.close, and the last bytes of a connection, are waited for.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Takes the session out of the vhost however its task ends.
struct Registered {
    vhost: Arc<Vhost>,
    id: SlotId,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.vhost.with_in_drop(|state| state.remove_session(self.id));
    }
}

pub async fn run(transport: Transport, shared: Arc<Shared>, mut closing: watch::Receiver<bool>) {
    let mut io = Io::new(transport);
    let opened = tokio::select! {
        opened = timeout(HANDSHAKE_TIMEOUT, handshake(&mut io, &shared)) => opened,
        _ = closing.wait_for(|closing| *closing) => return,
    };
    match opened {
        Ok(Ok(negotiated)) => {
            if let Some(vhost) = shared.vhosts.get(negotiated.vhost.as_str()) {
                let mut connection = Connection::new(io, vhost.clone(), shared.clone(), &negotiated);
                // Whether it ended well or not, all that is left is to close.
                let _ = connection.serve(closing).await;
                connection.io.finish().await;
            }
        }
        Ok(Err(Refusal::Close(exception, ids))) => {
            let _ = timeout(CLOSE_TIMEOUT, refuse(&mut io, &exception, ids)).await;
            io.finish().await;
        }
        Ok(Err(Refusal::Silent)) => io.finish().await,
        Err(_) => {}
    }
}

/// A place in the queue of sessions with a backlog. Kept while other things happen: dropping it gives the place up.
type Turn = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

async fn granted(turn: &mut Option<Turn>) -> Result<OwnedSemaphorePermit, AcquireError> {
    match turn {
        Some(turn) => turn.await,
        None => std::future::pending().await,
    }
}

struct Connection {
    io: Io,
    registered: Registered,
    shared: Arc<Shared>,
    wake: Arc<Notify>,
    heartbeat: Heartbeat,
    /// Being written; the vhost fills the next in the meantime.
    writing: Outgoing,
    /// Of `writing`.
    share: Share,
    /// Whether the vhost has something for us.
    woken: bool,
    /// Whether whole frames may be left in the buffer: they are backlog.
    waits: bool,
    /// Whether the socket had nothing to read since the last slice.
    fresh: bool,
    phase: Phase,
    /// A message became whole while memory was full.
    publishes: bool,
    /// Messages of the client's that are arriving.
    arriving: Arc<AtomicU32>,
    /// Whether the client was told that publishing is blocked, if it is.
    blocked: bool,
    tells_blocked: bool,
    deadline: Option<Instant>,
}

impl Connection {
    fn new(io: Io, vhost: Arc<Vhost>, shared: Arc<Shared>, negotiated: &Negotiated) -> Connection {
        let wake = Arc::new(Notify::new());
        let arriving = Arc::<AtomicU32>::default();
        let session = Session {
            phase: Phase::Open,
            user: negotiated.user.clone(),
            capabilities: negotiated.capabilities,
            frame_max: negotiated.frame_max,
            channel_max: negotiated.channel_max,
            channels: Vec::new(),
            outgoing: Outgoing::default(),
            share: Share::new(&shared.memory, 0),
            arriving_bytes: 0,
            wake: wake.clone(),
            woken: false,
            stalled: false,
            publishes: false,
            arriving: arriving.clone(),
            pending_confirms: Vec::new(),
            exclusive_queues: Vec::new(),
            rejected: 0,
        };
        let id = vhost.with(|state| state.sessions.insert(session));
        Connection {
            io,
            registered: Registered { vhost, id },
            share: Share::new(&shared.memory, 0),
            shared,
            wake,
            heartbeat: Heartbeat::new(negotiated.heartbeat_seconds),
            writing: Outgoing::default(),
            woken: false,
            waits: false,
            fresh: true,
            phase: Phase::Open,
            publishes: false,
            arriving,
            blocked: false,
            tells_blocked: negotiated.capabilities.connection_blocked,
            deadline: None,
        }
    }

    async fn serve(&mut self, mut closing: watch::Receiver<bool>) -> io::Result<()> {
        let mut forced = pin!(async move { closing.wait_for(|closing| *closing).await.is_ok() });
        let mut told = false;
        let shared = self.shared.clone();
        let wake = self.wake.clone();
        let backlog = self.registered.vhost.backlog.clone();
        let mut turn: Option<Turn> = None;
        // The first method may have come with connection.open.
        self.process_input(FRESH_SLICE);
        loop {
            self.write()?;
            if self.writing.is_empty() {
                if std::mem::take(&mut self.woken) {
                    self.take_outgoing();
                    continue;
                }
                if self.phase == Phase::Done {
                    return Ok(());
                }
            }
            if self.phase != Phase::Open && self.deadline.is_none() {
                self.deadline = Some(Instant::now() + CLOSE_TIMEOUT);
            }
            let reads = self.phase != Phase::Done && !self.blocked && !self.waits;
            let interest = match (reads, !self.writing.is_empty()) {
                (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
                (true, false) => Some(Interest::READABLE),
                (false, true) => Some(Interest::WRITABLE),
                (false, false) => None,
            };
            // A turn that nothing polls would hold up all others.
            if self.waits && !self.blocked && self.writing.is_empty() {
                turn.get_or_insert_with(|| Box::pin(backlog.clone().acquire_owned()));
            } else {
                turn = None;
            }
            let until = self.deadline.unwrap_or_else(Instant::now);
            tokio::select! {
                // Timers first, so that no load holds up heartbeats; then the socket: what is read together is processed
                // under one lock. Processing input takes what is outgoing along, so that waking up can come last.
                biased;
                beat = self.heartbeat.next() => {
                    if !reads {
                        // The client may well have sent something.
                        self.heartbeat.received();
                    } else if beat.late {
                        return Err(ErrorKind::TimedOut.into());
                    }
                    if beat.due && self.writing.is_empty() {
                        self.writing.buffer().extend_from_slice(&HEARTBEAT_FRAME);
                    }
                    self.io.buffer.shrink();
                    self.shrink_outgoing();
                }
                open = &mut forced, if !told => {
                    told = true;
                    if open {
                        self.force();
                    }
                }
                () = sleep_until(until), if self.deadline.is_some() => return Err(ErrorKind::TimedOut.into()),
                ready = async { self.io.transport.ready(interest.unwrap_or(Interest::READABLE)).await },
                    if interest.is_some() =>
                {
                    if reads && (ready?.is_readable()) {
                        self.read()?;
                    }
                }
                permit = granted(&mut turn) => {
                    turn = None;
                    self.process_input(BACKLOG_SLICE);
                    // With the permit: to pass it on would make the next session run before the sockets are polled, and
                    // tokio polls them only every 61 tasks as long as there are such.
                    yield_now().await;
                    drop(permit);
                }
                () = wake.notified() => self.woken = true,
                () = shared.memory.resumed(), if self.blocked => self.unblock(),
                // What is unread does not hide that the client is gone, and with it what it has not acknowledged.
                () = self.io.transport.closed(), if self.blocked => {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.writing.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.writing.slices(&mut slices);
            match self.io.transport.try_write_vectored(&slices[..count]) {
                Ok(written) => {
                    self.heartbeat.sent();
                    self.writing.advance(written);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<()> {
        let room = self.io.buffer.room(self.io.frame_max as usize);
        match self.io.transport.try_read(room) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.io.buffer.added(count);
                self.heartbeat.received();
                if std::mem::take(&mut self.fresh) {
                    self.process_input(FRESH_SLICE);
                } else {
                    self.waits = true;
                }
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.fresh = true;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Has the vhost process what was read, up to `slice` units of work.
    fn process_input(&mut self, slice: i64) {
        let Registered { vhost, id } = &self.registered;
        let bytes = self.io.buffer.filled();
        let outcome = vhost.with_session(*id, &mut self.writing, |state| {
            state.process_input(*id, bytes, slice)
        });
        self.account();
        self.io.buffer.consume(outcome.consumed);
        (self.phase, self.waits) = (outcome.phase, outcome.waits);
        // As in RabbitMQ a connection is blocked after its first publish under the memory alarm. Connections that have
        // stopped publishing are read: their acknowledgements free memory.
        self.publishes = (self.publishes || outcome.publishes) && self.shared.memory.blocked();
        let waits = match self.arriving.load(Ordering::Relaxed) {
            0 => self.publishes,
            // What is half here goes on: it can only become free once it is whole. Bounded by one message a connection.
            1 => false,
            _ => self.shared.memory.blocked(),
        };
        if waits && self.phase == Phase::Open {
            self.block();
        }
    }

    /// Frees buffers that have grown and are empty.
    fn shrink_outgoing(&mut self) {
        let Registered { vhost, id } = &self.registered;
        self.writing.shrink();
        vhost.with(|state| {
            if let Some(session) = state.sessions.get_mut(*id) {
                session.outgoing.shrink();
                session.account();
            }
        });
        self.account();
    }

    /// Brings the memory in use up to date.
    fn account(&mut self) {
        self.share.set(self.writing.capacity());
    }

    /// Takes what the vhost has for us.
    fn take_outgoing(&mut self) {
        let Registered { vhost, id } = &self.registered;
        self.phase = vhost.with_session(*id, &mut self.writing, |state| {
            state
                .sessions
                .get(*id)
                .map_or(Phase::Done, |session| session.phase)
        });
        self.account();
    }

    /// Stops reading until memory is free again.
    fn block(&mut self) {
        self.blocked = true;
        self.waits = true;
        self.io.buffer.fit();
        if self.tells_blocked {
            let reason = "low on memory".into();
            self.tell(AMQPMethod::Blocked(Blocked { reason }));
        }
    }

    fn unblock(&mut self) {
        (self.blocked, self.publishes) = (false, false);
        self.heartbeat.received();
        if self.tells_blocked {
            self.tell(AMQPMethod::Unblocked(Unblocked {}));
        }
    }

    fn tell(&mut self, method: AMQPMethod) {
        let Registered { vhost, id } = &self.registered;
        vhost.with(|state| state.send(*id, 0, AMQPClass::Connection(method)));
    }

    /// The broker ends.
    fn force(&mut self) {
        let exception = connection_forced("broker forced connection closure with reason 'shutdown'");
        let Registered { vhost, id } = &self.registered;
        vhost.with(|state| state.connection_exception(*id, &exception, (0, 0)));
        self.blocked = false;
        self.woken = true;
    }
}
