//! Records for JavaScript, packed one behind another: what `lib/amqplib/records.js` walks.
//!
//! A record is a run of 32-bit words in the machine's byte order. Word 0 is kind, flags and channel, word 1 the record's
//! length in words; what follows depends on the kind. Nothing in a record refers to a position, so batches can be
//! joined.

use super::failure::Failure;
use super::inbound::Awaited;
use crate::tls::Peer;

/// A delivery: route, properties, tag (2 words), property bytes, body bytes; then these bytes.
const DELIVER: u8 = 1;
/// Bytes to remember under a number: consumer tag, exchange and routing key of deliveries.
const ROUTE: u8 = 2;
/// The same for property flags and list.
const PROPERTIES: u8 = 3;
/// basic.ack or basic.nack: tag (2 words).
const CONFIRM: u8 = 4;
/// Any other method: its payload.
const METHOD: u8 = 5;
/// basic.return or basic.get-ok with its content.
const CONTENT: u8 = 6;
/// The connection is open: frame size, channel number, heartbeat, connection.start as the server sent it.
const OPEN: u8 = 7;
/// The connection failed or ended; nothing follows.
const END: u8 = 8;
/// Publishing may go on.
const WRITABLE: u8 = 9;
/// A TLS server, to be approved before anything is sent: verify result, bits of a Diffie-Hellman key; verify text, version,
/// the cipher's three names and ALPN protocol, a line each; its certificates (DER, its own first), each behind its length.
const PEER: u8 = 10;
/// A frame that does not continue the message that its channel has begun: method id, what was awaited (0 a method, 1 a header,
/// 2 a body), the bytes of that message (2 words).
const STRAY: u8 = 11;

const REDELIVERED: u8 = 1;
const BODY_APART: u8 = 2;
const CONFIRM_ACK: u8 = 1;
const CONFIRM_MULTIPLE: u8 = 2;
const CONFIRM_REQUEUE: u8 = 4;

/// Bodies from this size on travel as buffers of their own: a copy less, and a kept message pins nothing but itself.
pub const APART_BYTES: usize = 16 << 10;

/// Set in the word for route or properties when the bytes are in the record; the other bits are their number then.
const INLINE: u32 = 1 << 31;

/// Bytes of a delivery that repeat from message to message: known to JavaScript by number, or here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeated<'a> {
    Known(u32),
    Inline(&'a [u8]),
}

impl<'a> Repeated<'a> {
    fn word(self) -> u32 {
        match self {
            Repeated::Known(id) => id,
            Repeated::Inline(bytes) => INLINE | bytes.len() as u32,
        }
    }

    fn bytes(self) -> &'a [u8] {
        match self {
            Repeated::Known(_) => &[],
            Repeated::Inline(bytes) => bytes,
        }
    }
}

