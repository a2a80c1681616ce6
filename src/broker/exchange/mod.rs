//! Exchanges and what is bound to them.

mod binding;
mod headers;
mod topic;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use amq_protocol::types::{AMQPValue, FieldTable};

use crate::broker::protocol::exception::{Outcome, erlang_binary, precondition_failed};
use crate::broker::publish::message::Name;
use crate::broker::queue::arguments::type_name;
use crate::broker::vhost::memory::{Memory, Share};
pub use binding::{Binding, Destination, Destinations};
use headers::{Criteria, Match};
use topic::Trie;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Direct,
    Fanout,
    Topic,
    Headers,
}

impl Kind {
    pub fn from_name(name: &str) -> Option<Kind> {
        match name {
            "direct" => Some(Kind::Direct),
            "fanout" => Some(Kind::Fanout),
            "topic" => Some(Kind::Topic),
            "headers" => Some(Kind::Headers),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Kind::Direct => "direct",
            Kind::Fanout => "fanout",
            Kind::Topic => "topic",
            Kind::Headers => "headers",
        }
    }
}

/// How to find the destinations of a message, derived from `bindings`.
#[derive(Debug)]
enum Index {
    Direct(HashMap<Box<str>, Destinations>),
    Fanout(Destinations),
    Topic(Trie),
    Headers(Criteria),
}

#[derive(Debug)]
pub struct Exchange {
    pub kind: Kind,
    pub durable: bool,
    pub auto_delete: bool,
    pub internal: bool,
    pub arguments: FieldTable,
    pub alternate: Option<Name>,
    /// Bindings that lead away from here.
    bindings: HashSet<Arc<Binding>>,
    /// Bindings that lead here, so that deleting this exchange need not search.
    pub bound_to: HashSet<Arc<Binding>>,
    index: Index,
    /// Of the exchange and its bindings.
    share: Share,
}

/// An exchange that a client has declared, without bindings.
const OVERHEAD_BYTES: usize = 2 * size_of::<Exchange>();

impl Exchange {
    pub fn new(kind: Kind, durable: bool, memory: &Arc<Memory>) -> Exchange {
        Exchange {
            kind,
            durable,
            auto_delete: false,
            internal: false,
            arguments: FieldTable::default(),
            alternate: None,
            bindings: HashSet::new(),
            bound_to: HashSet::new(),
            index: match kind {
                Kind::Direct => Index::Direct(HashMap::new()),
                Kind::Fanout => Index::Fanout(Destinations::default()),
                Kind::Topic => Index::Topic(Trie::default()),
                Kind::Headers => Index::Headers(Criteria::default()),
            },
            share: Share::new(memory, 0),
        }
    }

    /// Counts the exchange itself as memory; a vhost's own exchanges are none of the clients' doing.
    pub fn account(&mut self) {
        self.share.set(self.share.bytes() + OVERHEAD_BYTES);
    }

    pub fn has_bindings(&self) -> bool {
        !self.bindings.is_empty()
    }

    pub fn bindings_len(&self) -> usize {
        self.bindings.len()
    }

    /// Whether the routing key alone decides where a message goes.
    pub fn routes_by_key(&self) -> bool {
        self.kind != Kind::Headers
    }

    /// Adds a binding; false for one that exists already.
    ///
    /// # Errors
    /// Arguments that a headers exchange has no use for.
    pub fn bind(&mut self, binding: &Arc<Binding>, arguments: &FieldTable) -> Outcome<bool> {
        let criteria = match self.kind {
            Kind::Headers => Some(Match::from_arguments(arguments).map_err(refusal)?),
            _ => None,
        };
        if !self.bindings.insert(binding.clone()) {
            return Ok(false);
        }
        self.share.set(self.share.bytes() + binding.memory());
        match (&mut self.index, criteria) {
            (Index::Direct(keys), _) => {
                let key = binding.routing_key.clone();
                keys.entry(key).or_default().add(&binding.destination);
            }
            (Index::Fanout(all), _) => all.add(&binding.destination),
            (Index::Topic(trie), _) => trie.insert(&binding.routing_key, &binding.destination),
            (Index::Headers(all), Some(criteria)) => all.add(binding, criteria),
            (Index::Headers(_), None) => {}
        }
        Ok(true)
    }

