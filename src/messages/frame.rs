//! The wire format: what begins each direction of a connection, and the header of a frame.

/// What a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Any bytes.
    Raw = 0,
    /// JSON text in UTF-8.
    Json = 1,
    /// V8's structured clone.
    V8 = 2,
}

impl Codec {
    pub fn from_number(number: u8) -> Option<Self> {
        [Codec::Raw, Codec::Json, Codec::V8]
            .into_iter()
            .find(|codec| *codec as u8 == number)
    }
}

/// Why a peer's bytes are no messages; the connection cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A frame of so many bytes.
    TooLong(u32),
    /// The stream does not begin as one of messages does.
    NoMessages,
    /// Another version of the format.
    Version(u8),
    /// The peer's codec is another one.
    Codec(u8),
    /// A frame of no known kind, or whose id or length its kind does not allow.
    Kind(u8),
    /// The stream ended inside a frame; so many bytes are missing.
    Truncated(u32),
    /// JSON that is not UTF-8.
    Text,
}

impl Fault {
    /// Its number and detail for JavaScript.
    pub fn numbers(self) -> (u32, u32) {
        match self {
            Fault::TooLong(length) => (0, length),
            Fault::NoMessages => (1, 0),
            Fault::Version(version) => (2, u32::from(version)),
            Fault::Codec(codec) => (3, u32::from(codec)),
            Fault::Kind(kind) => (4, u32::from(kind)),
            Fault::Truncated(missing) => (5, missing),
            Fault::Text => (6, 0),
        }
    }
}

const MAGIC: [u8; 3] = *b"OXM";
const VERSION: u8 = 1;
pub const PREAMBLE_BYTES: usize = 8;

/// The first bytes of each direction.
pub fn preamble(codec: Codec) -> [u8; PREAMBLE_BYTES] {
    let [o, x, m] = MAGIC;
    [o, x, m, VERSION, codec as u8, 0, 0, 0]
}

pub fn check_preamble(bytes: [u8; PREAMBLE_BYTES], codec: Codec) -> Result<(), Fault> {
    let [o, x, m, version, theirs, reserved @ ..] = bytes;
    if [o, x, m] != MAGIC {
        return Err(Fault::NoMessages);
    }
    if version != VERSION || reserved != [0; 3] {
        return Err(Fault::Version(version));
    }
    if theirs != codec as u8 {
        return Err(Fault::Codec(theirs));
    }
    Ok(())
}

/// Kinds of frames.
pub mod kind {
    pub const MESSAGE: u8 = 0;
    pub const REQUEST: u8 = 1;
    pub const RESPONSE: u8 = 2;
    pub const ERROR: u8 = 3;
    pub const CANCEL: u8 = 4;
}

pub const HEADER_BYTES: usize = 8;
/// An error may be so long whatever the limit for messages is.
const ERROR_BYTES: u32 = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes of payload behind the header.
    pub length: u32,
    /// Kind in the low byte, id of a request in the other three.
    pub tag: u32,
}

impl Header {
    /// Both words little-endian.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        (u64::from(self.length) | u64::from(self.tag) << 32).to_le_bytes()
    }

    pub fn parse(bytes: [u8; HEADER_BYTES], max_length: u32) -> Result<Self, Fault> {
        let both = u64::from_le_bytes(bytes);
        let header = Header {
            length: both as u32,
            tag: (both >> 32) as u32,
        };
        if !header.is_lawful() {
            return Err(Fault::Kind(header.kind()));
        }
        let limit = if header.kind() == kind::ERROR {
            max_length.max(ERROR_BYTES)
        } else {
            max_length
        };
        if header.length > limit {
            return Err(Fault::TooLong(header.length));
        }
        Ok(header)
    }

    pub fn kind(self) -> u8 {
        self.tag as u8
    }

    pub fn id(self) -> u32 {
        self.tag >> 8
    }

    fn is_lawful(self) -> bool {
        match self.kind() {
            kind::MESSAGE => self.id() == 0,
            kind::REQUEST | kind::RESPONSE | kind::ERROR => self.id() != 0,
            kind::CANCEL => self.id() != 0 && self.length == 0,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_two_little_endian_words() {
        let header = Header {
            length: 0x0102,
            tag: 0x00_00_07_01,
        };
        assert_eq!(header.to_bytes(), [2, 1, 0, 0, 1, 7, 0, 0]);
        assert_eq!(Header::parse(header.to_bytes(), 0x0102), Ok(header));
        assert_eq!((header.kind(), header.id()), (kind::REQUEST, 7));
    }

    #[test]
    fn a_header_that_says_too_much_is_refused() {
        let too_long = [3, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Header::parse(too_long, 2), Err(Fault::TooLong(3)));
        let message_with_id = [0, 0, 0, 0, 0, 1, 0, 0];
        assert_eq!(Header::parse(message_with_id, 9), Err(Fault::Kind(0)));
        let request_without_id = [0, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(Header::parse(request_without_id, 9), Err(Fault::Kind(1)));
        let cancel_with_payload = [1, 0, 0, 0, 4, 1, 0, 0];
        assert_eq!(Header::parse(cancel_with_payload, 9), Err(Fault::Kind(4)));
        let unknown = [0, 0, 0, 0, 5, 1, 0, 0];
        assert_eq!(Header::parse(unknown, 9), Err(Fault::Kind(5)));
    }

    #[test]
    fn a_preamble_names_version_and_codec() {
        assert_eq!(check_preamble(*b"OXM\x01\x01\0\0\0", Codec::Json), Ok(()));
        assert_eq!(
            check_preamble(*b"OXM\x01\x02\0\0\0", Codec::Json),
            Err(Fault::Codec(2))
        );
        assert_eq!(
            check_preamble(*b"OXM\x02\x01\0\0\0", Codec::Json),
            Err(Fault::Version(2))
        );
        assert_eq!(
            check_preamble(*b"OXM\x01\x01\0\0\x01", Codec::Json),
            Err(Fault::Version(1))
        );
        assert_eq!(check_preamble(*b"GET / HT", Codec::Json), Err(Fault::NoMessages));
    }
}
