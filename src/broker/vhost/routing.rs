//! From an exchange to the queues: bindings, exchanges bound to exchanges, alternate exchanges.

use std::collections::HashSet;

use amq_protocol::types::FieldTable;

use crate::broker::exchange::Destination;
use crate::broker::publish::message::Name;
use crate::broker::vhost::State;
use crate::broker::vhost::slots::SlotId;
use crate::broker::vhost::work;

/// So many exchanges are looked through faster than hashed; few messages pass more.
const FEW: usize = 16;

/// The exchanges that a message comes to, each once, in order.
struct Visited<'a> {
    names: Vec<&'a Name>,
    /// Filled once there are many.
    set: HashSet<&'a str>,
}

impl<'a> Visited<'a> {
    fn add(&mut self, name: &'a Name) {
        if self.names.len() < FEW {
            if self.names.contains(&name) {
                return;
            }
        } else {
            if self.set.is_empty() {
                self.set.extend(self.names.iter().map(|name| &***name));
            }
            if !self.set.insert(name) {
                return;
            }
        }
        self.names.push(name);
    }
}

/// The outcome of routing one message.
#[derive(Debug, Clone, Copy)]
pub struct Routed {
    /// Whether the exchange and the routing key alone decided.
    pub by_key: bool,
    pub work: i64,
}

impl State {
    /// Finds the queues that a message goes to, each once.
    pub fn route(
        &self,
        exchange: &Name,
        routing_keys: &[&[u8]],
        headers: &dyn Fn() -> FieldTable,
        found: &mut Vec<SlotId>,
    ) -> Routed {
        let mut by_key = routing_keys.len() == 1;
        let mut compared = 0;
        let mut table = None;
        let mut visited = Visited {
            names: vec![exchange],
            set: HashSet::new(),
        };
        let mut next = 0;
        while let Some(&name) = visited.names.get(next) {
            next += 1;
            if name.is_empty() {
                for key in routing_keys {
                    let queue = std::str::from_utf8(key)
                        .ok()
                        .and_then(|key| self.queue_names.get(key));
                    found.extend(queue);
                }
                continue;
            }
            let Some(exchange) = self.exchanges.get(name) else {
                continue;
            };
            if !exchange.routes_by_key() {
                by_key = false;
                compared += exchange.bindings_len() * routing_keys.len();
                table.get_or_insert_with(headers);
            }
            let none = FieldTable::default();
            let mut any = false;
            for key in routing_keys {
                // Binding keys are text; a routing key that is none can still go through fanout and headers exchanges.
                let key = String::from_utf8_lossy(key);
                exchange.route(&key, table.as_ref().unwrap_or(&none), |destination| {
                    any = true;
                    match destination {
                        Destination::Queue(queue) => found.push(*queue),
                        Destination::Exchange(name) => {
                            if let Some((name, _)) = self.exchanges.get_key_value(name) {
                                visited.add(name);
                            }
                        }
                    }
                });
            }
            // The default exchange has no bindings that RabbitMQ would look at: as an alternate it leads nowhere.
            if !any
                && let Some((alternate, _)) = exchange
                    .alternate
                    .as_ref()
                    .filter(|name| !name.is_empty())
                    .and_then(|name| self.exchanges.get_key_value(name))
            {
                visited.add(alternate);
            }
        }
        let work = (found.len() + visited.names.len()) as i64 + compared as i64 * work::COMPARISON;
        found.sort_unstable();
        found.dedup();
        Routed { by_key, work }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::exchange::{Exchange, Kind};
    use crate::broker::queue::arguments::QueueArguments;
    use crate::broker::queue::{Queue, QueueSpec};
    use crate::broker::vhost::Vhost;
    use crate::broker::vhost::memory::Memory;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    #[test]
    fn a_long_chain_of_exchanges_is_passed_and_goes_with_its_last() {
        // Long enough to tell work per exchange from work per pair of them.
        const LENGTH: usize = 40_000;
        let chain = || {
            let vhost = Vhost::new("/".into(), Arc::new(Memory::new(1)));
            vhost.with(|state| {
                let before = state.exchanges.len();
                let name = |number: usize| Name::from(format!("e{number}"));
                for number in 0..=LENGTH {
                    let mut exchange = Exchange::new(Kind::Fanout, false, &state.memory);
                    exchange.auto_delete = true;
                    state.exchanges.insert(name(number), exchange);
                }
                for number in 0..LENGTH {
                    let (next, this) = (name(number + 1), name(number));
                    let next = Destination::Exchange(next);
                    let bound = state.bind(&this, next, "", &FieldTable::default());
                    assert_eq!(bound, Ok(()));
                }
                state.exchanges.get_mut(&name(LENGTH)).unwrap().alternate = Some("amq.fanout".into());
                let table = FieldTable::default();
                let queue = Queue::new(
                    QueueSpec::durable("q".into()),
                    QueueArguments::default(),
                    0,
                    &state.memory,
                );
                let queue = state.queues.insert(queue);
                let bound = state.bind("amq.fanout", Destination::Queue(queue), "", &table);
                assert_eq!(bound, Ok(()));
                let mut found = Vec::new();
                let routed = state.route(&name(0), &[b""], &FieldTable::default, &mut found);
                assert!(routed.by_key);
                assert_eq!(found, [queue]);
                state.remove_exchange(&name(LENGTH));
                assert_eq!(state.exchanges.len(), before);
            });
        };
        let begun = Instant::now();
        // Deep recursion would not fit.
        let thread = std::thread::Builder::new().stack_size(128 * 1024).spawn(chain);
        thread.unwrap().join().unwrap();
        // A tenth of a second when every exchange is looked at once, minutes when all of them are for each.
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
