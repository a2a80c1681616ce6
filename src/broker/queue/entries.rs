//! The messages of one priority of a queue, in order: chunks of entries, so that a long queue grows without being copied and
//! has the memory of what is in it.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::broker::publish::message::Message;
use crate::broker::vhost::memory::{Memory, Share};

/// The deadline of what never expires.
pub const NEVER: u64 = u64::MAX;

/// A message in a queue, or out of it and not yet acknowledged.
#[derive(Debug)]
pub struct Entry {
    /// Its place among the queue's messages; a requeued message goes back to it.
    pub position: u64,
    pub message: Arc<Message>,
    pub redelivered: bool,
    /// By the vhost's clock.
    pub expires_at: u64,
}

/// Entries of a chunk: 4 KiB.
const CHUNK: usize = 128;
/// Entries of the first chunk of a queue, before it grows; an empty chunk that has grown beyond `KEPT` is freed.
const SMALL: usize = 4;
const KEPT: usize = 32;

type Chunk = VecDeque<Entry>;

#[derive(Debug)]
pub struct Entries {
    /// By position. None is empty, but for an only one that is kept.
    chunks: VecDeque<Chunk>,
    len: usize,
    share: Share,
}

impl Entries {
    pub fn new(memory: &Arc<Memory>) -> Entries {
        Entries {
            chunks: VecDeque::new(),
            len: 0,
            share: Share::new(memory, 0),
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn front(&self) -> Option<&Entry> {
        self.chunks.front()?.front()
    }

    pub fn push_back(&mut self, entry: Entry) {
        self.len += 1;
        match self.chunks.back_mut() {
            Some(last) if last.len() < CHUNK => {
                let before = last.capacity();
                last.push_back(entry);
                let grown = last.capacity() - before;
                self.account(grown, 0);
            }
            _ => {
                let at = self.chunks.len();
                self.insert_chunk(at, entry);
            }
        }
    }

    pub fn push_front(&mut self, entry: Entry) {
        self.len += 1;
        match self.chunks.front_mut() {
            Some(first) if first.len() < CHUNK => {
                let before = first.capacity();
                first.push_front(entry);
                let grown = first.capacity() - before;
                self.account(grown, 0);
            }
            _ => self.insert_chunk(0, entry),
        }
    }

    pub fn pop_front(&mut self) -> Option<Entry> {
        let first = self.chunks.front_mut()?;
        let entry = first.pop_front()?;
        self.len -= 1;
        if first.is_empty() && (self.chunks.len() > 1 || self.chunks[0].capacity() > KEPT) {
            self.drop_first_chunk();
        }
        Some(entry)
    }

    /// Puts an entry to where its position belongs.
    pub fn insert(&mut self, entry: Entry) {
        if self.front().is_none_or(|first| entry.position < first.position) {
            self.push_front(entry);
            return;
        }
        let position = entry.position;
        let after = self
            .chunks
            .partition_point(|chunk| chunk.front().is_some_and(|first| first.position < position));
        // The front is before it, so that there is a chunk.
        let at = after.saturating_sub(1);
        let chunk = &mut self.chunks[at];
        let before = chunk.capacity();
        let place = chunk.partition_point(|other| other.position < position);
        chunk.insert(place, entry);
        self.len += 1;
        let mut added = chunk.capacity() - before;
        let mut removed = 0;
        if chunk.len() > 2 * CHUNK {
            let before = chunk.capacity();
            let mut rest = chunk.split_off(CHUNK);
            chunk.shrink_to_fit();
            rest.shrink_to_fit();
            added += chunk.capacity() + rest.capacity();
            removed = before;
            self.chunks.insert(at + 1, rest);
        }
        self.account(added, removed);
    }

    /// Drops entries from the front, about as many as `count`.
    pub fn drop_some(&mut self, count: usize) {
        let end = self.len.saturating_sub(count);
        while self.len > end && !self.chunks.is_empty() {
            self.len -= self.chunks[0].len();
            self.drop_first_chunk();
        }
    }

    fn insert_chunk(&mut self, at: usize, entry: Entry) {
        let capacity = if self.chunks.is_empty() { SMALL } else { CHUNK };
        let mut chunk = Chunk::with_capacity(capacity);
        self.account(chunk.capacity(), 0);
        chunk.push_back(entry);
        self.chunks.insert(at, chunk);
    }

    fn drop_first_chunk(&mut self) {
        if let Some(chunk) = self.chunks.pop_front() {
            self.account(0, chunk.capacity());
        }
    }

    fn account(&mut self, added: usize, removed: usize) {
        if added != removed {
            let bytes = self.share.bytes() + added * size_of::<Entry>();
            self.share.set(bytes.saturating_sub(removed * size_of::<Entry>()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(memory: &Arc<Memory>, position: u64) -> Entry {
        Entry {
            position,
            message: Arc::new(Message::new("".into(), Vec::new(), 0, 0, memory.clone())),
            redelivered: false,
            expires_at: NEVER,
        }
    }

    #[test]
    fn entries_come_out_by_position_and_their_memory_with_them() {
        let memory = Arc::new(Memory::new(usize::MAX));
        let mut entries = Entries::new(&memory);
        // A permutation of 0..1009: some at the end, some in between.
        for number in 0..1009 {
            entries.insert(entry(&memory, number * 500 % 1009));
        }
        assert_eq!(entries.len(), 1009);
        assert!(memory.used() >= 1009 * size_of::<Entry>());
        let positions = std::iter::from_fn(|| entries.pop_front()).map(|entry| entry.position);
        assert!(positions.eq(0..1009));
        assert!(entries.is_empty() && memory.used() <= KEPT * size_of::<Entry>());
    }

    #[test]
    fn a_long_queue_that_is_dropped_gives_back_all_it_has() {
        let memory = Arc::new(Memory::new(usize::MAX));
        let mut entries = Entries::new(&memory);
        for position in 0..1000 {
            let entry = entry(&memory, position);
            entries.push_back(entry);
        }
        entries.drop_some(300);
        assert!(entries.len() <= 700 && entries.front().is_some_and(|entry| entry.position >= 300));
        entries.drop_some(usize::MAX);
        assert!(entries.is_empty());
        assert_eq!(memory.used(), 0);
    }
}
