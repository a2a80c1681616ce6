//! ack, nack, reject, recover: what becomes of messages that were handed out.

use crate::broker::protocol::exception::{Outcome, precondition_failed};
use crate::broker::publish::dead_letter::Reason;
use crate::broker::vhost::State;
use crate::broker::vhost::channel::{Channel, Mode, TransactionStep, Unacked};
use crate::broker::vhost::slots::SlotId;

/// What a client wants done with messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    Ack,
    Requeue,
    /// Reject without requeue: to the dead letter exchange, if there is one.
    Discard,
}

impl State {
    pub fn acknowledge(
        &mut self,
        session_id: SlotId,
        number: u16,
        tag: u64,
        multiple: bool,
        settlement: Settlement,
    ) -> Outcome {
        let Some(channel) = self.channel_mut(session_id, number) else {
            return Ok(());
        };
        if matches!(channel.mode, Mode::Transaction(_)) {
            return note(channel, tag, multiple, settlement);
        }
        if !multiple {
            return match self.settle_tag(session_id, number, tag, settlement) {
                true => Ok(()),
                false => Err(unknown_tag(tag)),
            };
        }
        let last = if tag == 0 { channel.last_tag() } else { tag };
        if tag != 0 && !channel.holds(tag) {
            return Err(unknown_tag(tag));
        }
        self.settle_up_to(session_id, number, last, settlement);
        Ok(())
    }

    /// Settles everything up to a tag.
    pub fn settle_up_to(&mut self, session_id: SlotId, number: u16, last: u64, settlement: Settlement) {
        let mut settled = Vec::new();
        if let Some(channel) = self.channel_mut(session_id, number) {
            settled.extend(std::iter::from_fn(|| channel.settle_first(last)));
        }
        // From the last to the first: each requeued message then goes to the front.
        if settlement == Settlement::Requeue {
            settled.reverse();
        }
        let mut queues = settled.iter().map(|unacked| unacked.queue).collect::<Vec<_>>();
        for unacked in settled {
            self.settle_one(session_id, number, unacked, settlement);
        }
        // When all are back: what is too much goes from the head on, in the order in which it stands there.
        queues.sort_unstable();
        queues.dedup();
        for queue in queues {
            self.drop_excess(queue);
        }
    }

    /// Requeues what is unacknowledged, but for messages that an open transaction settles.
    pub fn recover(&mut self, session_id: SlotId, number: u16) {
        let Some(channel) = self.channel_mut(session_id, number) else {
            return;
        };
        let Mode::Transaction(transaction) = &channel.mode else {
            return self.settle_up_to(session_id, number, u64::MAX, Settlement::Requeue);
        };
        let tags = channel.unacked.iter().map(|unacked| unacked.tag);
        let free = tags
            .filter(|tag| !transaction.noted.contains(tag))
            .collect::<Vec<_>>();
        for tag in free.into_iter().rev() {
            self.settle_tag(session_id, number, tag, Settlement::Requeue);
        }
    }

    /// Settles the message with a tag, if there is one; its queue may then hold too much.
    pub fn settle_tag(&mut self, session_id: SlotId, number: u16, tag: u64, settlement: Settlement) -> bool {
        let channel = self.channel_mut(session_id, number);
        let Some(unacked) = channel.and_then(|channel| channel.settle(tag)) else {
            return false;
        };
        let queue = unacked.queue;
        self.settle_one(session_id, number, unacked, settlement);
        self.drop_excess(queue);
        true
    }

    /// Settles one message; when it went back to its queue that may hold more than it is allowed to (`drop_excess`).
    pub fn settle_one(&mut self, session_id: SlotId, number: u16, unacked: Unacked, settlement: Settlement) {
        let Unacked {
            queue,
            consumer,
            entry: Some(entry),
            ..
        } = unacked
        else {
            return;
        };
        if let Some(id) = consumer {
            let mut shared = false;
            if let Some(channel) = self.channel_mut(session_id, number) {
                channel.outstanding = channel.outstanding.saturating_sub(1);
                shared = channel.prefetch_channel != 0;
            }
            if let Some(consumer) = self.consumers.get_mut(id) {
                consumer.unacked = consumer.unacked.saturating_sub(1);
                if consumer.prefetch != 0 {
                    self.mark_dirty(queue);
                }
            }
            if shared {
                self.mark_consumed(session_id, number);
            }
        }
        match settlement {
            Settlement::Ack => {}
            Settlement::Requeue => {
                if let Some(queue_state) = self.queues.get_mut(queue) {
                    queue_state.requeue(entry);
                    self.mark_dirty(queue);
                }
            }
            Settlement::Discard => {
                self.dead_letter_later(queue, entry.message, Reason::Rejected);
                let mark = self.dead_letters.mark();
                if let Some(session) = self.sessions.get_mut(session_id) {
                    session.rejected = mark;
                }
            }
        }
    }

    /// Marks all queues that a channel consumes from, each time beginning with another: the first one may take all there is
    /// of a prefetch that the channel's consumers share.
    pub fn mark_consumed(&mut self, session_id: SlotId, number: u16) {
        let Some(channel) = self.channel_mut(session_id, number) else {
            return;
        };
        channel.turn = channel.turn.wrapping_add(1);
        let turn = channel.turn;
        let mut consumers = channel.consumers.values().copied().collect::<Vec<_>>();
        if consumers.is_empty() {
            return;
        }
        consumers.sort_unstable();
        let first = turn % consumers.len();
        consumers.rotate_left(first);
        for id in consumers {
            if let Some(queue) = self.consumers.get(id).map(|consumer| consumer.queue) {
                self.mark_dirty(queue);
            }
        }
    }
}

fn unknown_tag(tag: u64) -> crate::broker::protocol::exception::Exception {
    precondition_failed(&format!("unknown delivery tag {tag}"))
}

/// In a transaction: checks the tag now and does the rest at commit.
fn note(channel: &mut Channel, tag: u64, multiple: bool, settlement: Settlement) -> Outcome {
    let tags = if multiple {
        let last = if tag == 0 { channel.last_tag() } else { tag };
        channel
            .unacked
            .iter()
            .map(|unacked| unacked.tag)
            .filter(|tag| *tag <= last)
            .collect()
    } else {
        vec![tag]
    };
    let fresh = tags
        .into_iter()
        .filter(|tag| channel.holds(*tag) && !is_noted(channel, *tag))
        .collect::<Vec<_>>();
    let all = tag == 0 && multiple;
    if !all && fresh.last() != Some(&tag) {
        return Err(unknown_tag(tag));
    }
    if let Mode::Transaction(transaction) = &mut channel.mode {
        transaction.noted.extend(&fresh);
        transaction.pending.extend(
            fresh
                .into_iter()
                .map(|tag| TransactionStep::Settle { tag, settlement }),
        );
    }
    Ok(())
}

fn is_noted(channel: &Channel, tag: u64) -> bool {
    matches!(&channel.mode, Mode::Transaction(transaction) if transaction.noted.contains(&tag))
}
