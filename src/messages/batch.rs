//! Frames gathered for one crossing: a table of what they are, and their payloads in one piece.

use super::frame::{Codec, Fault, Header, kind};

/// A batch has at most so many messages, and takes no further one once its payloads are so many bytes.
pub const BATCH_MESSAGES: usize = 4096;
const BATCH_BYTES: usize = 64 * 1024;
/// From this size on a message travels alone, so that keeping it keeps nothing but itself.
const ALONE_BYTES: u32 = 16 * 1024;

pub struct Batch {
    /// Two words a message: tag, and length of the payload (JSON: in UTF-16 units).
    table: Vec<u32>,
    payloads: Vec<u8>,
    /// JSON: what stands between two messages; see `Batch::payloads`.
    separator: Option<String>,
    only_messages: bool,
    is_ascii: bool,
    has_large: bool,
}

impl Batch {
    /// `nonce` is a number that no sender can guess.
    pub fn new(codec: Codec, nonce: u32) -> Self {
        Batch {
            table: Vec::new(),
            payloads: Vec::new(),
            separator: (codec == Codec::Json).then(|| format!(",{nonce},")),
            only_messages: true,
            is_ascii: true,
            has_large: false,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub fn count(&self) -> usize {
        self.table.len() / 2
    }

    pub fn table(&self) -> &[u32] {
        &self.table
    }

    /// Whether there is nothing but plain messages.
    pub fn only_messages(&self) -> bool {
        self.only_messages
    }

    pub fn is_ascii(&self) -> bool {
        self.is_ascii
    }

    /// Raw and V8: the payloads, one behind another. JSON: one text. A single message stands as it came; several are an
    /// array with the nonce between them, so that one `JSON.parse` reads them all and a nonce out of its place tells of a
    /// message that was not JSON by itself.
    pub fn payloads(&mut self) -> &[u8] {
        if self.separator.is_none() {
            return &self.payloads;
        }
        if self.count() == 1 {
            return &self.payloads[1..];
        }
        self.payloads.push(b']');
        &self.payloads
    }

    /// Whether a message with this header has to wait for the next batch.
    pub fn refuses(&self, header: Header) -> bool {
        !self.is_empty()
            && (self.has_large
                || header.length >= ALONE_BYTES
                || self.payloads.len() >= BATCH_BYTES
                || self.count() >= BATCH_MESSAGES)
    }

    /// # Errors
    /// `Fault::Text`: the payload is to be JSON and no text. The batch is as before then.
    pub fn push(&mut self, header: Header, payload: &[u8]) -> Result<(), Fault> {
        let mut length = header.length;
        if let Some(separator) = &self.separator {
            if !payload.is_ascii() {
                let text = std::str::from_utf8(payload).map_err(|_| Fault::Text)?;
                length = text.chars().map(|character| character.len_utf16() as u32).sum();
                self.is_ascii = false;
            }
            let before = if self.table.is_empty() { "[" } else { separator };
            self.payloads.extend_from_slice(before.as_bytes());
        }
        self.payloads.extend_from_slice(payload);
        if self.separator.is_some() && payload.is_empty() && may_be_empty(header.kind()) {
            self.payloads.extend_from_slice(b"null");
        }
        self.table.extend([header.tag, length]);
        self.only_messages &= header.kind() == kind::MESSAGE;
        self.has_large |= header.length >= ALONE_BYTES;
        Ok(())
    }
}

/// Where no value is a value.
fn may_be_empty(kind: u8) -> bool {
    kind == kind::RESPONSE || kind == kind::CANCEL
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(kind: u8, id: u32, length: usize) -> Header {
        Header {
            length: length as u32,
            tag: u32::from(kind) | id << 8,
        }
    }

    #[test]
    fn raw_payloads_stand_one_behind_another() {
        let mut batch = Batch::new(Codec::Raw, 77);
        batch.push(header(kind::MESSAGE, 0, 2), b"ab").unwrap();
        batch.push(header(kind::MESSAGE, 0, 0), b"").unwrap();
        batch.push(header(kind::REQUEST, 1, 1), b"c").unwrap();
        assert_eq!(batch.payloads(), b"abc");
        assert_eq!(batch.table(), [0, 2, 0, 0, 0x101, 1]);
        assert!(!batch.only_messages());
    }

    #[test]
    fn several_json_messages_are_one_array() {
        let mut batch = Batch::new(Codec::Json, 77);
        batch.push(header(kind::MESSAGE, 0, 1), b"1").unwrap();
        batch.push(header(kind::RESPONSE, 5, 0), b"").unwrap();
        batch
            .push(header(kind::MESSAGE, 0, 8), "\"é😀\"".as_bytes())
            .unwrap();
        assert_eq!(batch.payloads(), "[1,77,null,77,\"é😀\"]".as_bytes());
        assert_eq!(batch.table(), [0, 1, 0x502, 0, 0, 5]);
        assert!(!batch.is_ascii());
    }

    #[test]
    fn one_json_message_stands_as_it_came() {
        let mut batch = Batch::new(Codec::Json, 77);
        batch.push(header(kind::MESSAGE, 0, 2), b"{}").unwrap();
        assert_eq!(batch.payloads(), b"{}");
        assert!(batch.only_messages() && batch.is_ascii());
    }

    #[test]
    fn json_that_is_no_text_is_refused() {
        let mut batch = Batch::new(Codec::Json, 77);
        assert_eq!(batch.push(header(kind::MESSAGE, 0, 1), b"\xff"), Err(Fault::Text));
        assert!(batch.is_empty());
    }

    #[test]
    fn a_large_message_travels_alone() {
        let large = header(kind::MESSAGE, 0, ALONE_BYTES as usize);
        let small = header(kind::MESSAGE, 0, 1);
        let mut batch = Batch::new(Codec::Raw, 77);
        assert!(!batch.refuses(large));
        batch.push(small, b"a").unwrap();
        assert!(batch.refuses(large) && !batch.refuses(small));
        let mut batch = Batch::new(Codec::Raw, 77);
        batch.push(large, &[0; ALONE_BYTES as usize]).unwrap();
        assert!(batch.refuses(small));
    }
}
