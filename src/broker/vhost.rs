//! A virtual host: exchanges, queues, consumers and the sessions on them, behind one lock.
//!
//! A session takes the lock once for all that it has read and works on the state as plain data (`State`); what comes of
//! it for other sessions is written into their outgoing buffers at once, and they are woken when the lock is free again.
//! `docs/design/broker.md` says why.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, Semaphore};
use tokio::task::yield_now;

use super::channel::Channel;
use super::dead_letter::Reason;
use super::entries::Entries;
use super::exchange::{Exchange, Kind};
use super::fair_mutex::FairMutex;
use super::memory::{Memory, Share};
use super::message::{Message, Name};
use super::outgoing::Outgoing;
use super::queue::Queue;
use super::slots::{SlotId, Slots};
use super::work;
use crate::runtime::runtime;

/// Outgoing bytes of one session from which on it gets no more deliveries until they are being written.
pub const OUTGOING_HIGH_BYTES: usize = 512 * 1024;

#[derive(Debug)]
pub struct Consumer {
    pub session: SlotId,
    pub channel: u16,
    pub tag: Name,
    pub queue: SlotId,
    pub no_ack: bool,
    pub priority: i64,
    pub prefetch: u16,
    pub unacked: u32,
    pub _share: Share,
}

/// A channel number's state.
#[derive(Debug)]
pub enum ChannelSlot {
    Open(Box<Channel>),
    /// We sent channel.close and discard what comes until the answer.
    Closing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Open,
    /// We sent connection.close and discard what comes until the answer.
    Closing,
    /// Nothing more is read; what is outgoing is written and that is the end.
    Done,
}

/// What a client says it can do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Capabilities {
    pub consumer_cancel_notify: bool,
    pub connection_blocked: bool,
}

#[derive(Debug)]
pub struct Session {
    pub phase: Phase,
    pub user: Name,
    pub capabilities: Capabilities,
    pub frame_max: u32,
    pub channel_max: u16,
    /// By number; 0 stays empty.
    pub channels: Vec<Option<ChannelSlot>>,
    pub outgoing: Outgoing,
    /// Of `outgoing` and of small messages that are arriving.
    pub share: Share,
    /// Bytes of messages that are arriving and too small to be counted one by one.
    pub arriving_bytes: usize,
    pub wake: Arc<Notify>,
    /// Whether it is in the list of those to be woken.
    pub woken: bool,
    /// Whether a delivery did not happen because too much was outgoing.
    pub stalled: bool,
    /// Whether a message of its became whole in what it was fed last: only then memory makes it wait.
    pub publishes: bool,
    /// Messages that are arriving, of those that are counted.
    pub arriving: Arc<AtomicU32>,
    pub owing: Vec<u16>,
    pub exclusive_queues: Vec<SlotId>,
}

impl Session {
    /// Brings the memory in use up to date.
    pub fn account(&mut self) {
        self.share.set(self.outgoing.capacity() + self.arriving_bytes);
    }

    pub fn channel(&self, number: u16) -> Option<&Channel> {
        match self.channels.get(number as usize)? {
            Some(ChannelSlot::Open(channel)) => Some(channel),
            _ => None,
        }
    }

    pub fn channel_mut(&mut self, number: u16) -> Option<&mut Channel> {
        match self.channels.get_mut(number as usize)? {
            Some(ChannelSlot::Open(channel)) => Some(channel),
            _ => None,
        }
    }
}

/// Everything in a virtual host. Its methods are in the files of what they do.
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
    /// What is to be dead lettered, and from which queue.
    pub dead: VecDeque<(SlotId, Arc<Message>, Reason)>,
    /// Units of `work` that are left for them under this hold of the lock.
    dead_letter_budget: i64,
    /// Units of `work` done under this hold of the lock.
    pub work_done: i64,
    /// Messages of queues that were purged or deleted, to be freed without the lock.
    pub discarded: Vec<Entries>,
    /// Sessions that have something to write.
    pub woken: Vec<SlotId>,
    pub timers: BinaryHeap<Reverse<(u64, SlotId)>>,
    /// Whether a timer before all others was added.
    pub timers_changed: bool,
    started: Instant,
}

