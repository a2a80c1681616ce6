//! The bridge as a client of its own broker: a session without a socket.
//!
//! It speaks in frames like any other, so that consuming, prefetch and requeueing are the broker's own.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use amq_protocol::protocol::basic::{AMQPMethod, Ack, Cancel, Consume, Qos};
use amq_protocol::protocol::channel;
use tokio::sync::Notify;

use super::Failure;
use crate::amqp::wire::content::{self, Arguments};
use crate::amqp::wire::frame;
use crate::amqp::wire::method::{self, AMQPClass};
use crate::broker::connection::outgoing::{Outgoing, SLICES};
use crate::broker::vhost::Vhost;
use crate::broker::vhost::memory::{Memory, Share};
use crate::broker::vhost::session::{Capabilities, Phase, Session};
use crate::broker::vhost::slots::SlotId;
use crate::broker::vhost::work::FRESH_SLICE;

const CHANNEL: u16 = 1;

/// A message as it was delivered.
#[derive(Debug)]
pub struct Delivery {
    pub tag: u64,
    pub properties: Vec<u8>,
    pub body: Vec<u8>,
    missing: u64,
}

/// A consumer of one queue. Dropping it puts back what it has not acknowledged.
pub struct Local {
    vhost: Arc<Vhost>,
    id: SlotId,
    wake: Arc<Notify>,
    outgoing: Outgoing,
    inbox: Vec<u8>,
    arriving: Option<Delivery>,
    arrived: VecDeque<Delivery>,
    ended: bool,
}

impl Drop for Local {
    fn drop(&mut self) {
        self.vhost.with_in_drop(|state| state.remove_session(self.id));
    }
}

impl Local {
    /// Consumes from a queue, with at most `prefetch` messages unacknowledged.
    pub fn consume(
        vhost: Arc<Vhost>,
        memory: &Arc<Memory>,
        queue: &str,
        prefetch: u16,
    ) -> Result<Local, Failure> {
        let wake = Arc::new(Notify::new());
        let session = Session {
            phase: Phase::Open,
            user: "".into(),
            capabilities: Capabilities {
                consumer_cancel_notify: true,
                connection_blocked: false,
            },
            frame_max: 0,
            channel_max: CHANNEL,
            channels: Vec::new(),
            outgoing: Outgoing::default(),
            share: Share::new(memory, 0),
            arriving_bytes: 0,
            wake: wake.clone(),
            woken: false,
            stalled: false,
            publishes: false,
            arriving: Arc::default(),
            pending_confirms: Vec::new(),
            exclusive_queues: Vec::new(),
            rejected: 0,
        };
        let id = vhost.with(|state| state.sessions.insert(session));
        let mut local = Local {
            vhost,
            id,
            wake,
            outgoing: Outgoing::default(),
            inbox: Vec::new(),
            arriving: None,
            arrived: VecDeque::new(),
            ended: false,
        };
        local.send(AMQPClass::Channel(channel::AMQPMethod::Open(channel::Open {})));
        local.send(AMQPClass::Basic(AMQPMethod::Qos(Qos {
            prefetch_count: prefetch,
            global: false,
        })));
        local.send(AMQPClass::Basic(AMQPMethod::Consume(Consume {
            queue: queue.into(),
            consumer_tag: "".into(),
            no_local: false,
            no_ack: false,
            exclusive: false,
            nowait: false,
            arguments: Default::default(),
        })));
        if local.ended {
            Err(Failure::Local)
        } else {
            Ok(local)
        }
    }

    /// The next message. Cancel safe.
    pub async fn delivery(&mut self) -> Result<Delivery, Failure> {
        loop {
            if let Some(delivery) = self.arrived.pop_front() {
                return Ok(delivery);
            }
            if self.ended {
                return Err(Failure::Local);
            }
            self.wake.notified().await;
            self.exchange(&[]);
        }
    }

    pub fn ack(&mut self, delivery_tag: u64) {
        let multiple = false;
        self.send(AMQPClass::Basic(AMQPMethod::Ack(Ack {
            delivery_tag,
            multiple,
        })));
    }