    pub fn is_bound(&self, binding: &Binding) -> bool {
        self.bindings.contains(binding)
    }

    /// Removes a binding; false for one that does not exist.
    pub fn unbind(&mut self, binding: &Binding) -> bool {
        if !self.bindings.remove(binding) {
            return false;
        }
        self.share
            .set(self.share.bytes().saturating_sub(binding.memory()));
        match &mut self.index {
            Index::Direct(keys) => {
                if let Some(bound) = keys.get_mut(&binding.routing_key) {
                    bound.remove(&binding.destination);
                    if bound.is_empty() {
                        keys.remove(&binding.routing_key);
                    }
                }
            }
            Index::Fanout(all) => all.remove(&binding.destination),
            Index::Topic(trie) => trie.remove(&binding.routing_key, &binding.destination),
            Index::Headers(all) => all.remove(binding),
        }
        true
    }

    /// The bindings that lead away from here.
    pub fn bindings(&self) -> impl Iterator<Item = &Arc<Binding>> {
        self.bindings.iter()
    }

    /// Calls `found` with the destinations of a message; one may come up more than once.
    pub fn route(&self, routing_key: &str, headers: &FieldTable, mut found: impl FnMut(&Destination)) {
        match &self.index {
            Index::Direct(keys) => {
                if let Some(bound) = keys.get(routing_key) {
                    bound.iter().for_each(found);
                }
            }
            Index::Fanout(all) => all.iter().for_each(found),
            Index::Topic(trie) => trie.find(routing_key, &mut found),
            Index::Headers(all) => all.find(headers, &mut found),
        }
    }
}

fn refusal(value: AMQPValue) -> crate::broker::protocol::exception::Exception {
    match &value {
        AMQPValue::LongString(text) => precondition_failed(&format!(
            "Invalid x-match field value {}; expected all, any, all-with-x, or any-with-x",
            erlang_binary(text.as_bytes())
        )),
        other => precondition_failed(&format!(
            "Invalid x-match field type {} (value {}); expected longstr",
            type_name(other),
            crate::broker::queue::arguments::erlang_term(other)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(exchange: &Exchange, key: &str) -> usize {
        let mut count = 0;
        exchange.route(key, &FieldTable::default(), |_| count += 1);
        count
    }

    #[test]
    fn a_destination_is_found_once_until_its_last_binding_goes() {
        let mut other = FieldTable::default();
        other.insert("a".into(), AMQPValue::Boolean(true));
        for kind in [Kind::Direct, Kind::Fanout, Kind::Topic] {
            let mut exchange = Exchange::new(kind, true, &Arc::new(Memory::new(usize::MAX)));
            let binding = |arguments: &FieldTable| {
                let destination = Destination::Exchange("q".into());
                Arc::new(Binding::new("e".into(), destination, "k", arguments))
            };
            let none = FieldTable::default();
            assert_eq!(exchange.bind(&binding(&none), &none), Ok(true));
            assert_eq!(exchange.bind(&binding(&none), &none), Ok(false));
            assert_eq!(exchange.bind(&binding(&other), &other), Ok(true));
            assert_eq!(found(&exchange, "k"), 1);
            assert!(exchange.unbind(&binding(&none)) && !exchange.unbind(&binding(&none)));
            assert_eq!(found(&exchange, "k"), 1);
            assert!(exchange.unbind(&binding(&other)));
            assert_eq!(found(&exchange, "k"), 0);
            assert!(!exchange.has_bindings());
        }
    }
}
