//! A queue: the messages that wait in it, in order, and who consumes from it.

pub mod arguments;
pub mod consumers;
pub mod entries;
pub mod limits;

use std::collections::HashSet;
use std::sync::Arc;

use amq_protocol::types::FieldTable;

use crate::broker::exchange::Binding;
use crate::broker::publish::message::{Message, Name};
use crate::broker::publish::pending_letters::Origin;
use crate::broker::queue::arguments::QueueArguments;
use crate::broker::queue::entries::{Entries, Entry, NEVER};
use crate::broker::vhost::memory::{Memory, Share};
use crate::broker::vhost::slots::SlotId;

/// A queue as it is declared.
#[derive(Debug, Clone)]
pub struct QueueSpec {
    pub name: Name,
    pub durable: bool,
    pub auto_delete: bool,
    /// The session that an exclusive queue belongs to.
    pub owner: Option<SlotId>,
    /// As declared, for comparing.
    pub arguments: FieldTable,
}

impl QueueSpec {
    /// A queue that is durable and nothing else.
    pub fn durable(name: Name) -> QueueSpec {
        QueueSpec {
            name,
            durable: true,
            auto_delete: false,
            owner: None,
            arguments: FieldTable::default(),
        }
    }
}

#[derive(Debug)]
pub struct Queue {
    spec: QueueSpec,
    /// The arguments' meaning.
    arguments: QueueArguments,
    /// When there is a dead letter exchange.
    dead_letter_origin: Option<Arc<Origin>>,
    /// One level for each priority, the highest last.
    levels: Vec<Entries>,
    ready: usize,
    /// Body bytes of what is ready, as x-max-length-bytes counts them.
    pub ready_bytes: u64,
    next_position: u64,
    /// By falling priority; among equals the one whose turn is next comes first.
    pub consumers: Vec<SlotId>,
    pub exclusive_consumer: bool,
    /// With x-single-active-consumer: who gets the messages.
    pub active_consumer: Option<SlotId>,
    /// Bindings that lead here, so that deleting the queue need not search.
    pub bound_to: HashSet<Arc<Binding>>,
    /// Whether it is in the vhost's list of queues that may have something to deliver.
    pub dirty: bool,
    /// Whether any message in it may expire.
    pub expiring: bool,
    /// The deadline that a timer is armed for.
    pub armed: u64,
    /// When x-expires counts from, by the vhost's clock.
    pub used_at: u64,
    _share: Share,
}

/// What a queue costs before there is anything in it: its places in the vhost's tables, its own arguments.
const OVERHEAD_BYTES: usize = 2 * size_of::<Queue>();

impl Queue {
    pub fn new(spec: QueueSpec, arguments: QueueArguments, now: u64, memory: &Arc<Memory>) -> Queue {
        let levels = usize::from(arguments.max_priority.unwrap_or(0)) + 1;
        let bytes = OVERHEAD_BYTES + spec.name.len() + levels * size_of::<Entries>();
        let dead_letter_origin = arguments.dead_letter_exchange.as_ref().map(|exchange| {
            Arc::new(Origin {
                queue: spec.name.clone(),
                exchange: exchange.clone(),
                routing_key: arguments.dead_letter_routing_key.clone(),
            })
        });
        Queue {
            spec,
            arguments,
            dead_letter_origin,
            levels: (0..levels).map(|_| Entries::new(memory)).collect(),
            ready: 0,
            ready_bytes: 0,
            next_position: 0,
            consumers: Vec::new(),
            exclusive_consumer: false,
            active_consumer: None,
            bound_to: HashSet::new(),
            dirty: false,
            expiring: false,
            armed: NEVER,
            used_at: now,
            _share: Share::new(memory, bytes),
        }
    }

    pub fn spec(&self) -> &QueueSpec {
        &self.spec
    }

    pub fn name(&self) -> &Name {
        &self.spec.name
    }

    pub fn arguments(&self) -> &QueueArguments {
        &self.arguments
    }

    pub fn dead_letter_origin(&self) -> Option<&Arc<Origin>> {
        self.dead_letter_origin.as_ref()
    }

    pub fn ready(&self) -> usize {
        self.ready
    }

    /// Whether it shows when messages are handed out: those behind may be dropped for a message, or go before it.
    pub fn shows_order(&self) -> bool {
        self.arguments.max_length.is_some()
            || self.arguments.max_length_bytes.is_some()
            || self.levels.len() > 1
    }

