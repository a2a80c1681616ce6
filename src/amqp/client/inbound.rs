//! From frames to records: messages put together, hot methods by hand, all others checked and handed on as they are.

use std::collections::HashMap;

use super::ack_run::AckRuns;
use super::batch::{Batch, Body, Memory};
use super::failure::Failure;
use super::intern::Intern;
use crate::amqp::wire::content::{self, Arguments};
use crate::amqp::wire::{frame, method};

/// Lengths of bodies cross as 32-bit words, and Node's buffers end about there.
const LARGEST_BODY: u64 = u32::MAX as u64;
/// amqplib's words, also for a header frame of another class than basic.
const UNKNOWN_METHOD: &str = "Unknown class/method ID";
/// Room made at once for a body that is announced but has not arrived.
const RESERVED_BODY_BYTES: u64 = 16 << 20;

pub struct Inbound {
    routes: Intern,
    properties: Intern,
    /// Messages of which a part has arrived, by channel.
    partial: HashMap<u16, Partial>,
    /// Largest payload of a frame, 0 for no limit.
    pub max_frame_size: u32,
    /// Messages handed on so far, with overflow.
    pub messages: u32,
}

struct Partial {
    method: Vec<u8>,
    /// Empty until the header frame is here: at least two octets of flags after.
    properties: Vec<u8>,
    body: Vec<u8>,
    size: u64,
}

/// What a channel's next frame of a message has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    Method,
    Header,
    /// Of a message with this many bytes.
    Body(u64),
}

impl Partial {
    fn awaited(&self) -> Awaited {
        if self.properties.is_empty() {
            Awaited::Header
        } else {
            Awaited::Body(self.size)
        }
    }
}

/// A frame whose bytes have arrived, or how many are needed to know more.
enum Next<'a> {
    Frame(frame::Frame<'a>),
    Incomplete,
}

impl Default for Inbound {
    fn default() -> Self {
        Inbound {
            routes: Intern::new(Memory::Route),
            properties: Intern::new(Memory::Properties),
            partial: HashMap::new(),
            max_frame_size: 0,
            messages: 0,
        }
    }
}

impl Inbound {
    /// Turns the frames at the front of `bytes` into records; returns how many bytes that took.
    pub fn accept(&mut self, bytes: &[u8], batch: &mut Batch, runs: &mut AckRuns) -> Result<usize, Failure> {
        let mut at = 0;
        while let Next::Frame(first) = self.next(&bytes[at..])? {
            let mut used = first.wire_len();
            match first.kind {
                frame::METHOD => {
                    let rest = &bytes[at + used..];
                    used += self.method(first, rest, batch, runs)?;
                }
                frame::HEADER => self.header(first, batch, runs)?,
                frame::BODY => self.body(first, batch, runs)?,
                _ => {} // a heartbeat; that it arrived is all it says
            }
            at += used;
        }
        Ok(at)
    }

