//! The channel class, and access.request, which nobody needs any more.

use amq_protocol::protocol::access;
use amq_protocol::protocol::channel::{AMQPMethod, Close, CloseOk, FlowOk, OpenOk};

use crate::amqp::wire::frame::{self, Frame};
use crate::amqp::wire::method::{self, AMQPClass};
use crate::broker::protocol::acknowledge::Settlement;
use crate::broker::protocol::exception::{Exception, Outcome, channel_error, not_allowed, not_implemented};
use crate::broker::vhost::State;
use crate::broker::vhost::channel::Channel;
use crate::broker::vhost::session::ChannelSlot;
use crate::broker::vhost::slots::SlotId;

impl State {
    pub fn open_channel(&mut self, session_id: SlotId, number: u16) -> Outcome {
        let Some(session) = self.sessions.get_mut(session_id) else {
            return Ok(());
        };
        if session.channel_max != 0 && number > session.channel_max {
            return Err(not_allowed(&format!(
                "number of channels opened ({}) has reached the negotiated channel_max ({})",
                session.channels.iter().flatten().count(),
                session.channel_max
            )));
        }
        if session.channels.len() <= number as usize {
            session.channels.resize_with(number as usize + 1, || None);
        }
        let channel = Channel::new(number, &self.memory);
        session.channels[number as usize] = Some(ChannelSlot::Open(Box::new(channel)));
        self.send(
            session_id,
            number,
            AMQPClass::Channel(AMQPMethod::OpenOk(OpenOk {})),
        );
        Ok(())
    }

    pub fn channel_method(&mut self, session_id: SlotId, number: u16, method: AMQPMethod) -> Outcome {
        match method {
            AMQPMethod::Open(_) => Err(channel_error("second 'channel.open' seen")),
            AMQPMethod::Close(_) => {
                self.release_channel(session_id, number);
                self.send(
                    session_id,
                    number,
                    AMQPClass::Channel(AMQPMethod::CloseOk(CloseOk {})),
                );
                Ok(())
            }
            AMQPMethod::Flow(flow) if !flow.active => Err(not_implemented("active=false")),
            AMQPMethod::Flow(_) => {
                let ok = AMQPMethod::FlowOk(FlowOk { active: true });
                self.send(session_id, number, AMQPClass::Channel(ok));
                Ok(())
            }
            AMQPMethod::FlowOk(_) | AMQPMethod::CloseOk(_) | AMQPMethod::OpenOk(_) => Err(
                crate::broker::protocol::exception::command_invalid("unimplemented method"),
            ),
        }
    }

    pub fn access_method(&mut self, session_id: SlotId, number: u16, method: access::AMQPMethod) -> Outcome {
        if let access::AMQPMethod::Request(_) = method {
            let ok = access::AMQPMethod::RequestOk(access::RequestOk {});
            self.send(session_id, number, AMQPClass::Access(ok));
        }
        Ok(())
    }

    /// Sends channel.close; what the channel held is free from now on.
    pub fn channel_exception(
        &mut self,
        session_id: SlotId,
        number: u16,
        exception: &Exception,
        ids: (u16, u16),
    ) {
        self.release_channel(session_id, number);
        let close = AMQPMethod::Close(Close {
            reply_code: exception.code,
            reply_text: exception.text.as_str().into(),
            class_id: ids.0,
            method_id: ids.1,
        });
        self.send(session_id, number, AMQPClass::Channel(close));
        if let Some(slot) = self
            .sessions
            .get_mut(session_id)
            .and_then(|session| session.channels.get_mut(number as usize))
        {
            *slot = Some(ChannelSlot::Closing);
        }
    }

    /// A frame after our channel.close: only the answer counts.
    pub fn closing_channel_frame(&mut self, session_id: SlotId, frame: Frame<'_>) {
        if frame.kind != frame::METHOD {
            return;
        }
        match method::decode(frame.payload) {
            Ok(AMQPClass::Channel(AMQPMethod::CloseOk(_))) => {
                if let Some(slot) = self
                    .sessions
                    .get_mut(session_id)
                    .and_then(|session| session.channels.get_mut(frame.channel as usize))
                {
                    *slot = None;
                }
            }
            // Both sides closed at once: the client's close wants its answer, ours is still to come.
            Ok(AMQPClass::Channel(AMQPMethod::Close(_))) => {
                let ok = AMQPMethod::CloseOk(CloseOk {});
                self.send(session_id, frame.channel, AMQPClass::Channel(ok));
            }
            _ => {}
        }
    }

    /// Gives back what a channel holds: its consumers go, its unacknowledged messages return to their queues.
    pub fn release_channel(&mut self, session_id: SlotId, number: u16) {
        let Some(session) = self.sessions.get_mut(session_id) else {
            return;
        };
        let Some(channel) = session.channel_mut(number) else {
            return;
        };
        let consumers = channel.consumers.drain().map(|(_, id)| id).collect::<Vec<_>>();
        if let Some(incoming) = channel.incoming.take() {
            session.arriving_bytes = session.arriving_bytes.saturating_sub(incoming.counted);
        }
        // Requeued first and delivered later, so that nothing comes back to the channel that goes; an auto-delete
        // queue that goes with its last consumer takes its messages along.
        self.settle_up_to(session_id, number, u64::MAX, Settlement::Requeue);
        for id in consumers {
            self.remove_consumer(id);
        }
        if let Some(slot) = self
            .sessions
            .get_mut(session_id)
            .and_then(|session| session.channels.get_mut(number as usize))
        {
            *slot = None;
        }
    }
}
