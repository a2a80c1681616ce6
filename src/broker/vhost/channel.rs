//! One channel's state: what it consumes, what it has not acknowledged, and the message it is in the middle of.

use crate::broker::protocol::acknowledge::Settlement;
use crate::broker::publish::message::{Message, Name};
use crate::broker::queue::entries::Entry;
use crate::broker::vhost::memory::{Arriving, Memory, Share};
use crate::broker::vhost::slots::SlotId;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// A message handed out and not acknowledged yet.
#[derive(Debug)]
pub struct Unacked {
    pub tag: u64,
    pub queue: SlotId,
    /// `None` for basic.get.
    pub consumer: Option<SlotId>,
    /// Taken when it is settled out of turn; the place stays until the front comes by.
    pub entry: Option<Entry>,
}

/// A message whose frames are arriving.
#[derive(Debug)]
pub struct Incoming {
    pub exchange: Name,
    pub mandatory: bool,
    pub key_len: u8,
    /// Set by the header frame.
    pub header: Option<IncomingHeader>,
    /// Routing key, then properties, then as much of the body as is here.
    pub data: Vec<u8>,
    /// Set when the body is large enough to be counted by itself.
    pub arriving: Option<Arriving>,
    /// Counted in the session's `arriving_bytes`.
    pub counted: usize,
}

#[derive(Debug)]
pub struct IncomingHeader {
    pub properties_len: u32,
    pub missing: u64,
}

#[derive(Debug, Default)]
pub struct Confirm {
    /// Sequence number of the last publish.
    pub last: u64,
    /// All up to here are answered.
    pub answered: u64,
}

/// What a transaction does when it is committed.
#[derive(Debug)]
pub enum TransactionStep {
    Publish {
        message: Message,
        mandatory: bool,
        copies: bool,
    },
    Settle {
        tag: u64,
        settlement: Settlement,
    },
}

/// What a transaction may hold before the connection is closed.
pub const TRANSACTION_MAX: usize = 1_000_000;

#[derive(Debug)]
pub enum Mode {
    Plain,
    Confirm(Confirm),
    Transaction(Transaction),
}

#[derive(Debug, Default)]
pub struct Transaction {
    pub pending: Vec<TransactionStep>,
    /// Tags that `pending` settles.
    pub noted: HashSet<u64>,
}

/// Where the last message went; good while nothing was bound or unbound.
#[derive(Debug, Default)]
pub struct RouteCache {
    pub epoch: u64,
    pub exchange: Option<Name>,
    pub routing_key: Vec<u8>,
    pub queues: Vec<SlotId>,
}

/// A consumer of amq.rabbitmq.reply-to.
#[derive(Debug, Clone)]
pub struct ReplyConsumer {
    pub tag: Name,
    pub secret: u64,
}

#[derive(Debug)]
pub struct Channel {
    pub number: u16,
    pub incoming: Option<Incoming>,
    pub consumers: HashMap<Name, SlotId>,
    pub reply_consumer: Option<ReplyConsumer>,
    /// In the order of their tags.
    pub unacked: VecDeque<Unacked>,
    /// Settled places in `unacked`.
    settled: usize,
    /// Of the channel and of `unacked`.
    share: Share,
    last_tag: u64,
    /// What consumers started from now on get (basic.qos with global=false, in RabbitMQ's reading).
    pub prefetch: u16,
    /// For all consumers together (global=true).
    pub prefetch_channel: u16,
    /// Messages with consumers, unacknowledged.
    pub outstanding: u32,
    /// Which consumer's queue is first when a place of the shared prefetch is free.
    pub turn: usize,
    pub mode: Mode,
    /// What an empty queue name means.
    pub last_queue: Option<Name>,
    pub route: RouteCache,
    /// Whether it is in the session's list of channels that owe confirms.
    pub confirm_pending: bool,
}

/// A channel that holds nothing.
const OVERHEAD_BYTES: usize = 2 * size_of::<Channel>();

impl Channel {
    pub fn new(number: u16, memory: &Arc<Memory>) -> Channel {
        Channel {
            number,
            incoming: None,
            consumers: HashMap::new(),
            reply_consumer: None,
            unacked: VecDeque::new(),
            settled: 0,
            share: Share::new(memory, OVERHEAD_BYTES),
            last_tag: 0,
            prefetch: 0,
            prefetch_channel: 0,
            outstanding: 0,
            turn: 0,
            mode: Mode::Plain,
            last_queue: None,
            route: RouteCache::default(),
            confirm_pending: false,
        }
    }