impl State {
    fn new(name: Name, memory: Arc<Memory>) -> State {
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
            dead: VecDeque::new(),
            dead_letter_budget: work::DEAD_LETTER_SLICE,
            work_done: 0,
            discarded: Vec::new(),
            woken: Vec::new(),
            timers: BinaryHeap::new(),
            timers_changed: false,
            started: Instant::now(),
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
        self.started.elapsed().as_millis() as u64
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

    /// Has a timer go off for a queue; the earliest counts.
    pub fn arm(&mut self, queue_id: SlotId, deadline: u64) {
        let Some(queue) = self.queues.get_mut(queue_id) else {
            return;
        };
        if deadline >= queue.armed {
            return;
        }
        queue.armed = deadline;
        self.timers_changed |= self
            .timers
            .peek()
            .is_none_or(|Reverse((first, _))| deadline < *first);
        self.timers.push(Reverse((deadline, queue_id)));
    }

    /// Does all that is due: deliveries to whoever can take them.
    pub fn settle(&mut self) {
        loop {
            if let Some(queue_id) = self.dirty.pop() {
                if let Some(queue) = self.queues.get_mut(queue_id) {
                    queue.dirty = false;
                    self.deliver(queue_id);
                }
            } else if self.dead_letter_budget > 0
                && let Some((queue_id, message, reason)) = self.dead.pop_front()
            {
                let before = self.work_done;
                self.dead_letter(queue_id, &message, reason);
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
        self.settle();
    }

    fn take_woken(&mut self) -> Vec<Arc<Notify>> {
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

pub struct Vhost {
    state: FairMutex<State>,
    /// One permit, for a session whose input does not fit one slice: sessions with little to do come between.
    pub backlog: Arc<Semaphore>,
    /// Notified when an earlier deadline was added, or when dead letters are left.
    pub timers_changed: Notify,
    /// Whether dead letters did not fit the last slice.
    leftovers: AtomicBool,
}

impl Vhost {
    pub fn new(name: Name, memory: Arc<Memory>) -> Vhost {
        Vhost {
            state: FairMutex::new(State::new(name, memory)),
            backlog: Arc::new(Semaphore::new(1)),
            timers_changed: Notify::new(),
            leftovers: AtomicBool::new(false),
        }
    }

    pub fn has_leftovers(&self) -> bool {
        self.leftovers.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock ends the session it happened in; the others go on with what is there.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on the state, does what is due after it and wakes whom it concerns.
    pub fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        state.dead_letter_budget = work::DEAD_LETTER_SLICE;
        state.work_done = 0;
        let result = work(&mut state);
        state.settle();
        let woken = state.take_woken();
        // The timer task goes on with the dead letters that are left.
        let leftovers = !state.dead.is_empty();
        self.leftovers.store(leftovers, Ordering::Relaxed);
        let timers_changed = std::mem::take(&mut state.timers_changed) || leftovers;
        let discarded = std::mem::take(&mut state.discarded);
        drop(state);
        free(discarded);
        for wake in woken {
            wake.notify_one();
        }
        if timers_changed {
            self.timers_changed.notify_one();
        }
        result
    }

    /// `with` for destructors: a panic in there would end the process if it came while another is under way.
    pub fn with_in_drop(&self, work: impl FnOnce(&mut State)) {
        // What the panic leaves behind is what `lock` copes with. The hook has told of it.
        let _ = catch_unwind(AssertUnwindSafe(|| self.with(work)));
    }

    /// `with` for a session, which takes what is outgoing for itself into `outgoing` (empty) on the way.
    pub fn with_session<R>(
        &self,
        session_id: SlotId,
        outgoing: &mut Outgoing,
        work: impl FnOnce(&mut State) -> R,
    ) -> R {
        self.with(|state| {
            let result = work(state);
            state.settle();
            if let Some(session) = state.sessions.get_mut(session_id)
                && outgoing.is_empty()
                && !session.outgoing.is_empty()
            {
                std::mem::swap(outgoing, &mut session.outgoing);
                state.resume(session_id);
            }
            if let Some(session) = state.sessions.get_mut(session_id) {
                session.account();
            }
            // What `resume` added goes out when this is written; the session looks again before it sleeps.
            if let Some(session) = state.sessions.get_mut(session_id)
                && session.outgoing.is_empty()
                && session.woken
            {
                session.woken = false;
                state.woken.retain(|id| *id != session_id);
            }
            result
        })
    }
}

/// Freed at once and in pieces: millions of messages take a second, which other tasks of the runtime would wait for.
const FREED_AT_ONCE: usize = 10_000;

fn free(mut discarded: Vec<Entries>) {
    if discarded.iter().map(Entries::len).sum::<usize>() <= FREED_AT_ONCE {
        return;
    }
    runtime().spawn(async move {
        while let Some(mut entries) = discarded.pop() {
            while !entries.is_empty() {
                entries.drop_some(FREED_AT_ONCE);
                yield_now().await;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Session(Arc<Vhost>);

    impl Drop for Session {
        fn drop(&mut self) {
            self.0.with_in_drop(|_| panic!("while it is being dropped"));
        }
    }

    #[test]
    fn a_panic_in_a_destructor_while_another_is_under_way_is_not_the_end() {
        let vhost = Arc::new(Vhost::new("/".into(), Arc::new(Memory::new(1))));
        let session = Session(vhost.clone());
        let ended = std::thread::spawn(move || {
            let _session = session;
            panic!("of the task");
        });
        assert!(ended.join().is_err());
        // And the others go on.
        vhost.with(|state| assert!(state.exchanges.contains_key("")));
    }
}
