//! basic.publish: sending a message on its way.

mod confirms;
mod content_assembly;
pub mod dead_letter;
mod death;
pub mod message;
pub mod pending_letters;
pub mod properties;
pub mod reply_to;

use std::sync::Arc;

use amq_protocol::types::{AMQPValue, FieldTable};

use crate::amqp::wire::content::{BASIC, BASIC_RETURN, put_short_string};
use crate::amqp::wire::frame;
use crate::broker::publish::message::Message;
use crate::broker::publish::properties::Properties;
use crate::broker::vhost::State;
use crate::broker::vhost::slots::SlotId;
use crate::broker::vhost::work;

const NO_ROUTE: u16 = 312;

impl State {
    /// Routes a message and puts it into its queues; says whether all of them took it.
    pub fn publish(
        &mut self,
        session_id: SlotId,
        number: u16,
        message: Message,
        mandatory: bool,
        copies: bool,
    ) -> bool {
        let mut message = message;
        let mut cache = match self.channel_mut(session_id, number) {
            Some(channel) => std::mem::take(&mut channel.route),
            None => return true,
        };
        let known = !copies
            && cache.epoch == self.routing_epoch
            && cache.routing_key == message.routing_key()
            && cache
                .exchange
                .as_ref()
                .is_some_and(|exchange| Arc::ptr_eq(exchange, &message.exchange));
        let mut replied = false;
        if !known {
            cache.queues.clear();
            cache.epoch = 0;
            cache.exchange = Some(message.exchange.clone());
            cache.routing_key.clear();
            cache.routing_key.extend_from_slice(message.routing_key());
            if copies {
                message = self.route_copies(message, &mut cache.queues);
            } else {
                let routed = self.route(
                    &message.exchange,
                    &[message.routing_key()],
                    &|| headers_of(&message),
                    &mut cache.queues,
                );
                self.spend(routed.work);
                if routed.by_key {
                    cache.epoch = self.routing_epoch;
                }
            }
        }
        let message = Arc::new(message);
        if cache.queues.is_empty()
            && message.exchange.is_empty()
            && reply_to::is_address(message.routing_key())
        {
            replied = self.reply(&message);
        }
        let mut accepted = true;
        if cache.queues.is_empty() && !replied {
            if mandatory {
                self.send_return(session_id, number, &message);
            }
        } else {
            for queue in &cache.queues {
                accepted &= self.enqueue(*queue, message.clone());
            }
        }
        if let Some(channel) = self.channel_mut(session_id, number) {
            channel.route = cache;
        }
        accepted
    }

    /// Routes by the routing key and the CC and BCC headers; the message comes back without BCC.
    fn route_copies(&mut self, message: Message, queues: &mut Vec<SlotId>) -> Message {
        let mut headers = headers_of(&message);
        let (copies, blind) = (copy_keys(&headers, "CC"), copy_keys(&headers, "BCC"));
        let mut keys = vec![message.routing_key()];
        keys.extend(copies.iter().chain(&blind).map(Vec::as_slice));
        let routed = self.route(&message.exchange, &keys, &|| headers.clone(), queues);
        self.spend(work::REWRITE + routed.work);
        if !headers.contains_key("BCC") {
            return message;
        }
        headers = headers.into_iter().filter(|(key, _)| key.as_str() != "BCC").fold(
            FieldTable::default(),
            |mut kept, (key, value)| {
                kept.insert(key.clone(), value.clone());
                kept
            },
        );
        let list = match Properties::read(message.properties()) {
            Some(properties) => properties.with_headers(&headers, true),
            None => return message,
        };
        let mut without = message.readdressed(message.exchange.clone(), message.routing_key(), &list);
        without.expiration = message.expiration;
        without.set_blind(blind);
        without
    }

    fn send_return(&mut self, session_id: SlotId, number: u16, message: &Arc<Message>) {
        let Some(session) = self.sessions.get_mut(session_id) else {
            return;
        };
        let frame_max = session.frame_max;
        frame::put(session.outgoing.buffer(), frame::METHOD, number, |out| {
            out.extend_from_slice(&BASIC.to_be_bytes());
            out.extend_from_slice(&BASIC_RETURN.to_be_bytes());
            out.extend_from_slice(&NO_ROUTE.to_be_bytes());
            put_short_string(out, b"NO_ROUTE");
            put_short_string(out, message.exchange.as_bytes());
            put_short_string(out, message.routing_key());
        });
        session.outgoing.put_content(number, message, frame_max);
        self.wake(session_id);
    }
}

pub fn headers_of(message: &Message) -> FieldTable {
    Properties::read(message.properties())
        .map(|properties| properties.headers())
        .unwrap_or_default()
}

/// The routing keys that a CC or BCC header lists; what is no text in it is ignored.
pub fn copy_keys(headers: &FieldTable, name: &str) -> Vec<Vec<u8>> {
    let Some(AMQPValue::FieldArray(keys)) = headers.inner().get(name) else {
        return Vec::new();
    };
    keys.as_slice()
        .iter()
        .filter_map(|key| match key {
            // They travel as routing keys from here on.
            AMQPValue::LongString(key) if key.len() <= 255 => Some(key.as_bytes().to_vec()),
            _ => None,
        })
        .collect()
}