    fn send(&mut self, method: AMQPClass) {
        let mut bytes = Vec::new();
        method::encode(&mut bytes, CHANNEL, &method);
        self.exchange(&bytes);
    }

    /// Hands frames to the broker and takes those it has for us.
    fn exchange(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let outcome = self.vhost.with_session(self.id, &mut self.outgoing, |state| {
                state.process_input(self.id, rest, FRESH_SLICE)
            });
            rest = &rest[outcome.consumed..];
            self.take_outgoing();
            // A large delivery keeps the broker from hearing anything until it is taken.
            if !outcome.waits || rest.is_empty() {
                break;
            }
        }
        let inbox = std::mem::take(&mut self.inbox);
        let mut rest = &inbox[..];
        while let Ok(Some(frame)) = frame::cut(rest, 0) {
            self.frame(frame);
            rest = &rest[frame.wire_len()..];
        }
        self.inbox = rest.to_vec();
    }

    fn take_outgoing(&mut self) {
        while !self.outgoing.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.outgoing.slices(&mut slices);
            let mut taken = 0;
            for slice in &slices[..count] {
                self.inbox.extend_from_slice(slice);
                taken += slice.len();
            }
            self.outgoing.advance(taken);
        }
    }

    fn frame(&mut self, frame: frame::Frame<'_>) {
        match frame.kind {
            frame::METHOD if method::ids(frame.payload) == Some((content::BASIC, content::BASIC_DELIVER)) => {
                let mut arguments = Arguments(&frame.payload[4..]);
                let tag = arguments.short_string().and_then(|_| arguments.long_long());
                self.arriving = tag.map(|tag| Delivery {
                    tag,
                    properties: Vec::new(),
                    body: Vec::new(),
                    missing: 0,
                });
            }
            frame::METHOD => match method::decode(frame.payload) {
                // The queue was deleted, or a method of ours refused.
                Ok(AMQPClass::Basic(AMQPMethod::Cancel(Cancel { .. })))
                | Ok(AMQPClass::Channel(channel::AMQPMethod::Close(_)))
                | Ok(AMQPClass::Connection(_)) => self.ended = true,
                _ => {}
            },
            frame::HEADER => {
                if let (Some(delivery), Some(header)) = (&mut self.arriving, content::header(frame.payload)) {
                    delivery.properties = header.properties.to_vec();
                    delivery.missing = header.body_size;
                }
            }
            _ => {
                if let Some(delivery) = &mut self.arriving {
                    delivery.body.extend_from_slice(frame.payload);
                    delivery.missing = delivery.missing.saturating_sub(frame.payload.len() as u64);
                }
            }
        }
        if frame.kind != frame::METHOD
            && self
                .arriving
                .as_ref()
                .is_some_and(|delivery| delivery.missing == 0)
        {
            self.arrived.extend(self.arriving.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::publish::message::Message;
    use crate::broker::queue::QueueSpec;

    #[test]
    fn an_acknowledgement_is_heard_though_a_large_delivery_is_outgoing() {
        let memory = Arc::new(Memory::new(usize::MAX));
        let vhost = Arc::new(Vhost::new("/".into(), memory.clone()));
        let queue = vhost.with(|state| state.add_queue(QueueSpec::durable("q".into())).unwrap());
        let publish = |bytes: usize| {
            let body = [&b"q\0\0"[..], &vec![b'x'; bytes]].concat();
            let message = Arc::new(Message::new("".into(), body, 1, 2, memory.clone()));
            vhost.with(|state| state.enqueue(queue, message));
        };
        publish(1);
        let mut local = Local::consume(vhost.clone(), &memory, "q", 10).unwrap();
        publish(8 * 1024 * 1024);
        local.ack(1);
        let holds = |tag| {
            vhost.with(|state| {
                state
                    .sessions
                    .get(local.id)
                    .unwrap()
                    .channel(CHANNEL)
                    .unwrap()
                    .holds(tag)
            })
        };
        assert_eq!([holds(1), holds(2)], [false, true]);
        assert_eq!(
            local
                .arrived
                .iter()
                .map(|delivery| delivery.body.len())
                .collect::<Vec<_>>(),
            [1, 8 * 1024 * 1024]
        );
    }
}
