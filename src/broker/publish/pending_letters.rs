//! Messages that wait for being dead lettered.

use std::collections::VecDeque;
use std::sync::Arc;

use super::dead_letter::Reason;
use super::message::{Message, Name};

/// Where dead letters come from and go to. Shared with the queue, which may be gone by the time they go.
#[derive(Debug)]
pub struct Origin {
    pub queue: Name,
    pub exchange: Name,
    /// Replaces the message's routing keys.
    pub routing_key: Option<Box<[u8]>>,
}

#[derive(Debug)]
pub struct PendingLetter {
    pub origin: Arc<Origin>,
    pub message: Arc<Message>,
    pub reason: Reason,
}

/// In the order in which they left their queues.
#[derive(Debug, Default)]
pub struct PendingLetters {
    letters: VecDeque<PendingLetter>,
    /// Letters that were ever taken out.
    taken: u64,
}

impl PendingLetters {
    pub fn push(&mut self, origin: Arc<Origin>, message: Arc<Message>, reason: Reason) {
        self.letters.push_back(PendingLetter {
            origin,
            message,
            reason,
        });
    }

    pub fn pop(&mut self) -> Option<PendingLetter> {
        let letter = self.letters.pop_front()?;
        self.taken += 1;
        Some(letter)
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.letters.len()
    }

    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// What `are_taken` takes for all the letters that are there now.
    pub fn mark(&self) -> u64 {
        self.taken + self.letters.len() as u64
    }

    /// Whether all letters from before a mark are out.
    pub fn are_taken(&self, mark: u64) -> bool {
        self.taken >= mark
    }
}
