//! Dead lettering: what leaves a queue without having been consumed goes to the queue's dead letter exchange.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::death::Death;
use super::{copy_keys, headers_of};
use crate::broker::publish::message::Message;
use crate::broker::publish::pending_letters::PendingLetter;
use crate::broker::publish::properties::Properties;
use crate::broker::vhost::State;
use crate::broker::vhost::slots::SlotId;
use crate::broker::vhost::work;

/// So often one message and what comes of it is dead lettered without anybody having it in between; then they are dropped.
/// The check for cycles leaves every order of the queues: where n full queues have the same fanout exchange that is n! ways.
const GENERATION_MAX: u32 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Rejected,
    Expired,
    MaxLength,
}

impl Reason {
    fn name(self) -> &'static str {
        match self {
            Reason::Rejected => "rejected",
            Reason::Expired => "expired",
            Reason::MaxLength => "maxlen",
        }
    }
}

impl State {
    /// Puts a message up for dead lettering if its queue has a dead letter exchange.
    ///
    /// Not at once: one full queue may feed another, and that one a third.
    pub fn dead_letter_later(&mut self, queue_id: SlotId, message: Arc<Message>, reason: Reason) {
        let queue = self.queues.get(queue_id);
        if let Some(origin) = queue.and_then(|queue| queue.dead_letter_origin()) {
            self.dead_letters.push(origin.clone(), message, reason);
        }
    }

    /// Deals with a letter whatever has become of its queue.
    pub fn dead_letter(&mut self, letter: &PendingLetter) {
        let PendingLetter {
            origin,
            message,
            reason,
        } = letter;
        let reason = *reason;
        self.spend(work::REWRITE + work::bytes(message.properties().len() + message.body().len()));
        let Some((exchange, _)) = self.exchanges.get_key_value(&origin.exchange) else {
            return;
        };
        let dead_letter_generation = match &message.dead_letter_generation {
            Some(dead_letter_generation) if reason != Reason::Rejected => dead_letter_generation.clone(),
            _ => Arc::default(),
        };
        if dead_letter_generation.fetch_add(1, Ordering::Relaxed) >= GENERATION_MAX {
            return;
        }
        let Some(properties) = Properties::read(message.properties()) else {
            return;
        };
        let mut keys = vec![message.routing_key().to_vec()];
        keys.extend(copy_keys(&properties.headers(), "CC"));
        let death = Death {
            queue: &origin.queue,
            reason: reason.name(),
            exchange: &message.exchange,
            routing_keys: &keys,
            expiration: properties.expiration(),
        };
        let mut blind = message.blind();
        let other_key = origin.routing_key.as_ref();
        let Some((headers, deaths)) = death.add_to(properties.raw_headers(), other_key.is_some()) else {
            return;
        };
        if let Some(key) = other_key {
            keys = vec![key.to_vec()];
            blind = &[];
        }
        let list = properties.with_raw_headers(&headers, false);
        let mut message = message.readdressed(exchange.clone(), &keys[0], &list);
        message.dead_letter_generation = Some(dead_letter_generation);
        message.set_blind(blind.to_vec());
        keys.extend_from_slice(blind);
        let keys = keys.iter().map(Vec::as_slice).collect::<Vec<_>>();
        let mut queues = Vec::new();
        let routed = self.route(exchange, &keys, &|| headers_of(&message), &mut queues);
        self.spend(routed.work);
        let message = Arc::new(message);
        for target in queues {
            let name = self.queues.get(target).map(|queue| queue.name().clone());
            if name.is_some_and(|name| reason != Reason::Rejected && deaths.is_cycle(&name)) {
                continue;
            }
            self.enqueue(target, message.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::exchange::{Binding, Destination, Exchange, Kind};
    use crate::broker::queue::arguments::QueueArguments;
    use crate::broker::queue::{Queue, QueueSpec};
    use crate::broker::vhost::Vhost;
    use crate::broker::vhost::memory::Memory;
    use amq_protocol::types::FieldTable;

    #[test]
    fn what_does_not_fit_a_slice_goes_on_its_way_without_its_queue() {
        const MESSAGES: usize = 3000;
        let memory = Arc::new(Memory::new(usize::MAX));
        let vhost = Vhost::new("/".into(), memory.clone());
        let (queue, rest) = vhost.with(|state| {
            let mut add = |name: &str, arguments| {
                let queue = Queue::new(QueueSpec::durable(name.into()), arguments, 0, &memory);
                let id = state.queues.insert(queue);
                state.queue_names.insert(name.into(), id);
                id
            };
            let arguments = QueueArguments {
                dead_letter_exchange: Some("".into()),
                dead_letter_routing_key: Some((*b"rest").into()),
                ..Default::default()
            };
            (add("queue", arguments), add("rest", QueueArguments::default()))
        });
        let left = vhost.with(|state| {
            for _ in 0..MESSAGES {
                let message = Message::new("".into(), vec![0, 0], 0, 2, memory.clone());
                state.dead_letter_later(queue, Arc::new(message), Reason::Rejected);
            }
            state.run_pending();
            state.delete_queue(queue);
            state.dead_letters.len()
        });
        assert!(left > MESSAGES / 2);
        while vhost.with(|state| !state.dead_letters.is_empty()) {}
        let letters = vhost.with(|state| state.queues.get(rest).map_or(0, Queue::ready));
        assert_eq!(letters, MESSAGES);
    }

    #[test]
    fn full_queues_that_feed_each_other_come_to_an_end() {
        const QUEUES: usize = 12;
        let memory = Arc::new(Memory::new(usize::MAX));
        let vhost = Vhost::new("/".into(), memory.clone());
        let (full, rest) = vhost.with(|state| {
            let mut fanout = Exchange::new(Kind::Fanout, false, &memory);
            let mut add = |name: String, arguments| {
                let queue = Queue::new(QueueSpec::durable(name.into()), arguments, 0, &memory);
                let id = state.queues.insert(queue);
                let binding = Binding::new(
                    "fanout".into(),
                    Destination::Queue(id),
                    "",
                    &FieldTable::default(),
                );
                let bound = fanout.bind(&Arc::new(binding), &FieldTable::default());
                assert_eq!(bound, Ok(true));
                id
            };
            let full = (0..QUEUES)
                .map(|number| {
                    let arguments = QueueArguments {
                        max_length: Some(0),
                        dead_letter_exchange: Some("fanout".into()),
                        ..Default::default()
                    };
                    add(format!("full {number}"), arguments)
                })
                .collect::<Vec<_>>();
            let rest = add("rest".to_owned(), QueueArguments::default());
            state.exchanges.insert("fanout".into(), fanout);
            (full, rest)
        });
        let waits = vhost.with(|state| {
            let message = Message::new("fanout".into(), vec![0, 0], 0, 2, memory);
            let message = Arc::new(message);
            for queue in full {
                state.enqueue(queue, message.clone());
            }
            state.dead_letters.len()
        });
        assert_eq!(waits, QUEUES);
        // Others have their turns.
        let mut turns = 1;
        while vhost.with(|state| !state.dead_letters.is_empty()) {
            turns += 1;
        }
        assert!(turns > 1);
        let letters = vhost.with(|state| state.queues.get(rest).map_or(0, Queue::ready));
        assert_eq!(letters, QUEUES * GENERATION_MAX as usize);
    }
}
