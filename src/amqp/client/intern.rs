//! Byte strings that repeat from message to message get a number, so that JavaScript decodes them once.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::batch::{Batch, Memory, Repeated};

/// Numbers in use at a time; the oldest is given away again.
const SLOTS: usize = 512;
/// What is longer is not worth comparing.
const LONGEST_BYTES: usize = 256;
/// Strings seen once, by hash: what is never seen again must not push out what is.
const SEEN: usize = 1024;

pub struct Intern {
    memory: Memory,
    ids: HashMap<Box<[u8]>, u32>,
    slots: Vec<Box<[u8]>>,
    next: usize,
    seen: Box<[u64; SEEN]>,
    last: Option<u32>,
}

impl Intern {
    pub fn new(memory: Memory) -> Self {
        Intern {
            memory,
            ids: HashMap::new(),
            slots: Vec::new(),
            next: 0,
            seen: Box::new([0; SEEN]),
            last: None,
        }
    }

    /// How `bytes` go into the next record; a record that defines their number is put before it.
    pub fn refer<'a>(&mut self, bytes: &'a [u8], batch: &mut Batch) -> Repeated<'a> {
        self.refer_checked(bytes, batch, |_| true)
            .unwrap_or(Repeated::Inline(bytes))
    }

    /// As `refer`; `None` when `is_good` says no, which is asked of bytes that have no number yet.
    pub fn refer_checked<'a>(
        &mut self,
        bytes: &'a [u8],
        batch: &mut Batch,
        is_good: impl FnOnce(&[u8]) -> bool,
    ) -> Option<Repeated<'a>> {
        if let Some(last) = self.last
            && *self.slots[last as usize] == *bytes
        {
            return Some(Repeated::Known(last));
        }
        if bytes.len() > LONGEST_BYTES {
            return is_good(bytes).then_some(Repeated::Inline(bytes));
        }
        if let Some(&id) = self.ids.get(bytes) {
            self.last = Some(id);
            return Some(Repeated::Known(id));
        }
        if !is_good(bytes) {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let hash = hasher.finish();
        let seen = &mut self.seen[hash as usize % SEEN];
        if *seen != hash {
            *seen = hash;
            return Some(Repeated::Inline(bytes));
        }
        let id = self.next as u32;
        if self.slots.len() < SLOTS {
            self.slots.push(bytes.into());
        } else {
            let old = std::mem::replace(&mut self.slots[self.next], bytes.into());
            self.ids.remove(&old);
        }
        self.next = (self.next + 1) % SLOTS;
        self.ids.insert(bytes.into(), id);
        self.last = Some(id);
        batch.remember(self.memory, id, bytes);
        Some(Repeated::Known(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_sight_gives_a_number() {
        let mut batch = Batch::default();
        let mut intern = Intern::new(Memory::Route);
        assert_eq!(intern.refer(b"a", &mut batch), Repeated::Inline(b"a"));
        assert!(batch.is_empty());
        assert_eq!(intern.refer(b"a", &mut batch), Repeated::Known(0));
        assert!(!batch.is_empty());
        let defined = batch.len();
        assert_eq!(intern.refer(b"b", &mut batch), Repeated::Inline(b"b"));
        assert_eq!(intern.refer(b"a", &mut batch), Repeated::Known(0));
        assert_eq!(batch.len(), defined);
    }

    #[test]
    fn numbers_are_bounded() {
        let mut batch = Batch::default();
        let mut intern = Intern::new(Memory::Properties);
        for n in 0..5 * SLOTS as u32 {
            for _ in 0..2 {
                if let Repeated::Known(id) = intern.refer(&n.to_be_bytes(), &mut batch) {
                    assert!((id as usize) < SLOTS);
                }
            }
        }
        assert!(intern.ids.len() <= SLOTS);
    }
}
