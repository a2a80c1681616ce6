//! What has passed over a connection, for its users to look at from another thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, Weak};
use std::time::Instant;

use super::socket::Socket;

/// Bytes of AMQP, without TLS around them.
pub struct Traffic {
    start: Instant,
    read: AtomicU64,
    written: AtomicU64,
    /// Milliseconds from `start` to the last byte in either direction.
    last: AtomicU64,
    /// For its options. Weak: the descriptor closes with the connection.
    socket: Mutex<Weak<Socket>>,
}

impl Default for Traffic {
    fn default() -> Self {
        Traffic {
            start: Instant::now(),
            read: AtomicU64::new(0),
            written: AtomicU64::new(0),
            last: AtomicU64::new(0),
            socket: Mutex::default(),
        }
    }
}

impl Traffic {
    pub fn add_read(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        self.touch();
    }

    pub fn add_written(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
        self.touch();
    }

    fn touch(&self) {
        self.last.store(self.elapsed(), Ordering::Relaxed);
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Milliseconds since the last byte.
    pub fn idle(&self) -> u64 {
        self.elapsed().saturating_sub(self.last.load(Ordering::Relaxed))
    }

    pub fn set_socket(&self, socket: Weak<Socket>) {
        *self.socket.lock().unwrap_or_else(PoisonError::into_inner) = socket;
    }

    /// None once it is closed.
    pub fn socket(&self) -> Option<std::sync::Arc<Socket>> {
        self.socket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .upgrade()
    }
}
