//! JavaScript's end of a connection, and the connection's task from dialling to its last record.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::Poll;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::batch::Batch;
use super::engine::Engine;
use super::failure::{Failure, Scope};
use super::options::ConnectOptions;
use super::queues::{Inbox, Outbox};
use super::reader::{Reader, Tried};
use super::socket::Socket;
use super::traffic::Traffic;
use super::writer::Writer;
use super::{dial, handshake};
use crate::runtime::runtime;

/// Orders up to this size leave from JavaScript's thread when nothing is before them. What a busy tick packs is worth
/// waking the task for: it copies and cuts while JavaScript goes on.
const DIRECT_BYTES: usize = 4 << 10;

/// JavaScript's end of a connection. Dropping it closes the connection at once.
pub struct Connection {
    pub(super) shared: Arc<Shared>,
}

pub struct Shared {
    pub inbox: Inbox,
    pub outbox: Outbox,
    writer: Mutex<Writer>,
    /// Locked before the writer, and while what was read goes into the inbox.
    reader: Mutex<Reader>,
    pub traffic: Arc<Traffic>,
    /// The task lets messages gather in the socket.
    pub paused: AtomicBool,
    /// JavaScript has approved the server.
    approved: Notify,
    /// Tells JavaScript's thread that the inbox is no longer empty.
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Shared {
    pub fn push(&self, batch: Batch) {
        if self.inbox.push(batch) {
            (self.wake)();
        }
    }

    /// As `push`, for who holds the reader; true when JavaScript's thread is to be woken after that.
    pub fn queue(&self, batch: Batch) -> bool {
        !batch.is_empty() && self.inbox.push(batch)
    }

    pub fn wake(&self) {
        (self.wake)();
    }

    /// For the task.
    pub fn reader(&self) -> MutexGuard<'_, Reader> {
        lock(&self.reader)
    }

    /// For the task. Orders are taken from the outbox with this lock held, so that none is overtaken by one that leaves
    /// directly.
    pub fn writer(&self) -> MutexGuard<'_, Writer> {
        lock(&self.writer)
    }

    /// False when the orders have to take the way through the task.
    fn write_now(&self, packed: &[u8]) -> bool {
        // The task holds it while it writes or reads: JavaScript's thread never waits for that.
        let Some(mut writer) = try_lock(&self.writer) else {
            return false;
        };
        if !writer.is_ready() || self.outbox.is_waiting() {
            return false;
        }
        let (done, kinds) = writer.write_now(packed);
        drop(writer);
        // An answer must not wait for the end of a pause.
        if !done || kinds.asked && self.paused.load(Ordering::Relaxed) {
            self.outbox.kick();
        }
        true
    }
}

/// A panic of the task ends the connection; what it had locked is only dropped then.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

impl Connection {
    /// Starts to open a connection. All that happens is told in records; `wake` says that there are some.
    pub fn open(options: ConnectOptions, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            writer: Mutex::default(),
            reader: Mutex::default(),
            traffic: Arc::default(),
            paused: AtomicBool::new(false),
            approved: Notify::new(),
            wake: Box::new(wake),
        });
        match runtime() {
            Ok(runtime) => drop(runtime.spawn(run(shared.clone(), options))),
            Err(error) => drop(Ending {
                shared: shared.clone(),
                failure: Some(dial::refused(&options, &error)),
            }),
        }
        Connection { shared }
    }

    /// Hands over packed orders; false when the caller should hold back until the `WRITABLE` record.
    pub fn submit(&self, packed: &[u8], body: Option<&[u8]>) -> bool {
        if body.is_none() && packed.len() <= DIRECT_BYTES && self.shared.write_now(packed) {
            return true;
        }
        self.shared.outbox.submit(packed, body)
    }

    /// The server is the one meant: what the `PEER` record asks.
    pub fn approve(&self) {
        self.shared.approved.notify_one();
    }

    /// The next records, and whether more wait.
    pub fn take(&self) -> Option<(Batch, bool)> {
        self.shared.inbox.take()
    }

    /// The socket, when the calling thread should call `read_now` whenever it is readable.
    pub fn take_turn(&self) -> Option<Arc<Socket>> {
        try_lock(&self.shared.reader)?.take_turn()
    }

    /// The calling thread cannot watch the socket after all.
    pub fn give_turn(&self) {
        let task = lock(&self.shared.reader).give_turn();
        if let Some(task) = task {
            task.wake();
        }
    }

    /// Reads once from the readable socket. Returns whether there may be records to take, and whether to go on watching.
    pub fn read_now(&self) -> (bool, bool) {
        // The task holds them for moments: the socket is still readable then, and this is called again.
        let Some(mut reader) = try_lock(&self.shared.reader) else {
            return (false, true);
        };
        let Some(mut writer) = try_lock(&self.shared.writer) else {
            return (false, true);
        };
        let mut batch = Batch::default();
        let Tried { has_read, stop, task } = reader.read_now(&mut writer, &mut batch);
        self.shared.queue(batch);
        drop((reader, writer));
        if let Some(task) = task {
            task.wake();
        }
        (has_read, !stop)
    }

    pub fn traffic(&self) -> &Traffic {
        &self.shared.traffic
    }

    /// Bytes that were submitted and have not left.
    pub fn waiting(&self) -> usize {
        self.shared.outbox.waiting()
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

/// Tells the end, also that of a task that panics.
struct Ending {
    shared: Arc<Shared>,
    failure: Option<Failure>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(failure) = &self.failure {
            let mut batch = Batch::default();
            batch.end(failure);
            self.shared.push(batch);
        }
    }
}

async fn run(shared: Arc<Shared>, options: ConnectOptions) {
    let mut ending = Ending {
        shared: shared.clone(),
        failure: Some(Failure::end()),
    };
    ending.failure = match connect(&shared, &options).await {
        Ok(Some(engine)) => Some(engine.run().await),
        // Let go while it was being opened: nobody listens any more.
        Ok(None) => None,
        Err(failure) => Some(failure),
    };
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
        if let Some(peer) = stream.peer() {
            let mut batch = Batch::default();
            batch.peer(&peer);
            shared.push(batch);
            shared.approved.notified().await;
        }
        shared.traffic.set_socket(stream.shared_socket());
        let opened = handshake::open(&mut stream, options, &shared.traffic).await?;
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
        &stream.addresses(),
    );
    // JavaScript may read as soon as it knows that the connection is open.
    let engine = Engine::new(shared.clone(), stream, opened);
    shared.push(batch);
    Ok(Some(engine))
}
