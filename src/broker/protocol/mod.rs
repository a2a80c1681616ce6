//! Methods that are answered, one file per class.

pub mod acknowledge;
mod basic;
mod channel;
mod connection;
pub mod exception;
mod exchange;
mod queue;
mod tx;

use std::hash::{BuildHasher, RandomState};

use amq_protocol::types::ShortString;

use crate::amqp::wire::method::{self, AMQPClass};
use crate::broker::protocol::exception::{
    Outcome, access_refused, exception_text, not_found, resource_locked,
};
use crate::broker::publish::message::Name;
use crate::broker::vhost::State;
use crate::broker::vhost::slots::SlotId;

impl State {
    /// Appends a method frame to what is outgoing for a session.
    pub fn send(&mut self, session_id: SlotId, number: u16, method: AMQPClass) {
        if let Some(session) = self.sessions.get_mut(session_id) {
            method::encode(session.outgoing.buffer(), number, &method);
            self.wake(session_id);
        }
    }

    /// What an empty queue name means: the queue declared last on the channel.
    fn last_queue(&self, session_id: SlotId, number: u16) -> Outcome<Name> {
        self.sessions
            .get(session_id)
            .and_then(|session| session.channel(number)?.last_queue.clone())
            .ok_or_else(|| exception_text(404, "NOT_FOUND - no previously declared queue"))
    }

    /// The queue that a method names.
    fn queue_named(&mut self, session_id: SlotId, number: u16, name: &str) -> Outcome<(SlotId, Name)> {
        let last;
        let name = if name.is_empty() {
            last = self.last_queue(session_id, number)?;
            &*last
        } else {
            name
        };
        match self.queue_names.get_key_value(name) {
            Some((name, id)) => Ok((*id, name.clone())),
            None => Err(not_found("queue", name, &self.name)),
        }
    }

    /// `queue_named`, refused when the queue is exclusive to another connection.
    fn usable_queue(&mut self, session_id: SlotId, number: u16, name: &str) -> Outcome<(SlotId, Name)> {
        let (id, name) = self.queue_named(session_id, number, name)?;
        if self.is_locked(id, session_id) {
            return Err(resource_locked(&name, &self.name));
        }
        Ok((id, name))
    }

    fn is_locked(&self, queue_id: SlotId, session_id: SlotId) -> bool {
        self.queues
            .get(queue_id)
            .and_then(|queue| queue.spec().owner)
            .is_some_and(|owner| owner != session_id)
    }
}

/// A name without the line breaks that RabbitMQ takes out of it where queues and exchanges are made, bound and deleted, and
/// nowhere else.
fn stripped(name: ShortString) -> ShortString {
    const BREAKS: [char; 2] = ['\r', '\n'];
    match name.as_str().contains(BREAKS) {
        true => name.as_str().replace(BREAKS, "").into(),
        false => name,
    }
}

fn check_not_default(exchange: &str) -> Outcome {
    if exchange.is_empty() {
        return Err(access_refused("operation not permitted on the default exchange"));
    }
    Ok(())
}

fn check_not_reserved(kind: &str, name: &str) -> Outcome {
    if name.starts_with("amq.") {
        return Err(access_refused(&format!(
            "{kind} name '{name}' contains reserved prefix 'amq.*'"
        )));
    }
    Ok(())
}

/// A name nobody else has: RabbitMQ's form, 128 bits in URL-safe base64.
fn generated_name(prefix: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let random = RandomState::new();
    let mut bits = u128::from(random.hash_one(0u8)) << 64 | u128::from(random.hash_one(1u8));
    let mut name = prefix.to_owned();
    for _ in 0..22 {
        name.push(DIGITS[(bits & 63) as usize] as char);
        bits >>= 6;
    }
    name
}