/// A message body: copied into the batch, or a buffer of its own.
#[derive(Debug)]
pub enum Body<'a> {
    Borrowed(&'a [u8]),
    Owned(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    Route,
    Properties,
}

#[derive(Debug, Default)]
pub struct Batch {
    pub records: Vec<u8>,
    /// Bodies that travel apart, in the order of their records.
    pub bodies: Vec<Vec<u8>>,
    body_bytes: usize,
}

impl Batch {
    pub fn len(&self) -> usize {
        self.records.len() + self.body_bytes
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub fn append(&mut self, mut later: Batch) {
        self.records.extend_from_slice(&later.records);
        self.bodies.append(&mut later.bodies);
        self.body_bytes += later.body_bytes;
    }

    fn record(&mut self, kind: u8, flags: u8, channel: u16, words: &[u32], payload: &[&[u8]]) {
        let payload_bytes: usize = payload.iter().map(|part| part.len()).sum();
        let length = 2 + words.len() + payload_bytes.div_ceil(4);
        let end = self.records.len() + length * 4;
        let head = u32::from(kind) | u32::from(flags) << 8 | u32::from(channel) << 16;
        self.records.extend_from_slice(&head.to_ne_bytes());
        self.records.extend_from_slice(&(length as u32).to_ne_bytes());
        for word in words {
            self.records.extend_from_slice(&word.to_ne_bytes());
        }
        for part in payload {
            self.records.extend_from_slice(part);
        }
        self.records.resize(end, 0);
    }

    /// Bytes of the body to put into the record; a large one is set aside.
    fn place<'a>(&mut self, body: Body<'a>) -> (&'a [u8], u32, bool) {
        let apart = match body {
            Body::Borrowed(bytes) if bytes.len() < APART_BYTES => return (bytes, bytes.len() as u32, false),
            Body::Borrowed(bytes) => bytes.to_vec(),
            Body::Owned(bytes) => bytes,
        };
        let size = apart.len();
        self.body_bytes += size;
        self.bodies.push(apart);
        (&[], size as u32, true)
    }

    pub fn deliver(
        &mut self,
        channel: u16,
        route: Repeated<'_>,
        properties: Repeated<'_>,
        delivery_tag: u64,
        redelivered: bool,
        body: Body<'_>,
    ) {
        let (body, size, apart) = self.place(body);
        let flags = if redelivered { REDELIVERED } else { 0 } | if apart { BODY_APART } else { 0 };
        self.record(
            DELIVER,
            flags,
            channel,
            &[
                route.word(),
                properties.word(),
                delivery_tag as u32,
                (delivery_tag >> 32) as u32,
                size,
            ],
            &[route.bytes(), properties.bytes(), body],
        );
    }

    pub fn remember(&mut self, memory: Memory, id: u32, bytes: &[u8]) {
        let kind = match memory {
            Memory::Route => ROUTE,
            Memory::Properties => PROPERTIES,
        };
        self.record(kind, 0, 0, &[id, bytes.len() as u32], &[bytes]);
    }

    pub fn confirm(&mut self, channel: u16, delivery_tag: u64, ack: bool, multiple: bool, requeue: bool) {
        let flags = if ack { CONFIRM_ACK } else { 0 }
            | if multiple { CONFIRM_MULTIPLE } else { 0 }
            | if requeue { CONFIRM_REQUEUE } else { 0 };
        let words = [delivery_tag as u32, (delivery_tag >> 32) as u32];
        self.record(CONFIRM, flags, channel, &words, &[]);
    }

    pub fn method(&mut self, channel: u16, payload: &[u8]) {
        self.record(METHOD, 0, channel, &[payload.len() as u32], &[payload]);
    }

    pub fn content(&mut self, channel: u16, method: &[u8], properties: &[u8], body: Body<'_>) {
        let (body, size, apart) = self.place(body);
        self.record(
            CONTENT,
            if apart { BODY_APART } else { 0 },
            channel,
            &[method.len() as u32, properties.len() as u32, size],
            &[method, properties, body],
        );
    }

    pub fn open(&mut self, frame_max: u32, channel_max: u16, heartbeat: u16, start: &[u8], addresses: &str) {
        let words = [
            frame_max,
            u32::from(channel_max),
            u32::from(heartbeat),
            start.len() as u32,
            addresses.len() as u32,
        ];
        self.record(OPEN, 0, 0, &words, &[start, addresses.as_bytes()]);
    }

    pub fn end(&mut self, failure: &Failure) {
        let text = failure.text.as_bytes();
        self.record(
            END,
            failure.scope as u8,
            failure.channel,
            &[
                failure.code as u32,
                u32::from(failure.class_id) << 16 | u32::from(failure.method_id),
                text.len() as u32,
            ],
            &[text],
        );
    }

    pub fn peer(&mut self, peer: &Peer) {
        let [name, standard_name, of_version] = &peer.cipher;
        let texts = [
            &peer.verify_text,
            &peer.version,
            name,
            standard_name,
            of_version,
            &peer.protocol,
        ];
        let texts = texts.map(String::as_str).join("\n");
        let mut certificates = Vec::new();
        for der in &peer.certificates {
            certificates.extend_from_slice(&(der.len() as u32).to_be_bytes());
            certificates.extend_from_slice(der);
        }
        let lengths = [texts.len() as u32, certificates.len() as u32];
        let words = [peer.verify_result, peer.dh_bits, lengths[0], lengths[1]];
        self.record(PEER, 0, 0, &words, &[texts.as_bytes(), &certificates]);
    }

    pub fn stray(&mut self, channel: u16, id: u32, awaited: Awaited) {
        let (what, size) = match awaited {
            Awaited::Method => (0, 0),
            Awaited::Header => (1, 0),
            Awaited::Body(size) => (2, size),
        };
        let words = [id, what, size as u32, (size >> 32) as u32];
        self.record(STRAY, 0, channel, &words, &[]);
    }

    pub fn writable(&mut self) {
        self.record(WRITABLE, 0, 0, &[], &[]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_its_length_and_is_padded() {
        let mut batch = Batch::default();
        batch.method(7, b"abcde");
        assert_eq!(batch.records.len(), 20);
        let word = |at: usize| u32::from_ne_bytes(batch.records[at * 4..at * 4 + 4].try_into().unwrap());
        assert_eq!(word(0), u32::from(METHOD) | 7 << 16);
        assert_eq!((word(1), word(2)), (5, 5));
    }

    #[test]
    fn a_large_body_travels_apart() {
        let mut batch = Batch::default();
        let body = vec![b'x'; APART_BYTES];
        batch.deliver(
            1,
            Repeated::Known(0),
            Repeated::Inline(&[0, 0]),
            9,
            true,
            Body::Borrowed(&body),
        );
        assert_eq!(batch.bodies, [body]);
        assert_eq!(batch.records.len(), 7 * 4 + 4);
    }
}
