//! The state behind a vhost's lock. Its methods are in the files of what they do.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use tokio::sync::Notify;

use super::channel::Channel;
use super::memory::Memory;
use super::session::{ChannelSlot, Session};
use super::slots::{SlotId, Slots};
use super::work;
use crate::broker::clock::Clock;
use crate::broker::exchange::{Exchange, Kind};
use crate::broker::publish::message::Name;
use crate::broker::publish::pending_letters::PendingLetters;
use crate::broker::queue::Queue;
use crate::broker::queue::consumers::Consumer;
use crate::broker::queue::entries::Entries;

/// Everything in a virtual host.
pub struct State {
    pub name: Name,
    pub memory: Arc<Memory>,
    pub exchanges: HashMap<Name, Exchange>,
    pub queue_names: HashMap<Name, SlotId>,
    pub queues: Slots<Queue>,
    pub consumers: Slots<Consumer>,
    pub sessions: Slots<Session>,
    /// Goes up with every change that can send a message elsewhere.
    pub routing_epoch: u64,
    /// Queues that may have something to deliver.
    pub dirty: Vec<SlotId>,
    pub dead_letters: PendingLetters,
    /// Units of `work` that are left for them under this hold of the lock.
    pub dead_letter_budget: i64,
    /// Units of `work` done under this hold of the lock.
    pub work_done: i64,
    /// Messages of queues that were purged or deleted, to be freed without the lock.
    pub discarded: Vec<Entries>,
    /// Sessions that have something to write.
    pub woken: Vec<SlotId>,
    pub timers: BinaryHeap<Reverse<(u64, SlotId)>>,
    /// Whether a timer before all others was added.
    pub timers_changed: bool,
    clock: Clock,
}

impl State {
    pub fn new(name: Name, memory: Arc<Memory>, clock: Clock) -> State {
        let mut exchanges = HashMap::<Name, Exchange>::new();
        for (exchange, kind) in [
            ("amq.direct", Kind::Direct),
            ("amq.fanout", Kind::Fanout),
            ("amq.topic", Kind::Topic),
            ("amq.headers", Kind::Headers),
            ("amq.match", Kind::Headers),
            ("amq.rabbitmq.trace", Kind::Topic),
        ] {
            exchanges.insert(exchange.into(), Exchange::new(kind, true, &memory));
        }
        // Nothing is traced here; programs that bind to it find it.
        if let Some(trace) = exchanges.get_mut("amq.rabbitmq.trace") {
            trace.internal = true;
        }
        exchanges.insert("".into(), Exchange::new(Kind::Direct, true, &memory));
        State {
            name,
            memory,
            exchanges,
            queue_names: HashMap::new(),
            queues: Slots::default(),
            consumers: Slots::default(),
            sessions: Slots::default(),
            routing_epoch: 1,
            dirty: Vec::new(),
            dead_letters: PendingLetters::default(),
            dead_letter_budget: work::DEAD_LETTER_SLICE,
            work_done: 0,
            discarded: Vec::new(),
            woken: Vec::new(),
            timers: BinaryHeap::new(),
            timers_changed: false,
            clock,
        }
    }

    /// Counts work towards the slice of the session that causes it.
    pub fn spend(&mut self, units: i64) {
        self.work_done += units;
    }

    pub fn work_done(&self) -> i64 {
        self.work_done
    }

    /// Milliseconds since the vhost began: the clock of all deadlines.
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// An open channel.
    pub fn channel(&self, session_id: SlotId, number: u16) -> Option<&Channel> {
        self.sessions.get(session_id)?.channel(number)
    }

    pub fn channel_mut(&mut self, session_id: SlotId, number: u16) -> Option<&mut Channel> {
        self.sessions.get_mut(session_id)?.channel_mut(number)
    }

    pub fn mark_dirty(&mut self, queue_id: SlotId) {
        if let Some(queue) = self.queues.get_mut(queue_id)
            && !queue.dirty
        {
            queue.dirty = true;
            self.dirty.push(queue_id);
        }
    }

    /// Has a session woken when the lock is free.
    pub fn wake(&mut self, session_id: SlotId) {
        if let Some(session) = self.sessions.get_mut(session_id)
            && !session.woken
        {
            session.woken = true;
            self.woken.push(session_id);
        }
    }

    /// Does all that is due: deliveries to whoever can take them.
    pub fn run_pending(&mut self) {
        loop {
            if let Some(queue_id) = self.dirty.pop() {
                if let Some(queue) = self.queues.get_mut(queue_id) {
                    queue.dirty = false;
                    self.deliver(queue_id);
                }
            } else if self.dead_letter_budget > 0
                && let Some(letter) = self.dead_letters.pop()
            {
                let before = self.work_done;
                self.dead_letter(&letter);
                self.dead_letter_budget -= self.work_done - before;
            } else {
                return;
            }
        }
    }

    /// Lets the consumers of a session go on that waited for its outgoing bytes.
    pub fn resume(&mut self, session_id: SlotId) {
        let Some(session) = self.sessions.get_mut(session_id) else {
            return;
        };
        if !std::mem::take(&mut session.stalled) {
            return;
        }
        let queues = session
            .channels
            .iter()
            .flatten()
            .filter_map(|slot| match slot {
                ChannelSlot::Open(channel) => Some(channel.consumers.values()),
                ChannelSlot::Closing => None,
            })
            .flatten()
            .filter_map(|consumer| self.consumers.get(*consumer).map(|consumer| consumer.queue))
            .collect::<Vec<_>>();
        for queue in queues {
            self.mark_dirty(queue);
        }
        self.run_pending();
    }

    pub fn take_woken(&mut self) -> Vec<Arc<Notify>> {
        let State { woken, sessions, .. } = self;
        woken
            .drain(..)
            .filter_map(|id| {
                let session = sessions.get_mut(id)?;
                session.woken = false;
                session.account();
                Some(session.wake.clone())
            })
            .collect()
    }
}
