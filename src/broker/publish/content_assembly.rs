//! basic.publish: putting a message together from its frames, and checking it.

use amq_protocol::types::{AMQPValue, FieldTable};

use crate::amqp::wire::content::{self, Arguments, BASIC};
use crate::broker::protocol::exception::{Exception, Outcome, Scope};
use crate::broker::protocol::exception::{
    access_refused, frame_error, not_found, not_implemented, precondition_failed, unexpected_frame,
};
use crate::broker::publish::message::{Message, Name};
use crate::broker::publish::properties::Properties;
use crate::broker::publish::reply_to;
use crate::broker::queue::arguments::{MAX_MILLISECONDS, type_name};
use crate::broker::vhost::State;
use crate::broker::vhost::channel::{Incoming, IncomingHeader, Mode, TRANSACTION_MAX, TransactionStep};
use crate::broker::vhost::memory::Arriving;
use crate::broker::vhost::slots::SlotId;

/// RabbitMQ's max_message_size.
pub const MESSAGE_MAX_BYTES: u64 = 134_217_728;
/// Room made for a body before any of it is here: a header may promise what never comes.
const RESERVED_BYTES: u64 = 1024 * 1024;
/// A message of which there is no more than its method.
const ARRIVING_BYTES: usize = size_of::<Incoming>() + 256;
/// Bodies from here on count as memory by themselves while they arrive; smaller ones with their session.
const COUNTED_BYTES: u64 = 4096;

impl State {
    /// The method frame.
    pub fn publish_method(&mut self, session_id: SlotId, number: u16, payload: &[u8]) -> Outcome {
        let mut arguments = Arguments(payload.get(4..).unwrap_or_default());
        let (Some(_), Some(exchange), Some(routing_key), Some(flags)) = (
            arguments.short(),
            arguments.short_string(),
            arguments.short_string(),
            arguments.octet(),
        ) else {
            let rest =
                crate::broker::protocol::exception::erlang_binary(payload.get(4..).unwrap_or_default());
            return Err(frame_error(&format!("cannot decode {rest}")));
        };
        if flags & 2 != 0 {
            return Err(not_implemented("immediate=true"));
        }
        let State {
            sessions, exchanges, ..
        } = self;
        let Some(session) = sessions.get_mut(session_id) else {
            return Ok(());
        };
        let Some(channel) = session.channel_mut(number) else {
            return Ok(());
        };
        let exchange = match &channel.route.exchange {
            Some(last) if last.as_bytes() == exchange => last.clone(),
            _ => {
                let name = String::from_utf8_lossy(exchange);
                match exchanges.get_key_value(&*name) {
                    Some((name, _)) => name.clone(),
                    None => name.into(),
                }
            }
        };
        let mut data = Vec::new();
        // Most messages are small: one allocation for key, properties and body.
        data.reserve_exact(routing_key.len());
        data.extend_from_slice(routing_key);
        channel.incoming = Some(Incoming {
            exchange,
            mandatory: flags & 1 != 0,
            key_len: routing_key.len() as u8,
            header: None,
            data,
            arriving: None,
            counted: ARRIVING_BYTES,
        });
        session.arriving_bytes += ARRIVING_BYTES;
        Ok(())
    }

    /// The header frame.
    pub fn publish_header(&mut self, session_id: SlotId, number: u16, payload: &[u8]) -> Outcome {
        let Some(session) = self.sessions.get_mut(session_id) else {
            return Ok(());
        };
        let counter = session.arriving.clone();
        let Some(channel) = session.channel_mut(number) else {
            return Ok(());
        };
        let Some(incoming) = channel.incoming.as_mut() else {
            return Err(unexpected_frame(
                "expected method frame, got non method frame instead",
            ));
        };
        if incoming.header.is_some() {
            return Err(unexpected_frame(
                "expected content body, got non content body frame instead",
            ));
        }
        let Some(header) = content::header(payload) else {
            return Err(frame_error(&format!(
                "cannot decode {}",
                crate::broker::protocol::exception::erlang_binary(payload)
            )));
        };
        if header.class_id != BASIC {
            return Err(unexpected_frame(&format!(
                "expected content header for class 60, got one for class {} instead",
                header.class_id
            )));
        }
        if header.body_size > MESSAGE_MAX_BYTES {
            return Err(precondition_failed(&format!(
                "message size {} is larger than configured max size {MESSAGE_MAX_BYTES}",
                header.body_size
            )));
        }
        let room = header.properties.len() + header.body_size.min(RESERVED_BYTES) as usize;
        incoming.data.reserve_exact(room);
        incoming.data.extend_from_slice(header.properties);
        incoming.header = Some(IncomingHeader {
            properties_len: header.properties.len() as u32,
            missing: header.body_size,
        });
        if header.body_size == 0 {
            return self.publish_whole(session_id, number);
        }
        if header.body_size >= COUNTED_BYTES {
            let mut arriving = Arriving::new(self.memory.clone(), counter);
            arriving.grow(incoming.data.capacity());
            incoming.arriving = Some(arriving);
        } else {
            let bytes = incoming.data.capacity();
            incoming.counted += bytes;
            session.arriving_bytes += bytes;
        }
        Ok(())
    }

    /// A body frame.
    pub fn publish_body(&mut self, session_id: SlotId, number: u16, payload: &[u8]) -> Outcome {
        let Some(channel) = self.channel_mut(session_id, number) else {
            return Ok(());
        };
        let Some(incoming) = channel.incoming.as_mut() else {
            return Err(unexpected_frame(
                "expected method frame, got non method frame instead",
            ));
        };
        let Some(header) = incoming.header.as_mut() else {
            return Err(unexpected_frame(
                "expected content header for class 60, got non content header frame instead",
            ));
        };
        let Some(missing) = header.missing.checked_sub(payload.len() as u64) else {
            return Err(frame_error("content body is larger than its header says"));
        };
        header.missing = missing;
        incoming.data.extend_from_slice(payload);
        if let Some(arriving) = &mut incoming.arriving {
            arriving.grow(incoming.data.capacity());
        }
        if missing == 0 {
            return self.publish_whole(session_id, number);
        }
        Ok(())
    }

