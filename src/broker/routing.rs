//! From an exchange to the queues: bindings, exchanges bound to exchanges, alternate exchanges.

use amq_protocol::types::FieldTable;

use super::exchange::Destination;
use super::message::Name;
use super::slots::SlotId;
use super::vhost::State;

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
        let mut visited = vec![exchange];
        let mut next = 0;
        while let Some(&name) = visited.get(next) {
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
                            if let Some((name, _)) = self.exchanges.get_key_value(name)
                                && !visited.contains(&name)
                            {
                                visited.push(name);
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
                && !visited.contains(&alternate)
            {
                visited.push(alternate);
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
            if let Destination::Queue(queue) = destination
                && let Some(queue) = self.queues.get_mut(*queue)
            {
                queue
                    .bound_to
                    .retain(|(bound, key)| *bound != name || **key != *routing_key);
            }
        }
        // Rare enough to look at every exchange; queues, which come and go, know what they are bound to.
        let destination = Destination::Exchange(name);
        let sources = self
            .exchanges
            .iter()
            .filter(|(_, source)| source.bound().any(|(bound, _)| *bound == destination))
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>();
        for source in sources {
            if let Some(exchange) = self.exchanges.get_mut(&source) {
                let keys = exchange
                    .bound()
                    .filter(|(bound, _)| **bound == destination)
                    .map(|(_, key)| key.to_owned())
                    .collect::<Vec<_>>();
                for key in keys {
                    exchange.unbind_all(&destination, &key);
                }
            }
            if self.is_done(&source) {
                going.push(source);
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
    use crate::broker::exchange::{Exchange, Kind};
    use crate::broker::memory::Memory;
    use crate::broker::vhost::Vhost;
    use std::sync::Arc;

    #[test]
    fn a_long_chain_of_exchanges_goes_with_its_last() {
        let chain = || {
            let vhost = Vhost::new("/".into(), Arc::new(Memory::new(1)));
            vhost.with(|state| {
                let before = state.exchanges.len();
                let name = |number: usize| Name::from(format!("e{number}"));
                for number in 0..2000 {
                    let mut exchange = Exchange::new(Kind::Fanout, false);
                    exchange.auto_delete = true;
                    let next = Destination::Exchange(name(number + 1));
                    assert_eq!(exchange.bind(&next, "", FieldTable::default()), Ok(true));
                    state.exchanges.insert(name(number), exchange);
                }
                state
                    .exchanges
                    .insert(name(2000), Exchange::new(Kind::Fanout, false));
                state.remove_exchange("e2000");
                assert_eq!(state.exchanges.len(), before);
            });
        };
        // Deep recursion would not fit.
        let thread = std::thread::Builder::new().stack_size(128 * 1024).spawn(chain);
        thread.unwrap().join().unwrap();
    }
}
