//! JavaScript's end of a connection, and the connection's task from dialling to its last record.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::batch::Batch;
use super::engine::Engine;
use super::failure::{Failure, Scope};
use super::options::ConnectOptions;
use super::queues::{Inbox, Outbox};
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
    /// The task lets messages gather in the socket.
    pub paused: AtomicBool,
    /// JavaScript has approved the server's certificates.
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

    /// For the task. Orders are taken from the outbox with this lock held, so that none is overtaken by one that leaves
    /// directly.
    pub fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False when the orders have to take the way through the task.
    fn write_now(&self, packed: &[u8]) -> bool {
        // The task holds it while it writes or reads: JavaScript's thread never waits for that.
        let Ok(mut writer) = self.writer.try_lock() else {
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

impl Connection {
    /// Starts to open a connection. All that happens is told in records; `wake` says that there are some.
    pub fn open(options: ConnectOptions, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            writer: Mutex::default(),
            paused: AtomicBool::new(false),
            approved: Notify::new(),
            wake: Box::new(wake),
        });
        runtime().spawn(run(shared.clone(), options));
        Connection { shared }
    }

    /// Hands over packed orders; false when the caller should hold back until the `WRITABLE` record.
    pub fn submit(&self, packed: &[u8], body: Option<&[u8]>) -> bool {
        if body.is_none() && packed.len() <= DIRECT_BYTES && self.shared.write_now(packed) {
            return true;
        }
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
        &stream.addresses(),
    );
    shared.push(batch);
    Ok(Some(Engine::new(shared.clone(), stream, opened)))
}
