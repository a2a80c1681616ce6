//! From orders to frames, behind what waits to be written.

use std::collections::HashMap;

use super::ack_run::AckRuns;
use super::order::{self, Order, Reader};
use super::queues::Orders;
use crate::amqp::wire::content::{self, BASIC_NACK, BASIC_PUBLISH, BASIC_REJECT};
use crate::amqp::wire::frame;

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

impl Outbound {
    pub fn new(frame_max: u32) -> Self {
        Outbound {
            last: HashMap::new(),
            frame_max,
        }
    }

    /// Appends the frames of `orders`. True when there was more among them than acknowledgements.
    pub fn write(&mut self, orders: &mut Orders, runs: &mut AckRuns, out: &mut Vec<u8>) -> bool {
        let mut asked = false;
        for order in Reader(&orders.packed) {
            asked |= !matches!(order, Order::Settle { .. });
            match order {
                Order::Publish {
                    flags,
                    channel,
                    route,
                    properties,
                    body,
                } => {
                    runs.before_publish(channel, out);
                    let last = self.last.entry(channel).or_default();
                    if flags & order::SAME_ROUTE == 0 {
                        last.route.clear();
                        last.route.extend_from_slice(route);
                    }
                    if flags & order::SAME_PROPERTIES == 0 {
                        last.properties.clear();
                        last.properties.extend_from_slice(properties);
                    }
                    frame::put(out, frame::METHOD, channel, |out| {
                        out.extend_from_slice(&content::BASIC.to_be_bytes());
                        out.extend_from_slice(&BASIC_PUBLISH.to_be_bytes());
                        out.extend_from_slice(&last.route);
                    });
                    if flags & order::BODY_APART == 0 {
                        content::put(out, channel, &last.properties, body, self.frame_max);
                    } else {
                        let body = orders.bodies.pop_front().unwrap_or_default();
                        content::put(out, channel, &last.properties, &body, self.frame_max);
                    }
                }
                Order::Settle {
                    kind,
                    flags,
                    channel,
                    tag,
                } => {
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
                    runs.before_method(channel, payload, out);
                    frame::put(out, frame::METHOD, channel, |out| out.extend_from_slice(payload));
                }
            }
        }
        runs.flush(out);
        asked
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
    fn sent(packed: Vec<u8>) -> Vec<(u16, u16)> {
        let (mut runs, mut out) = (AckRuns::default(), Vec::new());
        runs.delivered(1, 9);
        runs.delivered(2, 9);
        let mut orders = Orders {
            packed,
            ..Orders::default()
        };
        Outbound::new(4096).write(&mut orders, &mut runs, &mut out);
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
            sent([acks.clone(), publish].concat()),
            [(1, BASIC_ACK), (1, BASIC_PUBLISH), (2, BASIC_ACK)]
        );
        assert_eq!(
            sent([acks, close].concat()),
            [(1, BASIC_ACK), (2, BASIC_ACK), (0, 50)]
        );
    }
}
