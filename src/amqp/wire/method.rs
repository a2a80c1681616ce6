//! Methods through amq-protocol's codec: everything that is not sent per message.

use amq_protocol::frame::WriteContext;
pub use amq_protocol::protocol::AMQPClass;
use amq_protocol::protocol::{gen_class, parse_class};

use super::content::Arguments;
use super::{frame, table};

/// Appends a method frame.
pub fn encode(out: &mut Vec<u8>, channel: u16, method: &AMQPClass) {
    frame::put(out, frame::METHOD, channel, |out| {
        // Writing to a Vec cannot fail; the generator's error type does not know that.
        if let Ok(written) = gen_class(method)(WriteContext::from(std::mem::take(out))) {
            *out = written.into_inner().0;
        }
    });
}

/// A method frame's payload did not parse: a connection error, 502 (syntax-error).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    pub class_id: u16,
    pub method_id: u16,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "malformed method {}.{}", self.class_id, self.method_id)
    }
}

impl std::error::Error for Malformed {}

/// Whether there is such a method: its arguments may be missing, and are then the first that the codec misses.
pub fn is_known(class_id: u16, method_id: u16) -> bool {
    const KNOWN: [(u16, &[u16]); 8] = [
        (10, &[10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 60, 61, 70, 71]),
        (20, &[10, 11, 20, 21, 40, 41]),
        (30, &[10, 11]),
        (40, &[10, 11, 20, 21, 30, 31, 40, 51]),
        (50, &[10, 11, 20, 21, 30, 31, 40, 41, 50, 51]),
        (
            60,
            &[
                10, 11, 20, 21, 30, 31, 40, 50, 60, 70, 71, 72, 80, 90, 100, 110, 111, 120,
            ],
        ),
        (85, &[10, 11]),
        (90, &[10, 11, 20, 21, 30, 31]),
    ];
    KNOWN
        .iter()
        .any(|(class, methods)| *class == class_id && methods.contains(&method_id))
}

/// Class and method id of a method frame's payload.
pub fn ids(payload: &[u8]) -> Option<(u16, u16)> {
    let ids = payload.first_chunk::<4>()?;
    Some((
        u16::from_be_bytes([ids[0], ids[1]]),
        u16::from_be_bytes([ids[2], ids[3]]),
    ))
}

/// What stands before the table in a method's arguments: how many octets, then how many short strings, then how many
/// octets again. `None` for methods without a table.
fn before_table(ids: (u16, u16)) -> Option<(usize, usize, usize)> {
    match ids {
        (10, 10) => Some((2, 0, 0)),                 // connection.start
        (10, 11) => Some((0, 0, 0)),                 // connection.start-ok
        (40, 10) => Some((2, 2, 1)),                 // exchange.declare
        (40, 30 | 40) | (50, 20) => Some((2, 3, 1)), // exchange.bind and unbind, queue.bind
        (50, 10) => Some((2, 1, 1)),                 // queue.declare
        (50, 50) => Some((2, 3, 0)),                 // queue.unbind
        (60, 20) => Some((2, 2, 1)),                 // basic.consume
        _ => None,
    }
}

/// Whether a method's table, if it has one, is whole and not nested too deep for the codec.
fn is_bounded(payload: &[u8]) -> Option<()> {
    let Some((before, names, after)) = before_table(ids(payload)?) else {
        return Some(());
    };
    let mut arguments = Arguments(payload.get(4 + before..)?);
    for _ in 0..names {
        arguments.short_string()?;
    }
    table::skip(&mut Arguments(arguments.0.get(after..)?))
}

