//! From bytes to actions: cuts a session's frames and sends each to where it is dealt with.

use crate::amqp::wire::content::{Arguments, BASIC, BASIC_ACK, BASIC_NACK, BASIC_PUBLISH, BASIC_REJECT};
use crate::amqp::wire::frame::{self, FrameError};
use crate::amqp::wire::method::{self, AMQPClass};
use crate::broker::protocol::acknowledge::Settlement;
use crate::broker::protocol::exception::{Exception, Outcome, Scope, erlang_binary};
use crate::broker::protocol::exception::{channel_error, command_invalid, frame_error, unexpected_frame};
use crate::broker::vhost::State;
use crate::broker::vhost::session::{ChannelSlot, Phase};
use crate::broker::vhost::slots::SlotId;
use crate::broker::vhost::work;

/// Classes whose methods change where messages go.
const EXCHANGE: u16 = 40;
const QUEUE: u16 = 50;

/// Outgoing bytes from which on a session's input waits: answers to a client that does not read them.
const ANSWERS_MAX_BYTES: usize = 4 * 1024 * 1024;

/// The outcome of a batch of input.
#[derive(Debug, Clone, Copy)]
pub struct InputOutcome {
    /// Bytes dealt with; the rest is the beginning of a frame, or waits.
    pub consumed: usize,
    /// Whether whole frames may be left: the slice is used up, memory is, or too much is outgoing.
    pub waits: bool,
    pub phase: Phase,
    /// Whether a message became whole.
    pub publishes: bool,
}

impl State {
    /// Works through the frames at the front of `bytes`, until `slice` units of work are done.
    pub fn process_input(&mut self, session_id: SlotId, bytes: &[u8], slice: i64) -> InputOutcome {
        let end = self.work_done() + slice;
        let mut outcome = InputOutcome {
            consumed: 0,
            waits: false,
            phase: Phase::Done,
            publishes: false,
        };
        if let Some(session) = self.sessions.get_mut(session_id) {
            session.publishes = false;
        }
        loop {
            let Some(session) = self.sessions.get(session_id) else {
                outcome.phase = Phase::Done;
                break;
            };
            (outcome.phase, outcome.publishes) = (session.phase, session.publishes);
            if session.phase == Phase::Done {
                outcome.consumed = bytes.len();
                break;
            }
            // Under the memory alarm one message is taken, and the connection is then blocked.
            let alarmed = session.publishes && self.memory.blocked();
            if alarmed || session.outgoing.len() > ANSWERS_MAX_BYTES || self.work_done() >= end {
                outcome.waits = true;
                break;
            }
            let rest = &bytes[outcome.consumed..];
            match frame::cut(rest, tolerated(session.frame_max)) {
                Ok(None) => break,
                Ok(Some(frame)) if self.waits_for_letters(session_id, &frame) => {
                    outcome.waits = true;
                    break;
                }
                Ok(Some(frame)) => {
                    outcome.consumed += frame.wire_len();
                    self.spend(work::FRAME + work::bytes(frame.payload.len()));
                    self.frame(session_id, frame);
                }
                Err(error) if outcome.phase == Phase::Open => {
                    self.connection_exception(session_id, &broken_frame(rest, error), (0, 0));
                }
                // After our connection.close nothing has to be understood any more, but an answer could not be found
                // in it either.
                Err(_) => {
                    self.end_session(session_id);
                }
            }
        }
        self.flush_confirms(session_id);
        outcome
    }

    /// Whether a frame comes before its turn: the session's dead letters are to be routed by the exchanges, bindings and
    /// queues that were there when it rejected them. Letters of others, and those that come later, are not waited for.
    fn waits_for_letters(&mut self, session_id: SlotId, frame: &frame::Frame<'_>) -> bool {
        if self.dead_letters.is_empty()
            || frame.kind != frame::METHOD
            || !matches!(method::ids(frame.payload), Some((EXCHANGE | QUEUE, _)))
        {
            return false;
        }
        self.run_pending();
        self.sessions.get(session_id).is_some_and(|session| {
            session.phase == Phase::Open && !self.dead_letters.are_taken(session.rejected)
        })
    }