    fn next<'a>(&self, bytes: &'a [u8]) -> Result<Next<'a>, Failure> {
        next(bytes, self.max_frame_size)
    }

    /// Takes a method; of a message whose frames are all here it takes these too. Returns the bytes beyond the method.
    fn method(
        &mut self,
        first: frame::Frame<'_>,
        rest: &[u8],
        batch: &mut Batch,
        runs: &mut AckRuns,
    ) -> Result<usize, Failure> {
        let channel = first.channel;
        let payload = first.payload;
        match method::ids(payload) {
            Some((content::BASIC, id)) => match id {
                content::BASIC_DELIVER | content::BASIC_RETURN | content::BASIC_GET_OK => {
                    if let Some(partial) = self.partial.remove(&channel) {
                        stray(first, partial.awaited(), batch);
                        return Ok(0);
                    }
                    self.message(first, rest, batch, runs)
                }
                content::BASIC_ACK | content::BASIC_NACK => {
                    let mut arguments = Arguments(&payload[4..]);
                    let (Some(tag), Some(bits)) = (arguments.long_long(), arguments.octet()) else {
                        return Err(malformed(payload));
                    };
                    let ack = id == content::BASIC_ACK;
                    batch.confirm(channel, tag, ack, bits & 1 != 0, !ack && bits & 2 != 0);
                    Ok(0)
                }
                _ => self.other(channel, payload, batch),
            },
            Some(_) => self.other(channel, payload, batch),
            None => Err(malformed(payload)),
        }
    }

    /// JavaScript decodes these; what it decodes has been checked here.
    fn other(&mut self, channel: u16, payload: &[u8], batch: &mut Batch) -> Result<usize, Failure> {
        if method::decode(payload).is_err() {
            return Err(malformed(payload));
        }
        // A closed channel's number is used again: what had arrived of a message belongs to the old one.
        if matches!(method::ids(payload), Some((20, 40 | 41))) {
            self.partial.remove(&channel);
        }
        batch.method(channel, payload);
        Ok(0)
    }

    /// The usual case: header and body in one frame each, in the buffer already. Else the parts are kept.
    fn message(
        &mut self,
        first: frame::Frame<'_>,
        rest: &[u8],
        batch: &mut Batch,
        runs: &mut AckRuns,
    ) -> Result<usize, Failure> {
        let channel = first.channel;
        if let Next::Frame(second) = self.next(rest)?
            && (second.kind, second.channel) == (frame::HEADER, channel)
        {
            let head = header(second.payload)?;
            let used = second.wire_len();
            if head.body_size == 0 {
                self.emit(
                    channel,
                    first.payload,
                    head.properties,
                    Body::Borrowed(&[]),
                    batch,
                    runs,
                )?;
                return Ok(used);
            }
            if let Next::Frame(third) = self.next(&rest[used..])?
                && (third.kind, third.channel) == (frame::BODY, channel)
                && third.payload.len() as u64 == head.body_size
            {
                let body = Body::Borrowed(third.payload);
                self.emit(channel, first.payload, head.properties, body, batch, runs)?;
                return Ok(used + third.wire_len());
            }
        }
        // Now, and not with a header that may never come.
        if !is_whole(first.payload) {
            return Err(malformed(first.payload));
        }
        self.partial.insert(
            channel,
            Partial {
                method: first.payload.to_vec(),
                properties: Vec::new(),
                body: Vec::new(),
                size: 0,
            },
        );
        Ok(0)
    }

    fn header(
        &mut self,
        cut: frame::Frame<'_>,
        batch: &mut Batch,
        runs: &mut AckRuns,
    ) -> Result<(), Failure> {
        let head = header(cut.payload)?;
        let awaited = self
            .partial
            .get(&cut.channel)
            .map_or(Awaited::Method, Partial::awaited);
        let Some(partial) = self
            .partial
            .get_mut(&cut.channel)
            .filter(|_| awaited == Awaited::Header)
        else {
            self.partial.remove(&cut.channel);
            stray(cut, awaited, batch);
            return Ok(());
        };
        partial.properties = head.properties.to_vec();
        partial.size = head.body_size;
        if head.body_size == 0 {
            return self.complete(cut.channel, batch, runs);
        }
        partial
            .body
            .reserve_exact(head.body_size.min(RESERVED_BODY_BYTES) as usize);
        Ok(())
    }

    fn body(&mut self, cut: frame::Frame<'_>, batch: &mut Batch, runs: &mut AckRuns) -> Result<(), Failure> {
        let awaited = self
            .partial
            .get(&cut.channel)
            .map_or(Awaited::Method, Partial::awaited);
        let Some(partial) = self
            .partial
            .get_mut(&cut.channel)
            .filter(|_| matches!(awaited, Awaited::Body(_)))
        else {
            self.partial.remove(&cut.channel);
            stray(cut, awaited, batch);
            return Ok(());
        };
        let length = partial.body.len() as u64 + cut.payload.len() as u64;
        if length > partial.size {
            self.partial.remove(&cut.channel);
            stray(cut, awaited, batch);
            return Ok(());
        }
        partial.body.extend_from_slice(cut.payload);
        if length == partial.size {
            return self.complete(cut.channel, batch, runs);
        }
        Ok(())
    }

    fn complete(&mut self, channel: u16, batch: &mut Batch, runs: &mut AckRuns) -> Result<(), Failure> {
        let Some(partial) = self.partial.remove(&channel) else {
            return Ok(());
        };
        let body = if partial.body.len() < super::batch::APART_BYTES {
            Body::Borrowed(&partial.body)
        } else {
            Body::Owned(partial.body)
        };
        self.emit(channel, &partial.method, &partial.properties, body, batch, runs)
    }

    fn emit(
        &mut self,
        channel: u16,
        payload: &[u8],
        properties: &[u8],
        body: Body<'_>,
        batch: &mut Batch,
        runs: &mut AckRuns,
    ) -> Result<(), Failure> {
        let Some((_, id)) = method::ids(payload) else {
            return Err(malformed(payload));
        };
        if id != content::BASIC_DELIVER {
            if method::decode(payload).is_err() {
                return Err(malformed(payload));
            }
            if !content::are_whole(properties) {
                return Err(malformed_header());
            }
            if id == content::BASIC_GET_OK {
                runs.delivered(channel, Arguments(&payload[4..]).long_long().unwrap_or(0));
            }
            batch.content(channel, payload, properties, body);
            return Ok(());
        }
        let Some(deliver) = deliver(&payload[4..]) else {
            return Err(malformed(payload));
        };
        self.messages = self.messages.wrapping_add(1);
        runs.delivered(channel, deliver.tag);
        // Consumer tag, exchange and routing key stand around the tag: joined they are what repeats.
        let mut route = [0; 3 * 256];
        let first = deliver.consumer_tag.len();
        let length = first + deliver.address.len();
        route[..first].copy_from_slice(deliver.consumer_tag);
        route[first..length].copy_from_slice(deliver.address);
        let route = self.routes.refer(&route[..length], batch);
        let properties = self
            .properties
            .refer_checked(properties, batch, content::are_whole)
            .ok_or_else(malformed_header)?;
        batch.deliver(channel, route, properties, deliver.tag, deliver.redelivered, body);
        Ok(())
    }
}

