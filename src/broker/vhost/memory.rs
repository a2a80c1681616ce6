//! How much memory messages take, and when publishers must wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use tokio::sync::Notify;

/// What the allocator takes for a block: glibc's 8 bytes in front, rounded up to 16; whole pages from its threshold on.
pub const fn block(bytes: usize) -> usize {
    const MAPPED: usize = 128 * 1024;
    match bytes {
        0 => 0,
        1..MAPPED => (bytes + 8 + 15) & !15,
        _ => (bytes + 16 + 4095) & !4095,
    }
}

/// Publishers go on only when a tenth of the limit is free again; at the limit itself they would stop and go with every
/// message.
const RESUME_PERCENT: usize = 90;

/// One per broker: the bytes of messages, of their places in queues and with consumers, of bindings, queues, exchanges, and
/// of what is outgoing. Input that was read and not processed is not counted: blocked publishers would block themselves.
#[derive(Debug)]
pub struct Memory {
    used: AtomicUsize,
    limit: usize,
    blocked: AtomicBool,
    resumed: Notify,
}

impl Memory {
    pub fn new(limit: usize) -> Memory {
        Memory {
            used: AtomicUsize::new(0),
            limit,
            blocked: AtomicBool::new(false),
            resumed: Notify::new(),
        }
    }

    #[cfg(test)]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    pub fn add(&self, bytes: usize) {
        if self.used.fetch_add(bytes, Ordering::SeqCst) + bytes > self.limit {
            self.block();
        }
    }

    fn block(&self) {
        self.blocked.store(true, Ordering::SeqCst);
        // What was freed before the store found nothing to resume. In the one order of these operations and of those in
        // `subtract`, either this load sees what was freed or `subtract` sees the store.
        self.resume_at(self.used.load(Ordering::SeqCst));
    }

    pub fn subtract(&self, bytes: usize) {
        self.resume_at(self.used.fetch_sub(bytes, Ordering::SeqCst) - bytes);
    }

    fn resume_at(&self, used: usize) {
        if self.blocked.load(Ordering::SeqCst)
            && used <= self.limit / 100 * RESUME_PERCENT
            && self.blocked.swap(false, Ordering::SeqCst)
        {
            self.resumed.notify_waiters();
        }
    }

    /// Whether publishers have to wait.
    pub fn blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    /// Waits until publishers may go on.
    pub async fn resumed(&self) {
        loop {
            let resumed = self.resumed.notified();
            tokio::pin!(resumed);
            resumed.as_mut().enable();
            if !self.blocked() {
                return;
            }
            resumed.await;
        }
    }
}

/// A part of the memory in use, given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Share {
    pub fn new(memory: &Arc<Memory>, bytes: usize) -> Share {
        memory.add(bytes);
        let memory = memory.clone();
        Share { memory, bytes }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn set(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.memory.add(bytes - self.bytes);
        } else if bytes < self.bytes {
            self.memory.subtract(self.bytes - bytes);
        }
        self.bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.subtract(self.bytes);
    }
}

/// The memory of a message that is still arriving, and its session's count of such messages. Dropping it gives both back:
/// the message is whole, and counts itself, or will never be.
#[derive(Debug)]
pub struct Arriving {
    memory: Arc<Memory>,
    session: Arc<AtomicU32>,
    bytes: usize,
}

impl Arriving {
    pub fn new(memory: Arc<Memory>, session: Arc<AtomicU32>) -> Arriving {
        session.fetch_add(1, Ordering::Relaxed);
        Arriving {
            memory,
            session,
            bytes: 0,
        }
    }

    /// The message now takes `bytes`.
    pub fn grow(&mut self, bytes: usize) {
        self.memory.add(bytes.saturating_sub(self.bytes));
        self.bytes = self.bytes.max(bytes);
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.session.fetch_sub(1, Ordering::Relaxed);
        self.memory.subtract(self.bytes);
    }
}

/// RabbitMQ's default high-water mark: 40 % of the memory of the machine, or of the control group when that is smaller.
pub fn default_limit() -> usize {
    let total = physical_bytes().min(control_group_bytes().unwrap_or(usize::MAX));
    total / 10 * 4
}

fn physical_bytes() -> usize {
    // SAFETY: sysconf takes no pointers.
    let (pages, page) = unsafe {
        (
            libc::sysconf(libc::_SC_PHYS_PAGES),
            libc::sysconf(libc::_SC_PAGESIZE),
        )
    };
    match (usize::try_from(pages), usize::try_from(page)) {
        (Ok(pages), Ok(page)) => pages.saturating_mul(page),
        _ => 1 << 30,
    }
}

fn control_group_bytes() -> Option<usize> {
    std::fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_wait_from_the_limit_down_to_nine_tenths_of_it() {
        let memory = Memory::new(1000);
        memory.add(1000);
        assert!(!memory.blocked());
        memory.add(1);
        assert!(memory.blocked());
        memory.subtract(50);
        assert!(memory.blocked());
        memory.subtract(51);
        assert!(!memory.blocked());
        assert_eq!(memory.used(), 900);
    }

    #[test]
    fn what_is_freed_while_a_thread_is_about_to_block_is_seen() {
        let memory = Memory::new(1000);
        // `add(1001)`, interrupted before it blocks, and another thread that frees.
        memory.used.fetch_add(1001, Ordering::SeqCst);
        memory.subtract(500);
        memory.block();
        assert!(!memory.blocked());
        memory.add(600);
        assert!(memory.blocked());
    }

    #[test]
    fn a_message_that_is_arriving_counts_until_it_is_whole_or_given_up() {
        let (memory, session) = (Arc::new(Memory::new(1000)), Arc::new(AtomicU32::new(0)));
        let mut arriving = Arriving::new(memory.clone(), session.clone());
        for bytes in [400, 400, 1001] {
            assert!(!memory.blocked());
            arriving.grow(bytes);
            assert_eq!((memory.used(), session.load(Ordering::Relaxed)), (bytes, 1));
        }
        assert!(memory.blocked());
        drop(arriving);
        assert_eq!((memory.used(), session.load(Ordering::Relaxed)), (0, 0));
        assert!(!memory.blocked());
    }
}
