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