/// Reads a method frame's payload.
pub fn decode(payload: &[u8]) -> Result<AMQPClass, Malformed> {
    if is_bounded(payload).is_some()
        && let Ok((_, method)) = parse_class(payload)
    {
        return Ok(method);
    }
    let (class_id, method_id) = ids(payload).unwrap_or((0, 0));
    Err(Malformed { class_id, method_id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use amq_protocol::protocol::{basic, connection, exchange, queue};
    use amq_protocol::types::{AMQPValue, FieldTable};

    #[test]
    fn a_method_survives_the_wire() {
        let purge = AMQPClass::Queue(queue::AMQPMethod::Purge(queue::Purge {
            queue: "jobs".into(),
            nowait: false,
        }));
        let mut wire = Vec::new();
        encode(&mut wire, 3, &purge);
        let cut = frame::cut(&wire, 0).unwrap().unwrap();
        assert_eq!((cut.kind, cut.channel), (frame::METHOD, 3));
        assert_eq!(ids(cut.payload), Some((50, 30)));
        assert_eq!(decode(cut.payload), Ok(purge));
    }

    /// Every method with a table: what `before_table` says must be where the codec reads it.
    #[test]
    fn a_method_with_a_table_survives_the_wire_unless_it_is_nested_without_end() {
        let value = |depth| {
            (0..depth).fold(AMQPValue::Void, |value, _| {
                AMQPValue::FieldArray(vec![value].into())
            })
        };
        let methods = |depth: usize| {
            let mut table = FieldTable::default();
            table.insert("key".into(), value(depth));
            let name = || "name".into();
            [
                AMQPClass::Connection(connection::AMQPMethod::Start(connection::Start {
                    version_major: 0,
                    version_minor: 9,
                    server_properties: table.clone(),
                    mechanisms: "PLAIN".into(),
                    locales: "en_US".into(),
                })),
                AMQPClass::Connection(connection::AMQPMethod::StartOk(connection::StartOk {
                    client_properties: table.clone(),
                    mechanism: name(),
                    response: "".into(),
                    locale: name(),
                })),
                AMQPClass::Exchange(exchange::AMQPMethod::Declare(exchange::Declare {
                    exchange: name(),
                    kind: name(),
                    passive: false,
                    durable: true,
                    auto_delete: false,
                    internal: false,
                    nowait: false,
                    arguments: table.clone(),
                })),
                AMQPClass::Exchange(exchange::AMQPMethod::Bind(exchange::Bind {
                    destination: name(),
                    source: name(),
                    routing_key: name(),
                    nowait: true,
                    arguments: table.clone(),
                })),
                AMQPClass::Exchange(exchange::AMQPMethod::Unbind(exchange::Unbind {
                    destination: name(),
                    source: name(),
                    routing_key: name(),
                    nowait: false,
                    arguments: table.clone(),
                })),
                AMQPClass::Queue(queue::AMQPMethod::Declare(queue::Declare {
                    queue: name(),
                    passive: false,
                    durable: true,
                    exclusive: false,
                    auto_delete: false,
                    nowait: false,
                    arguments: table.clone(),
                })),
                AMQPClass::Queue(queue::AMQPMethod::Bind(queue::Bind {
                    queue: name(),
                    exchange: name(),
                    routing_key: name(),
                    nowait: true,
                    arguments: table.clone(),
                })),
                AMQPClass::Queue(queue::AMQPMethod::Unbind(queue::Unbind {
                    queue: name(),
                    exchange: name(),
                    routing_key: name(),
                    arguments: table.clone(),
                })),
                AMQPClass::Basic(basic::AMQPMethod::Consume(basic::Consume {
                    queue: name(),
                    consumer_tag: name(),
                    no_local: false,
                    no_ack: true,
                    exclusive: false,
                    nowait: false,
                    arguments: table,
                })),
            ]
        };
        let wire = |method: &AMQPClass| {
            let mut wire = Vec::new();
            encode(&mut wire, 1, method);
            wire[frame::PREFIX_BYTES..wire.len() - 1].to_vec()
        };
        for (shallow, deep) in methods(10).iter().zip(&methods(1000)) {
            assert_eq!(decode(&wire(shallow)).as_ref(), Ok(shallow));
            assert!(decode(&wire(deep)).is_err(), "{:?}", ids(&wire(deep)));
        }
    }

    #[test]
    fn a_truncated_method_names_itself() {
        assert_eq!(
            decode(&[0, 50, 0, 30, 0]),
            Err(Malformed {
                class_id: 50,
                method_id: 30
            })
        );
        assert_eq!(
            decode(&[0]),
            Err(Malformed {
                class_id: 0,
                method_id: 0
            })
        );
    }
}
