//! Headers exchanges: `x-match` and what a binding asks of a message's headers.

use std::collections::HashMap;
use std::sync::Arc;

use amq_protocol::types::{AMQPValue, FieldTable};

use super::{Binding, Destination};
use crate::broker::queue::arguments::integer;

/// The bindings of a headers exchange with their criteria.
#[derive(Debug, Default)]
pub struct Criteria {
    list: Vec<(Arc<Binding>, Match)>,
    positions: HashMap<Arc<Binding>, usize>,
}

impl Criteria {
    pub fn add(&mut self, binding: &Arc<Binding>, criteria: Match) {
        self.positions.insert(binding.clone(), self.list.len());
        self.list.push((binding.clone(), criteria));
    }

    pub fn remove(&mut self, binding: &Binding) {
        let Some(at) = self.positions.remove(binding) else {
            return;
        };
        self.list.swap_remove(at);
        if let Some((moved, _)) = self.list.get(at) {
            self.positions.insert(moved.clone(), at);
        }
    }

    /// Calls `found` for every binding whose criteria the headers meet.
    pub fn find(&self, headers: &FieldTable, found: &mut impl FnMut(&Destination)) {
        for (binding, criteria) in &self.list {
            if criteria.matches(headers) {
                found(&binding.destination);
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    all: bool,
    /// Keys that begin with `x-` count too.
    with_x: bool,
    wanted: Vec<(String, AMQPValue)>,
}

impl Match {
    /// Reads a binding's arguments; the `x-match` value comes back when it is none.
    pub fn from_arguments(arguments: &FieldTable) -> Result<Match, AMQPValue> {
        let (all, with_x) = match arguments.inner().get("x-match") {
            None => (true, false),
            Some(AMQPValue::LongString(text)) => match text.as_bytes() {
                b"all" => (true, false),
                b"any" => (false, false),
                b"all-with-x" => (true, true),
                b"any-with-x" => (false, true),
                _ => return Err(AMQPValue::LongString(text.clone())),
            },
            Some(other) => return Err(other.clone()),
        };
        let wanted = arguments
            .into_iter()
            .map(|(key, value)| (key.as_str().to_owned(), value.clone()))
            .filter(|(key, _)| key != "x-match" && (with_x || !key.starts_with("x-")))
            .collect();
        Ok(Match { all, with_x, wanted })
    }

    pub fn matches(&self, headers: &FieldTable) -> bool {
        let mut matched = self.wanted.iter().map(|(key, wanted)| {
            headers.inner().get(key.as_str()).is_some_and(|value| {
                // RabbitMQ: a wanted value of no type (void) asks only that the header be there.
                *wanted == AMQPValue::Void || equal(wanted, value)
            })
        });
        if self.all {
            matched.all(|hit| hit)
        } else {
            matched.any(|hit| hit)
        }
    }
}

/// Compares values as Erlang's terms, without the types that they travelled in: any number (a timestamp is one), text and
/// bytes. Arrays and tables carry the types of what is in them.
fn equal(left: &AMQPValue, right: &AMQPValue) -> bool {
    match (number(left), number(right)) {
        (Some(left), Some(right)) => return left == right,
        (None, None) => {}
        _ => return false,
    }
    match (bytes(left), bytes(right)) {
        (Some(left), Some(right)) => return left == right,
        (None, None) => {}
        _ => return false,
    }
    left == right
}

#[derive(Debug, Clone, Copy)]
enum Number {
    Integer(i128),
    Float(f64),
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        match (*self, *other) {
            (Number::Integer(left), Number::Integer(right)) => left == right,
            (Number::Float(left), Number::Float(right)) => left == right,
            // Exact: no integer of 64 bits is lost in 128, and a float beyond them saturates.
            (Number::Integer(integer), Number::Float(float))
            | (Number::Float(float), Number::Integer(integer)) => {
                float.fract() == 0.0 && float as i128 == integer
            }
        }
    }
}

fn number(value: &AMQPValue) -> Option<Number> {
    match value {
        AMQPValue::Timestamp(seconds) => Some(Number::Integer(i128::from(*seconds))),
        AMQPValue::Float(number) => Some(Number::Float(f64::from(*number))),
        AMQPValue::Double(number) => Some(Number::Float(*number)),
        other => integer(other).map(|number| Number::Integer(i128::from(number))),
    }
}

fn bytes(value: &AMQPValue) -> Option<&[u8]> {
    match value {
        AMQPValue::LongString(text) => Some(text.as_bytes()),
        AMQPValue::ByteArray(bytes) => Some(bytes.as_slice()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, AMQPValue)]) -> FieldTable {
        let mut table = FieldTable::default();
        for (key, value) in entries {
            table.insert((*key).into(), value.clone());
        }
        table
    }

    fn text(text: &str) -> AMQPValue {
        AMQPValue::LongString(text.into())
    }

    fn matches(arguments: &[(&str, AMQPValue)], headers: &[(&str, AMQPValue)]) -> bool {
        Match::from_arguments(&table(arguments))
            .unwrap()
            .matches(&table(headers))
    }

    #[test]
    fn all_wants_every_header_and_any_wants_one() {
        let one = [("a", AMQPValue::LongInt(1))];
        let both = [("a", AMQPValue::ShortShortInt(1)), ("b", text("x"))];
        for (kind, with_one) in [("all", false), ("any", true)] {
            let binding = [("x-match", text(kind)), both[0].clone(), both[1].clone()];
            assert_eq!(matches(&binding, &one), with_one);
            assert!(matches(&binding, &both));
            assert!(!matches(&binding, &[]));
        }
    }

    #[test]
    fn keys_with_x_count_only_where_asked() {
        let headers = [("a", AMQPValue::Boolean(true))];
        let wanted = [("a", AMQPValue::Boolean(true)), ("x-b", text("y"))];
        let all = [wanted[0].clone(), wanted[1].clone()];
        assert!(matches(&all, &headers));
        let all_with_x = [
            ("x-match", text("all-with-x")),
            wanted[0].clone(),
            wanted[1].clone(),
        ];
        assert!(!matches(&all_with_x, &headers));
        let any_with_x = [("x-match", text("any-with-x")), wanted[1].clone()];
        assert!(matches(&any_with_x, &[("x-b", text("y"))]));
    }

    #[test]
    fn void_asks_only_for_presence_and_an_empty_any_matches_nothing() {
        assert!(matches(&[("a", AMQPValue::Void)], &[("a", text("whatever"))]));
        assert!(matches(&[], &[]));
        assert!(!matches(&[("x-match", text("any"))], &[("a", text("b"))]));
        assert!(Match::from_arguments(&table(&[("x-match", text("some"))])).is_err());
    }
}
