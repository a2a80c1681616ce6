//! From orders to frames, behind what waits to be written.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::ack_run::AckRuns;
use super::order::{self, Order, Reader};
use crate::amqp::wire::content::{self, BASIC_NACK, BASIC_PUBLISH, BASIC_REJECT};
use crate::amqp::wire::frame;
use crate::amqp::wire::outgoing::Outgoing;

#[derive(Default)]
pub struct Outbound {
    /// What a publish may leave out: the route and properties of the channel's last one.
    last: HashMap<u16, Last>,
    pub frame_max: u32,
}

#[derive(Default)]
struct Last {
    route: Vec<u8>,
    properties: Vec<u8>,
}

/// What there was among orders.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Kinds {
    /// Publishes or methods: somebody may wait for what comes of them.
    pub asked: bool,
    /// Acknowledgements: consumers get no more than they acknowledge.
    pub settled: bool,
}

impl Kinds {
    pub fn add(&mut self, other: Kinds) {
        self.asked |= other.asked;
        self.settled |= other.settled;
    }
}

impl Outbound {
    /// Appends the frames of packed orders; bodies that travel apart are taken from the front of `bodies`.
    pub fn write(
        &mut self,
        packed: &[u8],
        bodies: &mut VecDeque<Vec<u8>>,
        runs: &mut AckRuns,
        out: &mut Outgoing<Arc<Vec<u8>>>,
    ) -> Kinds {
        let mut kinds = Kinds::default();
        for order in Reader(packed) {
            match order {
                Order::Publish {
                    flags,
                    channel,
                    route,
                    properties,
                    body,
                } => {
                    kinds.asked = true;
                    runs.before_publish(channel, out.buffer());
                    let last = self.last.entry(channel).or_default();
                    if flags & order::SAME_ROUTE == 0 {
                        last.route.clear();
                        last.route.extend_from_slice(route);
                    }
                    if flags & order::SAME_PROPERTIES == 0 {
                        last.properties.clear();
                        last.properties.extend_from_slice(properties);
                    }
                    frame::put(out.buffer(), frame::METHOD, channel, |out| {
                        out.extend_from_slice(&content::BASIC.to_be_bytes());
                        out.extend_from_slice(&BASIC_PUBLISH.to_be_bytes());
                        out.extend_from_slice(&last.route);
                    });
                    if flags & order::BODY_APART == 0 {
                        content::put(out.buffer(), channel, &last.properties, body, self.frame_max);
                    } else {
                        let body = Arc::new(bodies.pop_front().unwrap_or_default());
                        out.put(channel, &last.properties, &body, 0..body.len(), self.frame_max);
                    }
                }
                Order::Settle {
                    kind,
                    flags,
                    channel,
                    tag,
                } => {
                    kinds.settled = true;
                    let out = out.buffer();
                    let multiple = flags & order::MULTIPLE != 0;
                    let requeue = flags & order::REQUEUE != 0;
                    match kind {
                        order::ACK => runs.ack(channel, tag, multiple, out),
                        order::NACK => {
                            let bits = u8::from(multiple) | u8::from(requeue) << 1;
                            runs.refuse(channel, BASIC_NACK, tag, multiple, bits, out);
                        }
                        _ => runs.refuse(channel, BASIC_REJECT, tag, false, u8::from(requeue), out),
                    }
                }
                Order::Method { channel, payload } => {
                    kinds.asked = true;
                    runs.before_method(channel, payload, out.buffer());
                    frame::put(out.buffer(), frame::METHOD, channel, |out| {
                        out.extend_from_slice(payload);
                    });
                }
            }
        }
        runs.flush(out.buffer());
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::wire::content::BASIC_ACK;
    use crate::amqp::wire::method;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn ack(channel: u32, tag: u32) -> Vec<u8> {
        words(&[u32::from(order::ACK) | channel << 16, tag, 0])
    }

    /// Channel and method of every frame that `packed` becomes, contents left out.
    fn sent(packed: &[u8]) -> Vec<(u16, u16)> {
        let (mut runs, mut out) = (AckRuns::default(), Outgoing::default());
        runs.delivered(1, 9);
        runs.delivered(2, 9);
        let mut outbound = Outbound {
            frame_max: 4096,
            ..Outbound::default()
        };
        outbound.write(packed, &mut VecDeque::new(), &mut runs, &mut out);
        let out = out.buffer();
        let mut frames = Vec::new();
        let mut at = 0;
        while let Some(cut) = frame::cut(&out[at..], 0).unwrap() {
            if cut.kind == frame::METHOD {
                frames.push((cut.channel, method::ids(cut.payload).unwrap().1));
            }
            at += cut.wire_len();
        }
        frames
    }

    #[test]
    fn acknowledgements_stay_before_a_publish_of_their_channel_and_a_close_of_the_connection() {
        // An empty message without exchange and key, flags and list.
        let mut publish = words(&[u32::from(order::PUBLISH) | 1 << 16, 5, 2, 0]);
        publish.extend_from_slice(&[0; 8]);
        let mut close = words(&[u32::from(order::METHOD), 4]);
        close.extend_from_slice(&[0, 10, 0, 50]);
        let acks = [ack(1, 1), ack(1, 2), ack(2, 1)].concat();
        assert_eq!(
            sent(&[acks.clone(), publish].concat()),
            [(1, BASIC_ACK), (1, BASIC_PUBLISH), (2, BASIC_ACK)]
        );
        assert_eq!(
            sent(&[acks, close].concat()),
            [(1, BASIC_ACK), (2, BASIC_ACK), (0, 50)]
        );
    }
}
