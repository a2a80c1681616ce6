//! Direct reply-to: answers go straight to the channel that asked, without a queue.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use crate::broker::publish::message::Message;
use crate::broker::queue::consumers::put_deliver;
use crate::broker::vhost::State;
use crate::broker::vhost::channel::Channel;
use crate::broker::vhost::session::Phase;
use crate::broker::vhost::slots::SlotId;

/// The name that a client consumes from and gives as reply-to.
pub const QUEUE: &str = "amq.rabbitmq.reply-to";

/// Answers waiting for one slow client; what goes beyond is dropped, as no queue holds it back.
const OUTGOING_MAX_BYTES: usize = 64 * 1024 * 1024;

pub fn is_address(routing_key: &[u8]) -> bool {
    routing_key
        .strip_prefix(QUEUE.as_bytes())
        .is_some_and(|rest| rest.starts_with(b"."))
}

/// A number nobody can guess: the hash of nothing under a key that the operating system made.
pub fn secret() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Where answers for this channel go; `None` without a consumer.
pub fn address(channel: &Channel, session_id: SlotId) -> Option<String> {
    let consumer = channel.reply_consumer.as_ref()?;
    let (index, generation) = session_id.parts();
    Some(format!(
        "{QUEUE}.{index:x}.{generation:x}.{:x}.{:x}",
        channel.number, consumer.secret
    ))
}

fn parse(routing_key: &[u8]) -> Option<(SlotId, u16, u64)> {
    let rest = std::str::from_utf8(routing_key)
        .ok()?
        .strip_prefix(QUEUE)?
        .strip_prefix('.')?;
    let mut parts = rest.split('.');
    let mut next = || u64::from_str_radix(parts.next()?, 16).ok();
    let session_id = SlotId::from_parts(next()?.try_into().ok()?, next()?.try_into().ok()?);
    Some((session_id, next()?.try_into().ok()?, next()?))
}

impl State {
    /// Whether the channel that an address names still waits for answers.
    pub fn awaits_reply(&self, routing_key: &[u8]) -> bool {
        parse(routing_key).is_some_and(|(session_id, number, secret)| {
            self.sessions
                .get(session_id)
                .and_then(|session| session.channel(number)?.reply_consumer.as_ref())
                .is_some_and(|consumer| consumer.secret == secret)
        })
    }

    /// Delivers an answer; says whether anybody waits for it.
    pub fn reply(&mut self, message: &Arc<Message>) -> bool {
        if !self.awaits_reply(message.routing_key()) {
            return false;
        }
        let Some((session_id, number, _)) = parse(message.routing_key()) else {
            return false;
        };
        let Some(session) = self.sessions.get_mut(session_id) else {
            return false;
        };
        if session.phase != Phase::Open || session.outgoing.len() > OUTGOING_MAX_BYTES {
            return false;
        }
        let frame_max = session.frame_max;
        let Some(channel) = session.channel_mut(number) else {
            return false;
        };
        let Some(tag) = channel
            .reply_consumer
            .as_ref()
            .map(|consumer| consumer.tag.clone())
        else {
            return false;
        };
        let delivery_tag = channel.next_tag();
        put_deliver(
            &mut session.outgoing,
            number,
            &tag,
            delivery_tag,
            false,
            message,
            frame_max,
        );
        self.wake(session_id);
        true
    }
}
