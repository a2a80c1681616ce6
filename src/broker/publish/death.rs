//! The x-death header and its companions, written as RabbitMQ writes them: the order of their keys shows in clients.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::amqp::wire::content::put_short_string;
use crate::amqp::wire::table::{self, Entry};

/// One dead lettering of a message.
pub struct Death<'a> {
    pub queue: &'a str,
    pub reason: &'a str,
    pub exchange: &'a str,
    pub routing_keys: &'a [Vec<u8>],
    pub expiration: Option<&'a [u8]>,
}

/// Queues and reasons of a message's deaths, the last first.
pub struct Deaths(Vec<(Vec<u8>, Vec<u8>)>);

impl Deaths {
    /// RabbitMQ: a message that comes back to a queue and was not rejected on the way goes round for ever.
    pub fn is_cycle(&self, queue: &str) -> bool {
        let at = self.0.iter().position(|(known, _)| known == queue.as_bytes());
        at.is_some_and(|at| self.0[..=at].iter().all(|(_, reason)| reason != b"rejected"))
    }
}

impl Death<'_> {
    /// The headers (without their length) with this death in front of the others, sorted by key; `None` when they are
    /// malformed. A death of the same queue and reason is counted and not repeated. `drop_copies` takes CC away.
    pub fn add_to(&self, headers: &[u8], drop_copies: bool) -> Option<(Vec<u8>, Deaths)> {
        let mut headers = table::entries(headers)?;
        let mut old = Vec::new();
        if let Some(array) = find(&headers, b"x-death").and_then(|value| inner(value, b'A')) {
            for value in table::values(array)? {
                if let Some(death) = inner(value, b'F') {
                    old.push((value, table::entries(death)?));
                }
            }
        }
        let named = |death: &[Entry<'_>], key: &[u8]| {
            let value = find(death, key).and_then(|value| inner(value, b'S'));
            value.unwrap_or_default().to_vec()
        };
        let known = old.iter().position(|(_, death)| {
            named(death, b"queue") == self.queue.as_bytes()
                && named(death, b"reason") == self.reason.as_bytes()
        });
        let has_history = !old.is_empty();
        let mut array = Vec::new();
        match known {
            Some(at) => {
                let (_, mut death) = old.remove(at);
                let count = find(&death, b"count").and_then(|value| match value.split_first() {
                    Some((b'l', count)) => Some(i64::from_be_bytes(*count.first_chunk()?)),
                    _ => None,
                });
                let mut count = count.unwrap_or(0).saturating_add(1).to_be_bytes().to_vec();
                count.insert(0, b'l');
                death.retain(|(key, _)| *key != b"count");
                death.push((b"count", &count));
                death.sort_by_key(|(key, _)| *key);
                put_table(&mut array, &death);
            }
            None => self.put(&mut array, has_history),
        }
        let mut deaths = vec![(self.queue.into(), self.reason.into())];
        for (value, death) in &old {
            array.extend_from_slice(value);
            deaths.push((named(death, b"queue"), named(death, b"reason")));
        }
        let array = long(b'A', &array);
        headers.retain(|(key, _)| *key != b"x-death" && !(drop_copies && *key == b"CC"));
        headers.push((b"x-death", &array));
        let first = [
            (&b"x-first-death-reason"[..], long(b'S', self.reason.as_bytes())),
            (b"x-first-death-queue", long(b'S', self.queue.as_bytes())),
            (b"x-first-death-exchange", long(b'S', self.exchange.as_bytes())),
        ];
        if find(&headers, b"x-first-death-reason").is_none() {
            headers.extend(first.iter().map(|(key, value)| (*key, &**value)));
        }
        headers.sort_by_key(|(key, _)| *key);
        let mut written = Vec::new();
        put_entries(&mut written, &headers);
        Some((written, Deaths(deaths)))
    }

    /// A death that is not counted yet. Its keys are in RabbitMQ's order: sorted when the message has died before.
    fn put(&self, out: &mut Vec<u8>, is_sorted: bool) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut time = now.as_secs().to_be_bytes().to_vec();
        time.insert(0, b'T');
        let mut count = 1i64.to_be_bytes().to_vec();
        count.insert(0, b'l');
        let keys = self.routing_keys.iter().flat_map(|key| long(b'S', key));
        let mut death = vec![
            (&b"count"[..], count),
            (b"reason", long(b'S', self.reason.as_bytes())),
            (b"queue", long(b'S', self.queue.as_bytes())),
            (b"time", time),
            (b"exchange", long(b'S', self.exchange.as_bytes())),
            (b"routing-keys", long(b'A', &keys.collect::<Vec<_>>())),
        ];
        if let Some(expiration) = self.expiration {
            death.push((b"original-expiration", long(b'S', expiration)));
        }
        if is_sorted {
            death.sort_by_key(|(key, _)| *key);
        }
        let death = death
            .iter()
            .map(|(key, value)| (*key, &**value))
            .collect::<Vec<_>>();
        put_table(out, &death);
    }
}

fn find<'a>(entries: &[Entry<'a>], key: &[u8]) -> Option<&'a [u8]> {
    let found = entries.iter().find(|(known, _)| *known == key);
    found.map(|(_, value)| *value)
}

/// The bytes of a value of this type behind its length.
fn inner(value: &[u8], kind: u8) -> Option<&[u8]> {
    if *value.first()? == kind {
        value.get(5..)
    } else {
        None
    }
}

/// A value with a length of 4 bytes.
fn long(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let mut value = vec![kind];
    value.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    value.extend_from_slice(bytes);
    value
}

fn put_entries(out: &mut Vec<u8>, entries: &[Entry<'_>]) {
    for (key, value) in entries {
        put_short_string(out, key);
        out.extend_from_slice(value);
    }
}

fn put_table(out: &mut Vec<u8>, entries: &[Entry<'_>]) {
    let mut bytes = Vec::new();
    put_entries(&mut bytes, entries);
    out.extend_from_slice(&long(b'F', &bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(headers: &[u8], death: usize) -> Vec<String> {
        let headers = table::entries(headers).unwrap();
        let array = inner(find(&headers, b"x-death").unwrap(), b'A').unwrap();
        let death = inner(table::values(array).unwrap()[death], b'F').unwrap();
        let death = table::entries(death).unwrap();
        let keys = death
            .iter()
            .map(|(key, _)| String::from_utf8(key.to_vec()).unwrap());
        keys.collect()
    }

    #[test]
    fn a_death_is_written_in_its_own_order_and_sorted_when_it_is_counted() {
        let death = |queue| Death {
            queue,
            reason: "expired",
            exchange: "",
            routing_keys: &[],
            expiration: None,
        };
        let (headers, _) = death("a").add_to(&[], false).unwrap();
        assert_eq!(
            keys(&headers, 0),
            ["count", "reason", "queue", "time", "exchange", "routing-keys"]
        );
        let (headers, _) = death("b").add_to(&headers, false).unwrap();
        assert_eq!(keys(&headers, 1)[..2], ["count", "reason"]);
        let (headers, deaths) = death("a").add_to(&headers, false).unwrap();
        assert_eq!(keys(&headers, 0)[..2], ["count", "exchange"]);
        assert!(deaths.is_cycle("b") && !deaths.is_cycle("c"));
    }
}