    fn frame(&mut self, session_id: SlotId, frame: frame::Frame<'_>) {
        let Some(session) = self.sessions.get_mut(session_id) else {
            return;
        };
        if frame.kind == frame::HEARTBEAT {
            return;
        }
        if session.phase == Phase::Closing {
            self.closing_frame(session_id, frame);
            return;
        }
        let number = frame.channel;
        let outcome = match session.channels.get(number as usize) {
            Some(Some(ChannelSlot::Closing)) => {
                self.closing_channel_frame(session_id, frame);
                return;
            }
            Some(Some(ChannelSlot::Open(channel))) => match frame.kind {
                frame::METHOD if channel.incoming.is_some() => Err(unexpected_frame(
                    "expected content header for class 60, got non content header frame instead",
                )),
                frame::METHOD => self.method(session_id, number, frame.payload),
                frame::HEADER => self.publish_header(session_id, number, frame.payload),
                _ => self.publish_body(session_id, number, frame.payload),
            },
            _ if number == 0 && frame.kind == frame::METHOD => self.slow_method(session_id, 0, frame.payload),
            _ if number == 0 => Err(unexpected_frame(
                "expected method frame, got non method frame instead",
            )),
            _ if frame.kind == frame::METHOD => self.method_outside(session_id, number, frame.payload),
            _ => Err(channel_error("expected 'channel.open'")),
        };
        if let Err(exception) = outcome {
            let ids = match frame.kind {
                frame::METHOD if exception.code != 505 => method::ids(frame.payload).unwrap_or((0, 0)),
                // What goes wrong with content goes wrong with the publish that it belongs to.
                _ if exception.scope == Scope::Channel => (BASIC, BASIC_PUBLISH),
                _ => (0, 0),
            };
            self.raise(session_id, number, &exception, ids);
        }
    }

    fn method(&mut self, session_id: SlotId, number: u16, payload: &[u8]) -> Outcome {
        let Some((BASIC, method_id)) = method::ids(payload) else {
            return self.slow_method(session_id, number, payload);
        };
        let mut arguments = Arguments(&payload[4..]);
        match method_id {
            BASIC_PUBLISH => self.publish_method(session_id, number, payload),
            BASIC_ACK | BASIC_REJECT | BASIC_NACK => {
                let (Some(tag), Some(flags)) = (arguments.long_long(), arguments.octet()) else {
                    return Err(cannot_decode(payload));
                };
                let (multiple, settlement) = match method_id {
                    BASIC_ACK => (flags & 1 != 0, Settlement::Ack),
                    BASIC_REJECT if flags & 1 != 0 => (false, Settlement::Requeue),
                    BASIC_NACK if flags & 2 != 0 => (flags & 1 != 0, Settlement::Requeue),
                    BASIC_NACK => (flags & 1 != 0, Settlement::Discard),
                    _ => (false, Settlement::Discard),
                };
                self.acknowledge(session_id, number, tag, multiple, settlement)
            }
            _ => self.slow_method(session_id, number, payload),
        }
    }

    /// Methods that are answered: everything before them has taken effect by then.
    fn slow_method(&mut self, session_id: SlotId, number: u16, payload: &[u8]) -> Outcome {
        self.spend(work::METHOD);
        self.run_pending();
        self.flush_confirms(session_id);
        let method = decode(payload)?;
        self.wake(session_id);
        match method {
            AMQPClass::Connection(method) if number == 0 => self.connection_method(session_id, method),
            _ if number == 0 => Err(channel_error("unexpected method in connection state running")),
            AMQPClass::Connection(_) => Err(command_invalid("connection method on a channel other than 0")),
            AMQPClass::Channel(method) => self.channel_method(session_id, number, method),
            AMQPClass::Exchange(method) => self.exchange_method(session_id, number, method),
            AMQPClass::Queue(method) => self.queue_method(session_id, number, method),
            AMQPClass::Basic(method) => self.basic_method(session_id, number, method, payload),
            AMQPClass::Tx(method) => self.tx_method(session_id, number, method),
            AMQPClass::Confirm(method) => self.confirm_method(session_id, number, method),
            AMQPClass::Access(method) => self.access_method(session_id, number, method),
        }
    }

