//! The connection class after the handshake, and how connections end.

use amq_protocol::protocol::connection::{AMQPMethod, Close, CloseOk, UpdateSecretOk};

use crate::amqp::wire::frame::{self, Frame};
use crate::amqp::wire::method::{self, AMQPClass};
use crate::broker::protocol::exception::{Exception, Outcome, channel_error};
use crate::broker::vhost::State;
use crate::broker::vhost::session::{ChannelSlot, Phase};
use crate::broker::vhost::slots::SlotId;

impl State {
    pub fn connection_method(&mut self, session_id: SlotId, method: AMQPMethod) -> Outcome {
        match method {
            AMQPMethod::Close(_) => {
                self.release_channels(session_id);
                self.send(
                    session_id,
                    0,
                    AMQPClass::Connection(AMQPMethod::CloseOk(CloseOk {})),
                );
                self.end_session(session_id);
                Ok(())
            }
            // There is nobody to check a secret with: whoever was let in stays.
            AMQPMethod::UpdateSecret(_) => {
                let ok = AMQPMethod::UpdateSecretOk(UpdateSecretOk {});
                self.send(session_id, 0, AMQPClass::Connection(ok));
                Ok(())
            }
            _ => Err(channel_error("unexpected method in connection state running")),
        }
    }

    /// Sends connection.close; what the session held is free from now on.
    pub fn connection_exception(&mut self, session_id: SlotId, exception: &Exception, ids: (u16, u16)) {
        if self
            .sessions
            .get(session_id)
            .is_none_or(|session| session.phase != Phase::Open)
        {
            return;
        }
        self.release_channels(session_id);
        let close = AMQPMethod::Close(Close {
            reply_code: exception.code,
            reply_text: exception.text.as_str().into(),
            class_id: ids.0,
            method_id: ids.1,
        });
        self.send(session_id, 0, AMQPClass::Connection(close));
        if let Some(session) = self.sessions.get_mut(session_id) {
            session.phase = Phase::Closing;
        }
    }

    /// A frame after our connection.close: only the answer counts.
    pub fn closing_frame(&mut self, session_id: SlotId, frame: Frame<'_>) {
        if frame.kind != frame::METHOD || frame.channel != 0 {
            return;
        }
        match method::decode(frame.payload) {
            Ok(AMQPClass::Connection(AMQPMethod::CloseOk(_))) => self.end_session(session_id),
            Ok(AMQPClass::Connection(AMQPMethod::Close(_))) => {
                self.send(
                    session_id,
                    0,
                    AMQPClass::Connection(AMQPMethod::CloseOk(CloseOk {})),
                );
                self.end_session(session_id);
            }
            _ => {}
        }
    }

    /// Nothing more is read from the session; what is outgoing still goes out.
    pub fn end_session(&mut self, session_id: SlotId) {
        self.release_channels(session_id);
        if let Some(session) = self.sessions.get_mut(session_id) {
            session.phase = Phase::Done;
        }
        self.wake(session_id);
    }

    fn release_channels(&mut self, session_id: SlotId) {
        let Some(session) = self.sessions.get_mut(session_id) else {
            return;
        };
        // Up to 65535 inclusive: the list's length need not fit the number's type.
        let numbers = (0..=u16::MAX)
            .zip(&session.channels)
            .filter(|(_, slot)| matches!(slot, Some(ChannelSlot::Open(_))))
            .map(|(number, _)| number)
            .collect::<Vec<_>>();
        for number in numbers {
            self.release_channel(session_id, number);
        }
        let queues = match self.sessions.get_mut(session_id) {
            Some(session) => std::mem::take(&mut session.exclusive_queues),
            None => return,
        };
        for queue in queues {
            self.delete_queue(queue);
        }
    }

    /// The session is gone.
    pub fn remove_session(&mut self, session_id: SlotId) {
        self.release_channels(session_id);
        self.sessions.remove(session_id);
    }
}
