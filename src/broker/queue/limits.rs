//! Into a queue and, unasked, out of it again: time-to-live, length limits, x-expires.

use std::sync::Arc;

use crate::broker::publish::dead_letter::Reason;
use crate::broker::publish::message::Message;
use crate::broker::publish::pending_letters::PendingLetters;
use crate::broker::queue::Queue;
use crate::broker::queue::arguments::Overflow;
use crate::broker::queue::entries::NEVER;
use crate::broker::vhost::State;
use crate::broker::vhost::slots::SlotId;
use crate::broker::vhost::work;

/// Drops up to `most` messages that have expired at the front, for `dead_letters` when the queue has a dead letter exchange; the
/// number dropped.
pub fn drop_expired(queue: &mut Queue, now: u64, most: usize, dead_letters: &mut PendingLetters) -> usize {
    let mut dropped = 0;
    while dropped < most
        && let Some(entry) = queue.pop_expired(now)
    {
        dropped += 1;
        if let Some(origin) = queue.dead_letter_origin() {
            dead_letters.push(origin.clone(), entry.message, Reason::Expired);
        }
    }
    dropped
}

/// Expired messages that the timer drops under one hold of the lock.
pub const EXPIRED_AT_ONCE: usize = 5_000;

impl State {
    /// Adds a message to a queue; says whether the queue took it (it refuses with overflow reject-publish).
    pub fn enqueue(&mut self, queue_id: SlotId, message: Arc<Message>) -> bool {
        self.spend(work::ENQUEUE);
        let Some(queue) = self.queues.get_mut(queue_id) else {
            return true;
        };
        let ttl = match (message.expiration, queue.arguments().message_ttl) {
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
        let overflow = queue.arguments().overflow;
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
            if queue.arguments().overflow != Overflow::DropHead || !queue.exceeds(0, 0) {
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

    pub fn expire_some(&mut self, queue_id: SlotId, most: usize) {
        if !self.queues.get(queue_id).is_some_and(|queue| queue.expiring) {
            return;
        }
        let now = self.now();
        if let Some(queue) = self.queues.get_mut(queue_id) {
            self.work_done += drop_expired(queue, now, most, &mut self.dead_letters) as i64;
        }
    }
}
