//! What happens by the clock: messages expire, unused queues go.

use std::cmp::Reverse;

use super::slots::SlotId;
use super::state::State;
use super::work;
use crate::broker::queue::entries::NEVER;
use crate::broker::queue::limits::EXPIRED_AT_ONCE;

impl State {
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

    /// Arms the timer for what happens to the queue next without anybody's doing.
    pub fn rearm(&mut self, queue_id: SlotId) {
        let Some(queue) = self.queues.get_mut(queue_id) else {
            return;
        };
        let mut deadline = NEVER;
        if queue.expiring {
            deadline = queue.next_expiry();
            queue.expiring = queue.ready() > 0;
        }
        if let Some(expires) = queue.arguments().expires {
            deadline = deadline.min(queue.used_at + expires);
        }
        self.arm(queue_id, deadline);
    }

    /// Notes that a queue is in use, for x-expires.
    pub fn touch(&mut self, queue_id: SlotId) {
        let now = self.now();
        if let Some(queue) = self.queues.get_mut(queue_id) {
            queue.used_at = now;
        }
    }

    /// Does what is due by the clock and says when the next is.
    pub fn fire_timers(&mut self) -> Option<u64> {
        let now = self.now();
        while let Some(Reverse((deadline, queue_id))) = self.timers.peek().copied() {
            if deadline > now {
                return Some(deadline - now);
            }
            if self.work_done() >= work::BACKLOG_SLICE {
                return Some(0);
            }
            self.timers.pop();
            let Some(queue) = self.queues.get_mut(queue_id) else {
                continue;
            };
            if queue.armed == deadline {
                queue.armed = NEVER;
            }
            if let Some(expires) = queue.arguments().expires {
                if !queue.consumers.is_empty() {
                    queue.used_at = now;
                } else if queue.used_at + expires <= now {
                    self.delete_queue(queue_id);
                    continue;
                }
            }
            self.expire_some(queue_id, EXPIRED_AT_ONCE);
            self.rearm(queue_id);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use amq_protocol::types::AMQPValue;

    use crate::broker::clock::Clock;
    use crate::broker::publish::message::Message;
    use crate::broker::queue::QueueSpec;
    use crate::broker::vhost::memory::Memory;
    use crate::broker::vhost::{State, Vhost};

    #[test]
    fn messages_expire_and_unused_queues_go_by_the_vhosts_clock() {
        let (memory, time) = (Arc::new(Memory::new(usize::MAX)), Arc::new(AtomicU64::new(5)));
        let vhost = Vhost::with_clock("/".into(), memory.clone(), Clock::Manual(time.clone()));
        let id = vhost.with(|state| {
            let mut spec = QueueSpec::durable("q".into());
            for (argument, milliseconds) in [("x-message-ttl", 1000), ("x-expires", 60_000)] {
                let value = AMQPValue::LongInt(milliseconds);
                spec.arguments.insert(argument.into(), value);
            }
            let id = state.add_queue(spec).unwrap();
            state.rearm(id);
            let message = Message::new("".into(), b"q\0\0x".to_vec(), 1, 2, memory.clone());
            assert!(state.enqueue(id, Arc::new(message)));
            id
        });
        let ready = || vhost.with(|state| state.queues.get(id).map(|queue| queue.ready()));
        assert_eq!(vhost.with(State::fire_timers), Some(1000));
        time.store(1004, Ordering::Relaxed);
        assert_eq!((vhost.with(State::fire_timers), ready()), (Some(1), Some(1)));
        time.store(1005, Ordering::Relaxed);
        assert_eq!(vhost.with(State::fire_timers), Some(59_000));
        assert_eq!(ready(), Some(0));
        time.store(60_005, Ordering::Relaxed);
        assert_eq!((vhost.with(State::fire_timers), ready()), (None, None));
    }

    #[test]
    fn a_panic_at_one_queue_does_not_end_the_timers() {
        let (memory, time) = (Arc::new(Memory::new(usize::MAX)), Arc::new(AtomicU64::new(0)));
        let vhost = Vhost::with_clock("/".into(), memory.clone(), Clock::Manual(time.clone()));
        let ids = vhost.with(|state| {
            ["a", "b", "c"].map(|name| {
                let mut spec = QueueSpec::durable(name.into());
                spec.arguments
                    .insert("x-message-ttl".into(), AMQPValue::LongInt(10));
                let id = state.add_queue(spec).unwrap();
                let message = Message::new("".into(), b"q\0\0x".to_vec(), 1, 2, memory.clone());
                state.enqueue(id, Arc::new(message));
                id
            })
        });
        // A count that cannot be: taking the message out of the queue panics.
        vhost.with(|state| state.queues.get_mut(ids[1]).unwrap().ready_bytes = 0);
        time.store(10, Ordering::Relaxed);
        let mut turns = 1;
        while vhost.fire_timers().is_some() {
            turns += 1;
        }
        assert_eq!(turns, 2);
        assert_eq!(
            vhost.with(|state| [ids[0], ids[2]].map(|id| state.queues.get(id).unwrap().ready())),
            [0, 0]
        );
    }

    #[test]
    fn many_messages_that_expire_at_once_are_dropped_in_slices() {
        const MESSAGES: usize = 12_000;
        let (memory, time) = (Arc::new(Memory::new(usize::MAX)), Arc::new(AtomicU64::new(0)));
        let vhost = Vhost::with_clock("/".into(), memory.clone(), Clock::Manual(time.clone()));
        let id = vhost.with(|state| {
            let mut spec = QueueSpec::durable("q".into());
            spec.arguments
                .insert("x-message-ttl".into(), AMQPValue::LongInt(10));
            let id = state.add_queue(spec).unwrap();
            for _ in 0..MESSAGES {
                let message = Message::new("".into(), b"q\0\0x".to_vec(), 1, 2, memory.clone());
                state.enqueue(id, Arc::new(message));
            }
            id
        });
        time.store(10, Ordering::Relaxed);
        let mut slices = 1;
        while vhost.with(State::fire_timers) == Some(0) {
            slices += 1;
        }
        assert!(slices > 2);
        assert_eq!(
            vhost.with(|state| state.queues.get(id).map(|queue| queue.ready())),
            Some(0)
        );
    }
}