    /// A method on a channel that is not open.
    fn method_outside(&mut self, session_id: SlotId, number: u16, payload: &[u8]) -> Outcome {
        match decode(payload)? {
            AMQPClass::Channel(amq_protocol::protocol::channel::AMQPMethod::Open(_)) => {
                self.open_channel(session_id, number)
            }
            // The answer to a channel.close of ours that crossed with the client's own.
            AMQPClass::Channel(amq_protocol::protocol::channel::AMQPMethod::CloseOk(_)) => Ok(()),
            _ => Err(channel_error("expected 'channel.open'")),
        }
    }

    /// Ends a channel or the whole session, as the exception says.
    fn raise(&mut self, session_id: SlotId, number: u16, exception: &Exception, ids: (u16, u16)) {
        self.run_pending();
        self.flush_confirms(session_id);
        match exception.scope {
            Scope::Channel if number != 0 => self.channel_exception(session_id, number, exception, ids),
            _ => self.connection_exception(session_id, exception, ids),
        }
    }
}

fn decode(payload: &[u8]) -> Outcome<AMQPClass> {
    match method::decode(payload) {
        Ok(method) => Ok(method),
        Err(error) if is_known(error.class_id, error.method_id) => Err(cannot_decode(payload)),
        Err(error) => Err(command_invalid(&format!(
            "unknown method {}.{}",
            error.class_id, error.method_id
        ))),
    }
}

fn cannot_decode(payload: &[u8]) -> Exception {
    let arguments = payload.get(4..).unwrap_or_default();
    frame_error(&format!(
        "cannot decode {}",
        erlang_binary(&arguments[..arguments.len().min(64)])
    ))
}

/// Whether AMQP 0-9-1 (with RabbitMQ's extensions) has such a method.
fn is_known(class_id: u16, method_id: u16) -> bool {
    match class_id {
        10 => matches!(
            method_id,
            10 | 11 | 20 | 21 | 30 | 31 | 40 | 41 | 50 | 51 | 60 | 61 | 70 | 71
        ),
        20 => matches!(method_id, 10 | 11 | 20 | 21 | 40 | 41),
        30 => matches!(method_id, 10 | 11),
        40 => matches!(method_id, 10 | 11 | 20 | 21 | 30 | 31 | 40 | 51),
        50 => matches!(method_id, 10 | 11 | 20 | 21 | 30 | 31 | 40 | 41 | 50 | 51),
        60 => matches!(
            method_id,
            10 | 11 | 20 | 21 | 30 | 31 | 40 | 50 | 60 | 70 | 71 | 72 | 80 | 90 | 100 | 110 | 111 | 120
        ),
        85 => matches!(method_id, 10 | 11),
        90 => matches!(method_id, 10 | 11 | 20 | 21 | 30 | 31),
        _ => false,
    }
}

/// RabbitMQ's FRAME_SIZE_FUDGE: clients that count the payload alone as the frame (rabbitmq-client) are let through.
const FUDGE_BYTES: usize = frame::ENVELOPE_BYTES;

pub fn tolerated(frame_max: u32) -> u32 {
    match frame_max {
        0 => 0,
        frame_max => frame_max.saturating_add(FUDGE_BYTES as u32),
    }
}

/// RabbitMQ's words for bytes that are no frame.
fn broken_frame(bytes: &[u8], error: FrameError) -> Exception {
    let kind = bytes.first().copied().unwrap_or(0);
    let size = bytes
        .get(3..7)
        .map_or(0, |size| u32::from_be_bytes([size[0], size[1], size[2], size[3]]));
    let payload = bytes.get(frame::PREFIX_BYTES..).unwrap_or_default();
    let payload = &payload[..payload.len().min(size as usize).min(64)];
    let (payload, reason) = match error {
        FrameError::Kind(_) => (payload, "unknown_frame".to_owned()),
        FrameError::TooLarge { size, max } => (
            &payload[..0],
            format!(
                "{{frame_too_large,{size},{}}}",
                max as usize - FUDGE_BYTES - frame::ENVELOPE_BYTES
            ),
        ),
        FrameError::End(octet) => (payload, format!("{{invalid_frame_end_marker,{octet}}}")),
    };
    frame_error(&format!(
        "type {kind}, all octets = {}: {reason}",
        erlang_binary(payload)
    ))
}