pub fn next_frame(bytes: &[u8], max_frame_size: u32) -> Result<Option<frame::Frame<'_>>, Failure> {
    match next(bytes, max_frame_size)? {
        Next::Frame(cut) => Ok(Some(cut)),
        Next::Incomplete => Ok(None),
    }
}

/// As amqplib does: the size is looked at first, so that nonsense is mostly "too large", the type last.
fn next(bytes: &[u8], max_frame_size: u32) -> Result<Next<'_>, Failure> {
    if let Some(prefix) = bytes.first_chunk::<{ frame::PREFIX_BYTES }>() {
        let size = u32::from_be_bytes([prefix[3], prefix[4], prefix[5], prefix[6]]);
        if max_frame_size != 0 && size > max_frame_size {
            return Err(Failure::frame(format!(
                "Frame size {size} exceeds maxFrameSize {max_frame_size}"
            )));
        }
    }
    match frame::cut_any(bytes) {
        Ok(Some(cut)) if !cut.is_known() => Err(Failure::frame(format!("Unknown frame type {}", cut.kind))),
        Ok(Some(cut)) => Ok(Next::Frame(cut)),
        Ok(None) => Ok(Next::Incomplete),
        Err(_) => Err(Failure::frame("Invalid frame")),
    }
}

/// Whether a method that carries content has all its arguments.
fn is_whole(payload: &[u8]) -> bool {
    match method::ids(payload) {
        Some((_, content::BASIC_DELIVER)) => deliver(&payload[4..]).is_some(),
        _ => method::decode(payload).is_ok(),
    }
}

struct Deliver<'a> {
    /// With its length octet.
    consumer_tag: &'a [u8],
    tag: u64,
    redelivered: bool,
    /// Exchange and routing key, with their length octets.
    address: &'a [u8],
}

fn deliver(payload: &[u8]) -> Option<Deliver<'_>> {
    let mut arguments = Arguments(payload);
    let consumer_tag = arguments.short_string()?.len() + 1;
    let tag = arguments.long_long()?;
    let redelivered = arguments.octet()? & 1 != 0;
    let address = arguments.0;
    arguments.short_string()?;
    arguments.short_string()?;
    Some(Deliver {
        consumer_tag: &payload[..consumer_tag],
        tag,
        redelivered,
        address: &address[..address.len() - arguments.0.len()],
    })
}

fn header(payload: &[u8]) -> Result<content::Header<'_>, Failure> {
    match content::header(payload) {
        Some(head) if head.class_id != content::BASIC => Err(Failure::frame(UNKNOWN_METHOD)),
        Some(head) if head.body_size <= LARGEST_BODY => Ok(head),
        Some(head) => Err(Failure::frame(format!(
            "Message body of {} bytes is larger than {LARGEST_BODY}",
            head.body_size
        ))),
        None => Err(malformed_header()),
    }
}

fn malformed_header() -> Failure {
    Failure::frame("Malformed content header")
}

fn malformed(payload: &[u8]) -> Failure {
    let (class_id, method_id) = method::ids(payload).unwrap_or((0, 0));
    let text = if method::is_known(class_id, method_id) {
        format!("Malformed method {class_id}.{method_id}")
    } else {
        UNKNOWN_METHOD.into()
    };
    Failure {
        class_id,
        method_id,
        ..Failure::frame(text)
    }
}

/// A frame that does not continue what its channel has begun: JavaScript closes the channel for it. What had arrived of the
/// message is forgotten.
fn stray(cut: frame::Frame<'_>, awaited: Awaited, batch: &mut Batch) {
    let id = match cut.kind {
        frame::METHOD => {
            method::ids(cut.payload).map_or(0, |(class, method)| u32::from(class) << 16 | u32::from(method))
        }
        // Content has no method; a header only its class.
        frame::HEADER => content::BASIC.into(),
        _ => 0,
    };
    batch.stray(cut.channel, id, awaited);
}
