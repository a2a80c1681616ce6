//! Into a queue and, unasked, out of it again: time-to-live, length limits, x-expires.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

use super::arguments::Overflow;
use super::dead_letter::Reason;
use super::entries::NEVER;
use super::message::Message;
use super::queue::Queue;
use super::slots::SlotId;
use super::vhost::State;
use super::work;

/// Drops up to `most` messages that have expired at the front, for `dead` when the queue has a dead letter exchange; the
/// number dropped.
pub fn drop_expired(
    queue: &mut Queue,
    queue_id: SlotId,
    now: u64,
    most: usize,
    dead: &mut VecDeque<(SlotId, Arc<Message>, Reason)>,
) -> usize {
    let mut dropped = 0;
    while dropped < most
        && let Some(entry) = queue.pop_expired(now)
    {
        dropped += 1;
        if queue.arguments.dead_letter_exchange.is_some() {
            dead.push_back((queue_id, entry.message, Reason::Expired));
        }
    }
    dropped
}

/// Expired messages that the timer drops under one hold of the lock.
const EXPIRED_AT_ONCE: usize = 5_000;

impl State {
    /// Adds a message to a queue; says whether the queue took it (it refuses with overflow reject-publish).
    pub fn enqueue(&mut self, queue_id: SlotId, message: Arc<Message>) -> bool {
        self.spend(work::ENQUEUE);
        let Some(queue) = self.queues.get_mut(queue_id) else {
            return true;
        };
        let ttl = match (message.expiration, queue.arguments.message_ttl) {
            (None, None) => {
                if !queue.shows_order() {
                    queue.push(message, NEVER);
                    self.mark_dirty(queue_id);
                    return true;
                }
                None
            }
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.enqueue_limited(queue_id, message, ttl)
    }

    /// With limits and priorities the order of things shows: who can be handed the message at once never sees them.
    fn enqueue_limited(&mut self, queue_id: SlotId, message: Arc<Message>, ttl: Option<u64>) -> bool {
        self.spend(work::ENQUEUE_LIMITED);
        self.expire(queue_id);
        self.hand_out(queue_id);
        let now = self.now();
        let Some(queue) = self.queues.get_mut(queue_id) else {
            return true;
        };
        let overflow = queue.arguments.overflow;
        if overflow != Overflow::DropHead && queue.exceeds(1, message.body().len() as u64) {
            if overflow == Overflow::RejectPublishDeadLetter {
                self.dead_letter_later(queue_id, message, Reason::MaxLength);
            }
            return false;
        }
        queue.push(message, ttl.map_or(NEVER, |ttl| now + ttl));
        self.hand_out(queue_id);
        self.drop_excess(queue_id);
        self.mark_dirty(queue_id);
        true
    }

    /// Drops from the head what the limits do not allow.
    pub fn drop_excess(&mut self, queue_id: SlotId) {
        loop {
            let Some(queue) = self.queues.get_mut(queue_id) else {
                return;
            };
            if queue.arguments.overflow != Overflow::DropHead || !queue.exceeds(0, 0) {
                return;
            }
            // As in RabbitMQ the head is what would be delivered next, whatever its priority.
            let Some(entry) = queue.pop() else {
                return;
            };
            self.dead_letter_later(queue_id, entry.message, Reason::MaxLength);
        }
    }

    /// Drops what has expired at the front.
    pub fn expire(&mut self, queue_id: SlotId) {
        self.expire_some(queue_id, usize::MAX);
    }

    fn expire_some(&mut self, queue_id: SlotId, most: usize) {
        if !self.queues.get(queue_id).is_some_and(|queue| queue.expiring) {
            return;
        }
        let now = self.now();
        if let Some(queue) = self.queues.get_mut(queue_id) {
            self.work_done += drop_expired(queue, queue_id, now, most, &mut self.dead) as i64;
        }
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
        if let Some(expires) = queue.arguments.expires {
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
            if let Some(expires) = queue.arguments.expires {
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