    pub fn next_tag(&mut self) -> u64 {
        self.last_tag += 1;
        self.last_tag
    }

    pub fn last_tag(&self) -> u64 {
        self.last_tag
    }

    /// Keeps a message that was handed out until it is settled.
    pub fn hold(&mut self, unacked: Unacked) {
        self.unacked.push_back(unacked);
        self.account();
    }

    /// Frees room that the unacknowledged messages no longer need; half of it stays, against freeing and growing by turns.
    fn fit(&mut self) {
        let capacity = self.unacked.capacity();
        if capacity > 1024 && self.unacked.len() < capacity / 4 {
            self.unacked.shrink_to(capacity / 2);
            self.account();
        }
    }

    /// Brings the memory in use up to date.
    fn account(&mut self) {
        self.share
            .set(OVERHEAD_BYTES + self.unacked.capacity() * size_of::<Unacked>());
    }

    /// Whether a tag is out and unsettled.
    pub fn holds(&self, tag: u64) -> bool {
        self.find(tag).is_some_and(|at| self.unacked[at].entry.is_some())
    }

    fn find(&self, tag: u64) -> Option<usize> {
        if self.unacked.front().is_some_and(|first| first.tag == tag) {
            return Some(0);
        }
        self.unacked
            .binary_search_by_key(&tag, |unacked| unacked.tag)
            .ok()
    }

    /// Takes one message out of the unacknowledged.
    pub fn settle(&mut self, tag: u64) -> Option<Unacked> {
        let at = self.find(tag)?;
        if at == 0 {
            let first = self.unacked.pop_front()?;
            self.trim();
            return first.entry.is_some().then_some(first);
        }
        let place = &mut self.unacked[at];
        let entry = place.entry.take()?;
        let settled = Unacked {
            entry: Some(entry),
            ..*place
        };
        self.settled += 1;
        // A consumer that keeps its first message would otherwise keep the places of all that followed.
        if self.settled > 64 && self.settled > self.unacked.len() / 2 {
            self.unacked.retain(|unacked| unacked.entry.is_some());
            self.settled = 0;
            self.fit();
        }
        Some(settled)
    }

    /// Takes the first unacknowledged message, up to and including `tag`.
    pub fn settle_first(&mut self, tag: u64) -> Option<Unacked> {
        self.trim();
        if self.unacked.front()?.tag > tag {
            return None;
        }
        self.unacked.pop_front()
    }

    fn trim(&mut self) {
        while self.settled > 0 && self.unacked.front().is_some_and(|first| first.entry.is_none()) {
            self.unacked.pop_front();
            self.settled -= 1;
        }
        self.fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::vhost::memory::Memory;

    fn channel(count: u64) -> Channel {
        let memory = Arc::new(Memory::new(usize::MAX));
        let mut channel = Channel::new(1, &memory);
        for position in 0..count {
            let tag = channel.next_tag();
            let message = Arc::new(Message::new("".into(), Vec::new(), 0, 0, memory.clone()));
            channel.hold(Unacked {
                tag,
                queue: SlotId::from_parts(0, 0),
                consumer: None,
                entry: Some(Entry {
                    position,
                    message,
                    redelivered: false,
                    expires_at: 0,
                }),
            });
        }
        channel
    }

    #[test]
    fn each_tag_is_settled_once_in_any_order() {
        let mut channel = channel(6);
        assert_eq!(channel.settle(3).map(|unacked| unacked.tag), Some(3));
        assert!(channel.settle(3).is_none());
        assert!(channel.settle(7).is_none());
        assert_eq!(channel.settle(1).map(|unacked| unacked.tag), Some(1));
        let rest = std::iter::from_fn(|| channel.settle_first(5))
            .map(|unacked| unacked.tag)
            .collect::<Vec<_>>();
        assert_eq!(rest, [2, 4, 5]);
        assert!(channel.holds(6));
        channel.settle(6);
        assert!(channel.unacked.is_empty());
    }

    #[test]
    fn settled_places_behind_one_kept_message_are_given_back() {
        let mut channel = channel(1000);
        for tag in 2..=1000 {
            assert!(channel.settle(tag).is_some());
        }
        assert!(channel.unacked.len() < 200);
        assert!(channel.holds(1));
    }
}
