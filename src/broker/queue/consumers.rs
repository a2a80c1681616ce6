//! From queues to consumers: whose turn it is, and the frames of a delivery.

use std::sync::Arc;

use crate::amqp::wire::content::{BASIC, BASIC_DELIVER, put_short_string};
use crate::amqp::wire::frame;
use crate::broker::connection::outgoing::Outgoing;
use crate::broker::publish::message::{Message, Name};
use crate::broker::queue::Queue;
use crate::broker::queue::entries::Entry;
use crate::broker::queue::limits::drop_expired;
use crate::broker::vhost::State;
use crate::broker::vhost::channel::Unacked;
use crate::broker::vhost::memory::Share;
use crate::broker::vhost::session::{ChannelSlot, OUTGOING_HIGH_BYTES, Phase, Session};
use crate::broker::vhost::slots::{SlotId, Slots};
use crate::broker::vhost::work;

/// A consumer of a queue.
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

impl State {
    /// Hands out what can be handed out; messages that have expired go first.
    pub fn deliver(&mut self, queue_id: SlotId) {
        self.expire(queue_id);
        self.hand_out(queue_id);
        self.rearm(queue_id);
    }

    /// `deliver` without a look at what has expired at the front; what comes to the front on the way is looked at.
    pub fn hand_out(&mut self, queue_id: SlotId) {
        let now = self.now();
        let State {
            queues,
            consumers,
            sessions,
            woken,
            dead_letters,
            work_done,
            ..
        } = self;
        let Some(queue) = queues.get_mut(queue_id) else {
            return;
        };
        while queue.ready() > 0 {
            let Some(at) = pick(queue, consumers, sessions) else {
                return;
            };
            let consumer_id = queue.consumers[at];
            let (Some(consumer), Some(entry)) = (consumers.get_mut(consumer_id), queue.pop()) else {
                return;
            };
            if queue.consumers.len() > 1 {
                to_the_end_of_its_priority(&mut queue.consumers, at, consumer.priority, consumers);
            }
            let Some(consumer) = consumers.get_mut(consumer_id) else {
                return;
            };
            let Some(session) = sessions.get_mut(consumer.session) else {
                return;
            };
            *work_done += work::DELIVERY + work::bytes(entry.message.body().len());
            hand_to(session, consumer, consumer_id, queue_id, entry);
            if queue.expiring {
                *work_done += drop_expired(queue, now, usize::MAX, dead_letters) as i64;
            }
            if !session.woken {
                session.woken = true;
                woken.push(consumer.session);
            }
        }
    }
}

/// Writes one delivery into the session's outgoing bytes and remembers it until it is acknowledged.
fn hand_to(
    session: &mut Session,
    consumer: &mut Consumer,
    consumer_id: SlotId,
    queue_id: SlotId,
    entry: Entry,
) {
    let frame_max = session.frame_max;
    let Some(Some(ChannelSlot::Open(channel))) = session.channels.get_mut(consumer.channel as usize) else {
        return;
    };
    let tag = channel.next_tag();
    put_deliver(
        &mut session.outgoing,
        consumer.channel,
        &consumer.tag,
        tag,
        entry.redelivered,
        &entry.message,
        frame_max,
    );
    if !consumer.no_ack {
        consumer.unacked += 1;
        channel.outstanding += 1;
        channel.hold(Unacked {
            tag,
            queue: queue_id,
            consumer: Some(consumer_id),
            entry: Some(entry),
        });
    }
}

/// The first consumer, in order of turn, that can take a message now.
fn pick(queue: &Queue, consumers: &Slots<Consumer>, sessions: &mut Slots<Session>) -> Option<usize> {
    queue.consumers.iter().position(|id| {
        if queue.active_consumer.is_some_and(|active| active != *id) {
            return false;
        }
        let Some(consumer) = consumers.get(*id) else {
            return false;
        };
        if !consumer.no_ack && consumer.prefetch != 0 && consumer.unacked >= u32::from(consumer.prefetch) {
            return false;
        }
        let Some(session) = sessions.get_mut(consumer.session) else {
            return false;
        };
        if session.phase != Phase::Open {
            return false;
        }
        let Some(channel) = session.channel(consumer.channel) else {
            return false;
        };
        // Also for consumers without acknowledgements, which never use a place of it themselves.
        if channel.prefetch_channel != 0 && channel.outstanding >= u32::from(channel.prefetch_channel) {
            return false;
        }
        if session.outgoing.len() >= OUTGOING_HIGH_BYTES {
            session.stalled = true;
            return false;
        }
        true
    })
}

fn to_the_end_of_its_priority(order: &mut [SlotId], at: usize, priority: i64, consumers: &Slots<Consumer>) {
    let equals = order[at + 1..]
        .iter()
        .take_while(|id| {
            consumers
                .get(**id)
                .is_some_and(|other| other.priority == priority)
        })
        .count();
    order[at..=at + equals].rotate_left(1);
}

/// Appends a basic.deliver with its content.
pub fn put_deliver(
    outgoing: &mut Outgoing,
    channel: u16,
    consumer_tag: &str,
    delivery_tag: u64,
    redelivered: bool,
    message: &Arc<Message>,
    frame_max: u32,
) {
    frame::put(outgoing.buffer(), frame::METHOD, channel, |out| {
        out.extend_from_slice(&BASIC.to_be_bytes());
        out.extend_from_slice(&BASIC_DELIVER.to_be_bytes());
        put_short_string(out, consumer_tag.as_bytes());
        out.extend_from_slice(&delivery_tag.to_be_bytes());
        out.push(u8::from(redelivered));
        put_short_string(out, message.exchange.as_bytes());
        put_short_string(out, message.routing_key());
    });
    outgoing.put_content(channel, message, frame_max);
}
