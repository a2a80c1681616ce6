//! From an exchange to the queues: bindings, exchanges bound to exchanges, alternate exchanges.

use std::collections::HashSet;
use std::sync::Arc;

use amq_protocol::types::FieldTable;

use super::exception::Outcome;
use super::exchange::{Binding, Destination};
use super::message::Name;
use super::slots::SlotId;
use super::vhost::State;
use super::work;

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

    /// Takes away every binding of an exchange that goes, and the exchanges that go with it.
    pub fn remove_exchange(&mut self, name: &str) {
        // A list and no recursion: a client may have made a chain of any length.
        let mut going = vec![Name::from(name)];
        while let Some(name) = going.pop() {
            self.take_exchange(&name, &mut going);
        }
    }

    /// Removes one exchange; those that have lost their last binding with it are added to `going`.
    fn take_exchange(&mut self, name: &str, going: &mut Vec<Name>) {
        let Some(exchange) = self.exchanges.remove(name) else {
            return;
        };
        self.routing_epoch += 1;
        for binding in exchange.bindings() {
            self.forget_binding(binding);
        }
        for binding in &exchange.bound_to {
            if let Some(exchange) = self.exchanges.get_mut(&binding.source) {
                exchange.unbind(binding);
            }
            if self.is_done(&binding.source) {
                going.push(binding.source.clone());
            }
        }
    }

    /// Binds a queue or an exchange to an exchange, both of which exist.
    pub fn bind(
        &mut self,
        source: &str,
        destination: Destination,
        routing_key: &str,
        arguments: &FieldTable,
    ) -> Outcome {
        let Some((source, _)) = self.exchanges.get_key_value(source) else {
            return Ok(());
        };
        let source = source.clone();
        let binding = Arc::new(Binding::new(source, destination, routing_key, arguments));
        if let Some(exchange) = self.exchanges.get_mut(&binding.source)
            && exchange.bind(&binding, arguments)?
        {
            let bound_to = match &binding.destination {
                Destination::Queue(queue) => self.queues.get_mut(*queue).map(|queue| &mut queue.bound_to),
                Destination::Exchange(name) => self
                    .exchanges
                    .get_mut(name)
                    .map(|exchange| &mut exchange.bound_to),
            };
            bound_to.map(|bound_to| bound_to.insert(binding));
        }
        self.routing_epoch += 1;
        Ok(())
    }

    pub fn unbind(&mut self, binding: &Binding) {
        if self
            .exchanges
            .get_mut(&binding.source)
            .is_some_and(|exchange| exchange.unbind(binding))
        {
            self.forget_binding(binding);
            self.remove_unbound(&binding.source);
        }
    }

    /// Takes a binding off its destination.
    fn forget_binding(&mut self, binding: &Binding) {
        match &binding.destination {
            Destination::Queue(queue) => {
                if let Some(queue) = self.queues.get_mut(*queue) {
                    queue.bound_to.remove(binding);
                }
            }
            Destination::Exchange(name) => {
                if let Some(exchange) = self.exchanges.get_mut(name) {
                    exchange.bound_to.remove(binding);
                }
            }
        }
    }

    /// Removes an auto-delete exchange that has lost its last binding.
    pub fn remove_unbound(&mut self, name: &str) {
        self.routing_epoch += 1;
        if self.is_done(name) {
            self.remove_exchange(name);
        }
    }

    /// An auto-delete exchange without bindings.
    fn is_done(&self, name: &str) -> bool {
        self.exchanges
            .get(name)
            .is_some_and(|exchange| exchange.auto_delete && !exchange.has_bindings())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::arguments::QueueArguments;
    use crate::broker::exchange::{Exchange, Kind};
    use crate::broker::memory::Memory;
    use crate::broker::queue::Queue;
    use crate::broker::vhost::Vhost;
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
                    "q".into(),
                    QueueArguments::default(),
                    FieldTable::default(),
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