    /// Whether what waits is more than the limits allow, with `more` messages of `bytes` on top.
    pub fn exceeds(&self, more: u64, bytes: u64) -> bool {
        self.arguments
            .max_length
            .is_some_and(|max| self.ready as u64 + more > max)
            || self
                .arguments
                .max_length_bytes
                .is_some_and(|max| self.ready_bytes + bytes > max)
    }

    fn level(&self, message: &Message) -> usize {
        usize::from(message.priority).min(self.levels.len() - 1)
    }

    pub fn push(&mut self, message: Arc<Message>, expires_at: u64) {
        let level = self.level(&message);
        self.ready += 1;
        self.ready_bytes += message.body().len() as u64;
        self.expiring |= expires_at != NEVER;
        let position = self.next_position;
        self.next_position += 1;
        self.levels[level].push_back(Entry {
            position,
            message,
            redelivered: false,
            expires_at,
        });
    }

    pub fn pop(&mut self) -> Option<Entry> {
        let entry = self.levels.iter_mut().rev().find_map(Entries::pop_front)?;
        self.taken(&entry);
        Some(entry)
    }

    /// The message that would be delivered next if it has expired; those behind it wait, as in RabbitMQ.
    pub fn pop_expired(&mut self, now: u64) -> Option<Entry> {
        if self.next_expiry() > now {
            return None;
        }
        self.pop()
    }

    /// When the message that would be delivered next expires.
    pub fn next_expiry(&self) -> u64 {
        self.levels
            .iter()
            .rev()
            .find_map(Entries::front)
            .map_or(NEVER, |entry| entry.expires_at)
    }

    fn taken(&mut self, entry: &Entry) {
        self.ready -= 1;
        self.ready_bytes -= entry.message.body().len() as u64;
    }

    /// Puts a message back to where it was.
    pub fn requeue(&mut self, mut entry: Entry) {
        entry.redelivered = true;
        self.ready += 1;
        self.ready_bytes += entry.message.body().len() as u64;
        self.expiring |= entry.expires_at != NEVER;
        let level = self.level(&entry.message);
        self.levels[level].insert(entry);
    }

    /// Takes all that is ready, level by level.
    pub fn purge(&mut self, memory: &Arc<Memory>) -> impl Iterator<Item = Entries> {
        self.ready = 0;
        self.ready_bytes = 0;
        let levels = self.levels.iter_mut();
        levels.map(|level| std::mem::replace(level, Entries::new(memory)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &[u8], priority: u8) -> Arc<Message> {
        let memory = Arc::new(Memory::new(usize::MAX));
        let mut message = Message::new("".into(), body.to_vec(), 0, 0, memory);
        message.priority = priority;
        Arc::new(message)
    }

    fn queue(arguments: QueueArguments) -> Queue {
        let memory = Arc::new(Memory::new(usize::MAX));
        Queue::new(QueueSpec::durable("q".into()), arguments, 0, &memory)
    }

    fn bodies(queue: &mut Queue) -> Vec<u8> {
        std::iter::from_fn(|| queue.pop())
            .map(|entry| entry.message.body()[0])
            .collect()
    }

    #[test]
    fn requeued_messages_go_back_to_their_places() {
        let mut queue = queue(QueueArguments::default());
        (0..6).for_each(|body| queue.push(message(&[body], 0), NEVER));
        let taken = (0..4).map(|_| queue.pop().unwrap()).collect::<Vec<_>>();
        let mut taken = taken.into_iter();
        let (first, second) = (taken.next().unwrap(), taken.next().unwrap());
        let (third, fourth) = (taken.next().unwrap(), taken.next().unwrap());
        queue.requeue(third);
        queue.requeue(first);
        queue.requeue(fourth);
        queue.requeue(second);
        assert_eq!(queue.ready(), 6);
        let back = std::iter::from_fn(|| queue.pop());
        let back = back.map(|entry| (entry.message.body()[0], entry.redelivered));
        let expected = (0..6).map(|body| (body, body < 4));
        assert!(back.eq(expected));
        assert_eq!(queue.ready_bytes, 0);
    }

    #[test]
    fn the_highest_priority_goes_first() {
        let arguments = QueueArguments {
            max_priority: Some(5),
            ..Default::default()
        };
        let mut queue = queue(arguments);
        for (body, priority) in [(1, 0), (2, 9), (3, 5), (4, 1)] {
            queue.push(message(&[body], priority), NEVER);
        }
        assert_eq!(bodies(&mut queue), [2, 3, 4, 1]);
    }
}
