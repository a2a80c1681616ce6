//! From an exchange to the queues: bindings, exchanges bound to exchanges, alternate exchanges.

use std::collections::HashSet;

use amq_protocol::types::FieldTable;

use super::exception::Outcome;
use super::exchange::Destination;
use super::message::Name;
use super::slots::SlotId;
use super::vhost::State;

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

impl State {
    /// Finds the queues that a message goes to, each once. Says whether the exchange and the key alone decided.
    pub fn route(
        &self,
        exchange: &Name,
        routing_keys: &[&[u8]],
        headers: &dyn Fn() -> FieldTable,
        found: &mut Vec<SlotId>,
    ) -> bool {
        let mut by_key = routing_keys.len() == 1;
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
        found.sort_unstable();
        found.dedup();
        by_key
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
        let Some((name, exchange)) = self.exchanges.remove_entry(name) else {
            return;
        };
        self.routing_epoch += 1;
        for (destination, routing_key) in exchange.bound() {
            match destination {
                Destination::Queue(queue) => {
                    if let Some(queue) = self.queues.get_mut(*queue) {
                        queue
                            .bound_to
                            .retain(|(bound, key)| *bound != name || **key != *routing_key);
                    }
                }
                Destination::Exchange(destination) => {
                    if let Some(destination) = self.exchanges.get_mut(destination) {
                        destination.bound_to.remove(&(name.clone(), routing_key.into()));
                    }
                }
            }
        }
        let destination = Destination::Exchange(name);
        for (source, routing_key) in exchange.bound_to {
            if let Some(exchange) = self.exchanges.get_mut(&source) {
                exchange.unbind_all(&destination, &routing_key);
            }
            if self.is_done(&source) {
                going.push(source);
            }
        }
    }

    /// Binds an exchange to another, both of which exist.
    pub fn bind_exchange(
        &mut self,
        destination: &str,
        source: &str,
        routing_key: &str,
        arguments: FieldTable,
    ) -> Outcome {
        let both = (
            self.exchanges.get_key_value(destination),
            self.exchanges.get_key_value(source),
        );
        let (Some((destination, _)), Some((source, _))) = both else {
            return Ok(());
        };
        let (destination, source) = (destination.clone(), source.clone());
        if let Some(exchange) = self.exchanges.get_mut(&source)
            && exchange.bind(
                &Destination::Exchange(destination.clone()),
                routing_key,
                arguments,
            )?
            && let Some(exchange) = self.exchanges.get_mut(&destination)
        {
            exchange.bound_to.insert((source, routing_key.into()));
        }
        self.routing_epoch += 1;
        Ok(())
    }

    pub fn unbind_exchange(
        &mut self,
        destination: &str,
        source: &str,
        routing_key: &str,
        arguments: &FieldTable,
    ) {
        let bound = Destination::Exchange(destination.into());
        if let Some(exchange) = self.exchanges.get_mut(source)
            && exchange.unbind(&bound, routing_key, arguments)
        {
            if let Some(exchange) = self.exchanges.get_mut(destination) {
                exchange.bound_to.remove(&(source.into(), routing_key.into()));
            }
            self.remove_unbound(source);
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
                    let mut exchange = Exchange::new(Kind::Fanout, false);
                    exchange.auto_delete = true;
                    state.exchanges.insert(name(number), exchange);
                }
                for number in 0..LENGTH {
                    let (next, this) = (name(number + 1), name(number));
                    let bound = state.bind_exchange(&next, &this, "", FieldTable::default());
                    assert_eq!(bound, Ok(()));
                }
                state.exchanges.get_mut(&name(LENGTH)).unwrap().alternate = Some("amq.fanout".into());
                let table = FieldTable::default();
                let queue = Queue::new("q".into(), QueueArguments::default(), FieldTable::default());
                let queue = state.queues.insert(queue);
                let bound = state.exchanges.get_mut("amq.fanout").unwrap();
                assert_eq!(bound.bind(&Destination::Queue(queue), "", table), Ok(true));
                let mut found = Vec::new();
                assert!(state.route(&name(0), &[b""], &FieldTable::default, &mut found));
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
