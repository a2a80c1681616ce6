//! Exchanges and what is bound to them.

mod headers;
mod topic;

use std::collections::{HashMap, HashSet};

use amq_protocol::types::{AMQPValue, FieldTable};

use super::arguments::type_name;
use super::exception::{Outcome, erlang_binary, precondition_failed};
use super::message::Name;
use super::slots::SlotId;
use headers::Match;
use topic::Trie;

/// What a binding leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Destination {
    Queue(SlotId),
    Exchange(Name),
}

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

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct BindingKey {
    destination: Destination,
    routing_key: Box<str>,
}

/// How to find the destinations of a message; kept beside `bindings`, each destination once.
#[derive(Debug)]
enum Index {
    Direct(HashMap<Box<str>, Vec<Destination>>),
    Fanout(Vec<(Destination, usize)>),
    Topic(Trie),
    Headers(Vec<(BindingKey, FieldTable, Match)>),
}

#[derive(Debug)]
pub struct Exchange {
    pub kind: Kind,
    pub durable: bool,
    pub auto_delete: bool,
    pub internal: bool,
    pub arguments: FieldTable,
    pub alternate: Option<Name>,
    /// The truth: the tables of all bindings with the same destination and key.
    bindings: HashMap<BindingKey, Vec<FieldTable>>,
    /// Exchanges and keys that lead here, so that deleting this one need not search.
    pub bound_to: HashSet<(Name, Box<str>)>,
    index: Index,
}

impl Exchange {
    pub fn new(kind: Kind, durable: bool) -> Exchange {
        Exchange {
            kind,
            durable,
            auto_delete: false,
            internal: false,
            arguments: FieldTable::default(),
            alternate: None,
            bindings: HashMap::new(),
            bound_to: HashSet::new(),
            index: match kind {
                Kind::Direct => Index::Direct(HashMap::new()),
                Kind::Fanout => Index::Fanout(Vec::new()),
                Kind::Topic => Index::Topic(Trie::default()),
                Kind::Headers => Index::Headers(Vec::new()),
            },
        }
    }

    pub fn has_bindings(&self) -> bool {
        !self.bindings.is_empty()
    }

    /// Whether the routing key alone decides where a message goes.
    pub fn routes_by_key(&self) -> bool {
        self.kind != Kind::Headers
    }

    /// Adds a binding; one that exists already changes nothing. Says whether it is new for its destination and key.
    pub fn bind(
        &mut self,
        destination: &Destination,
        routing_key: &str,
        arguments: FieldTable,
    ) -> Outcome<bool> {
        let criteria = match self.kind {
            Kind::Headers => Some(Match::from_arguments(&arguments).map_err(refusal)?),
            _ => None,
        };
        let key = BindingKey {
            destination: destination.clone(),
            routing_key: routing_key.into(),
        };
        let tables = self.bindings.entry(key.clone()).or_default();
        if tables.contains(&arguments) {
            return Ok(false);
        }
        let new = tables.is_empty();
        tables.push(arguments.clone());
        match &mut self.index {
            Index::Direct(keys) if new => keys.entry(key.routing_key).or_default().push(key.destination),
            Index::Fanout(all) if new => match all.iter_mut().find(|(bound, _)| *bound == key.destination) {
                Some((_, count)) => *count += 1,
                None => all.push((key.destination, 1)),
            },
            Index::Topic(trie) if new => trie.insert(&key.routing_key, key.destination),
            Index::Headers(all) => {
                if let Some(criteria) = criteria {
                    all.push((key, arguments, criteria));
                }
            }
            _ => {}
        }
        Ok(new)
    }

    pub fn is_bound(&self, destination: &Destination, routing_key: &str, arguments: &FieldTable) -> bool {
        let key = BindingKey {
            destination: destination.clone(),
            routing_key: routing_key.into(),
        };
        self.bindings
            .get(&key)
            .is_some_and(|tables| tables.contains(arguments))
    }

