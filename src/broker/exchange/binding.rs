//! A binding, and sets of what bindings lead to.

use std::collections::HashMap;

use amq_protocol::frame::WriteContext;
use amq_protocol::types::FieldTable;
use amq_protocol::types::generation::gen_field_table;

use crate::broker::publish::message::Name;
use crate::broker::vhost::memory::block;
use crate::broker::vhost::slots::SlotId;

/// The queue or exchange that a binding leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Destination {
    Queue(SlotId),
    Exchange(Name),
}

/// One binding; it is kept once and known to both of its ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Binding {
    pub source: Name,
    pub destination: Destination,
    pub routing_key: Box<str>,
    /// As on the wire: field tables with floats in them have no hash.
    arguments: Box<[u8]>,
}

impl Binding {
    pub fn new(source: Name, destination: Destination, routing_key: &str, arguments: &FieldTable) -> Binding {
        let arguments = if arguments.inner().is_empty() {
            Box::default()
        } else {
            let written = gen_field_table(arguments)(WriteContext::from(Vec::new()));
            // A Vec takes every byte.
            written
                .map(|written| written.into_inner().0)
                .unwrap_or_default()
                .into()
        };
        Binding {
            source,
            destination,
            routing_key: routing_key.into(),
            arguments,
        }
    }

    /// An estimate of the memory of the binding, of its places in both ends' sets and of the source's index.
    pub fn memory(&self) -> usize {
        const PLACES: usize = 200;
        block(size_of::<Binding>() + 16) + PLACES + 2 * self.routing_key.len() + 3 * self.arguments.len()
    }
}

/// Up to so many are searched faster than hashed.
const FEW: usize = 16;

/// Destinations, each with the number of bindings that lead to it.
#[derive(Debug, Default)]
pub struct Destinations {
    list: Vec<(Destination, u32)>,
    /// Positions in `list`, once there are more than `FEW`.
    positions: Option<HashMap<Destination, usize>>,
}

impl Destinations {
    fn position(&self, destination: &Destination) -> Option<usize> {
        match &self.positions {
            Some(positions) => positions.get(destination).copied(),
            None => self.list.iter().position(|(known, _)| known == destination),
        }
    }

    pub fn add(&mut self, destination: &Destination) {
        if let Some(at) = self.position(destination) {
            self.list[at].1 += 1;
            return;
        }
        self.list.push((destination.clone(), 1));
        if let Some(positions) = &mut self.positions {
            positions.insert(destination.clone(), self.list.len() - 1);
        } else if self.list.len() > FEW {
            let positions = self.list.iter().enumerate();
            let positions = positions.map(|(at, (destination, _))| (destination.clone(), at));
            self.positions = Some(positions.collect());
        }
    }

    pub fn remove(&mut self, destination: &Destination) {
        let Some(at) = self.position(destination) else {
            return;
        };
        self.list[at].1 -= 1;
        if self.list[at].1 > 0 {
            return;
        }
        self.list.swap_remove(at);
        if self.list.len() <= FEW {
            self.positions = None;
        }
        if let Some(positions) = &mut self.positions {
            positions.remove(destination);
            if let Some((moved, _)) = self.list.get(at) {
                positions.insert(moved.clone(), at);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Destination> {
        self.list.iter().map(|(destination, _)| destination)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_there_for_as_long_as_a_binding_leads_to_it() {
        let queue = |number| Destination::Queue(SlotId::from_parts(number, 0));
        let mut destinations = Destinations::default();
        for number in 0..40 {
            destinations.add(&queue(number));
            destinations.add(&queue(number / 2));
        }
        for number in (0..40).rev() {
            destinations.remove(&queue(number));
        }
        let mut left = destinations.iter().cloned().collect::<Vec<_>>();
        left.sort_by_key(|destination| format!("{destination:?}"));
        let mut expected = (0..20).map(queue).collect::<Vec<_>>();
        expected.sort_by_key(|destination| format!("{destination:?}"));
        assert_eq!(left, expected);
        for number in 0..20 {
            destinations.remove(&queue(number));
            destinations.remove(&queue(number));
        }
        assert!(destinations.is_empty() && destinations.positions.is_none());
    }
}