    fn publish_whole(&mut self, session_id: SlotId, number: u16) -> Outcome {
        let Some(session) = self.sessions.get_mut(session_id) else {
            return Ok(());
        };
        session.publishes = true;
        let user = session.user.clone();
        let Some(channel) = session.channel_mut(number) else {
            return Ok(());
        };
        let Some(Incoming {
            exchange,
            mandatory,
            key_len,
            header: Some(header),
            mut data,
            // Given back when the message, which counts itself, has been made.
            arriving: _arriving,
            counted,
        }) = channel.incoming.take()
        else {
            return Ok(());
        };
        session.arriving_bytes = session.arriving_bytes.saturating_sub(counted);
        let Some(channel) = session.channel_mut(number) else {
            return Ok(());
        };
        match self.exchanges.get(&exchange) {
            None => return Err(not_found("exchange", &exchange, &self.name)),
            Some(known) if known.internal => {
                return Err(access_refused(&format!(
                    "cannot publish to internal exchange '{exchange}' in vhost '{}'",
                    self.name
                )));
            }
            Some(_) => {}
        }
        let key_end = key_len as usize;
        let mut properties_len = header.properties_len as usize;
        let list = &data[key_end..key_end + properties_len];
        let (mut priority, mut persistent, mut expiration, mut copies) = (0, false, None, false);
        // No flags, no list.
        if list != [0, 0] {
            let Some(properties) = Properties::read(list) else {
                return Err(Exception {
                    scope: Scope::Connection,
                    code: 541,
                    text: "INTERNAL_ERROR".into(),
                });
            };
            check_user(properties.user_id(), &user)?;
            expiration = properties.expiration().map(read_expiration).transpose()?;
            (priority, persistent, copies) =
                (properties.priority(), properties.persistent(), properties.copies);
            if copies {
                check_copies(&properties.headers())?;
            }
            if properties.reply_to() == Some(reply_to::QUEUE.as_bytes()) {
                let Some(address) = reply_to::address(channel, session_id) else {
                    return Err(precondition_failed("fast reply consumer does not exist"));
                };
                let list = properties.with_reply_to(address.as_bytes());
                data.splice(key_end..key_end + properties_len, list.iter().copied());
                properties_len = list.len();
            }
        }
        let mut message = Message::new(
            exchange,
            data,
            key_len,
            properties_len as u32,
            self.memory.clone(),
        );
        (message.priority, message.persistent, message.expiration) = (priority, persistent, expiration);
        let confirm = match &mut channel.mode {
            Mode::Plain => None,
            Mode::Confirm(confirm) => {
                confirm.last += 1;
                Some(confirm.last)
            }
            Mode::Transaction(transaction) => {
                if transaction.pending.len() >= TRANSACTION_MAX {
                    return Err(precondition_failed("transaction is too large"));
                }
                transaction.pending.push(TransactionStep::Publish {
                    message,
                    mandatory,
                    copies,
                });
                return Ok(());
            }
        };
        let accepted = self.publish(session_id, number, message, mandatory, copies);
        if let Some(sequence) = confirm {
            self.confirm(session_id, number, sequence, accepted);
        }
        Ok(())
    }
}

fn check_user(user_id: Option<&[u8]>, user: &Name) -> Outcome {
    match user_id {
        Some(claimed) if claimed != user.as_bytes() => Err(precondition_failed(&format!(
            "user_id property set to '{}' but authenticated user was '{user}'",
            String::from_utf8_lossy(claimed)
        ))),
        _ => Ok(()),
    }
}

fn check_copies(headers: &FieldTable) -> Outcome {
    for name in ["CC", "BCC"] {
        match headers.inner().get(name) {
            None | Some(AMQPValue::FieldArray(_)) => {}
            Some(other) => {
                return Err(precondition_failed(&format!(
                    "invalid message: {{unacceptable_type_in_header,\"{name}\",{}}}",
                    type_name(other)
                )));
            }
        }
    }
    Ok(())
}

fn read_expiration(text: &[u8]) -> Outcome<u64> {
    let shown = String::from_utf8_lossy(text);
    let refuse = |why: &str| {
        Err(precondition_failed(&format!(
            "invalid expiration '{shown}': {why}"
        )))
    };
    match shown.parse::<i64>() {
        Ok(number) if number < 0 => refuse(&format!("{{value_negative,{number}}}")),
        Ok(number) if number > MAX_MILLISECONDS => refuse(&format!("{{value_too_large,{number}}}")),
        Ok(number) => Ok(number as u64),
        Err(_) => {
            // Erlang reads the number at the front and names what follows it.
            let digits = shown
                .trim_start_matches(['-', '+'])
                .bytes()
                .take_while(u8::is_ascii_digit)
                .count();
            let sign = shown.len() - shown.trim_start_matches(['-', '+']).len();
            if digits == 0 || sign > 1 {
                refuse("no_integer")
            } else if sign + digits == shown.len() {
                // A number, but none of 64 bits.
                let kind = if shown.starts_with('-') {
                    "negative"
                } else {
                    "too_large"
                };
                refuse(&format!("{{value_{kind},{}}}", shown.trim_start_matches('+')))
            } else {
                refuse(&format!("{{leftover_string,\"{}\"}}", &shown[sign + digits..]))
            }
        }
    }
}