    /// Removes one binding. Says whether it was the last for its destination and key.
    pub fn unbind(&mut self, destination: &Destination, routing_key: &str, arguments: &FieldTable) -> bool {
        let key = BindingKey {
            destination: destination.clone(),
            routing_key: routing_key.into(),
        };
        let Some(tables) = self.bindings.get_mut(&key) else {
            return false;
        };
        let Some(at) = tables.iter().position(|table| table == arguments) else {
            return false;
        };
        tables.swap_remove(at);
        if let Index::Headers(all) = &mut self.index {
            all.retain(|(bound, table, _)| *bound != key || table != arguments);
        }
        if tables.is_empty() {
            self.forget(&key);
            return true;
        }
        false
    }

    /// Removes all bindings with this destination and key.
    pub fn unbind_all(&mut self, destination: &Destination, routing_key: &str) {
        let key = BindingKey {
            destination: destination.clone(),
            routing_key: routing_key.into(),
        };
        if self.bindings.contains_key(&key) {
            self.forget(&key);
        }
    }

    fn forget(&mut self, key: &BindingKey) {
        self.bindings.remove(key);
        match &mut self.index {
            Index::Direct(keys) => {
                if let Some(bound) = keys.get_mut(&key.routing_key) {
                    bound.retain(|destination| *destination != key.destination);
                    if bound.is_empty() {
                        keys.remove(&key.routing_key);
                    }
                }
            }
            Index::Fanout(all) => {
                if let Some(at) = all.iter().position(|(bound, _)| *bound == key.destination) {
                    all[at].1 -= 1;
                    if all[at].1 == 0 {
                        all.swap_remove(at);
                    }
                }
            }
            Index::Topic(trie) => trie.remove(&key.routing_key, &key.destination),
            Index::Headers(all) => all.retain(|(bound, ..)| bound != key),
        }
    }

    /// What this exchange leads to.
    pub fn bound(&self) -> impl Iterator<Item = (&Destination, &str)> {
        self.bindings
            .keys()
            .map(|key| (&key.destination, &*key.routing_key))
    }

    /// Calls `found` with the destinations of a message; one may come up more than once.
    pub fn route(&self, routing_key: &str, headers: &FieldTable, mut found: impl FnMut(&Destination)) {
        match &self.index {
            Index::Direct(keys) => keys.get(routing_key).into_iter().flatten().for_each(found),
            Index::Fanout(all) => all.iter().for_each(|(destination, _)| found(destination)),
            Index::Topic(trie) => trie.find(routing_key, &mut found),
            Index::Headers(all) => {
                for (key, _, criteria) in all {
                    if criteria.matches(headers) {
                        found(&key.destination);
                    }
                }
            }
        }
    }
}

fn refusal(value: AMQPValue) -> super::exception::Exception {
    match &value {
        AMQPValue::LongString(text) => precondition_failed(&format!(
            "Invalid x-match field value {}; expected all, any, all-with-x, or any-with-x",
            erlang_binary(text.as_bytes())
        )),
        other => precondition_failed(&format!(
            "Invalid x-match field type {} (value {}); expected longstr",
            type_name(other),
            super::arguments::erlang_term(other)
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
    fn a_binding_counts_once_and_goes_with_its_last_table() {
        let mut other = FieldTable::default();
        other.insert("a".into(), AMQPValue::Boolean(true));
        for kind in [Kind::Direct, Kind::Fanout, Kind::Topic] {
            let mut exchange = Exchange::new(kind, true);
            let queue = Destination::Exchange("q".into());
            assert_eq!(exchange.bind(&queue, "k", FieldTable::default()), Ok(true));
            assert_eq!(exchange.bind(&queue, "k", FieldTable::default()), Ok(false));
            assert_eq!(exchange.bind(&queue, "k", other.clone()), Ok(false));
            assert_eq!(found(&exchange, "k"), 1);
            assert!(!exchange.unbind(&queue, "k", &FieldTable::default()));
            assert_eq!(found(&exchange, "k"), 1);
            assert!(exchange.unbind(&queue, "k", &other));
            assert_eq!(found(&exchange, "k"), 0);
            assert!(!exchange.has_bindings());
        }
    }
}
