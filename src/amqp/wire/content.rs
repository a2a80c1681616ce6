//! Messages on the wire (section 4.2.6): a method that carries content, its header frame, its body frames.

use super::frame::{self, ENVELOPE_BYTES};
use super::table;

/// The class of everything that carries content.
pub const BASIC: u16 = 60;
pub const BASIC_PUBLISH: u16 = 40;
pub const BASIC_RETURN: u16 = 50;
pub const BASIC_DELIVER: u16 = 60;
pub const BASIC_GET_OK: u16 = 71;
pub const BASIC_ACK: u16 = 80;
pub const BASIC_REJECT: u16 = 90;
pub const BASIC_NACK: u16 = 120;

/// Appends a short string; what exceeds its 255 bytes is the caller's error and is checked there.
pub fn put_short_string(out: &mut Vec<u8>, text: &[u8]) {
    debug_assert!(text.len() <= 255);
    out.push(text.len() as u8);
    out.extend_from_slice(text);
}

/// Appends the header and body frames of a message.
///
/// `properties` are the property flags and property list as they stand on the wire. `frame_max` as negotiated, 0 for no
/// limit.
pub fn put(out: &mut Vec<u8>, channel: u16, properties: &[u8], body: &[u8], frame_max: u32) {
    frame::put(out, frame::HEADER, channel, |out| {
        out.extend_from_slice(&BASIC.to_be_bytes());
        out.extend_from_slice(&[0, 0]); // weight, unused
        out.extend_from_slice(&(body.len() as u64).to_be_bytes());
        out.extend_from_slice(properties);
    });
    let piece = if frame_max == 0 {
        usize::MAX
    } else {
        frame_max as usize - ENVELOPE_BYTES
    };
    for piece in body.chunks(piece.min(u32::MAX as usize)) {
        frame::put(out, frame::BODY, channel, |out| out.extend_from_slice(piece));
    }
}

/// A header frame's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    pub class_id: u16,
    pub body_size: u64,
    /// Property flags and list, undecoded.
    pub properties: &'a [u8],
}

/// Reads a header frame's payload; `None` when it is truncated.
pub fn header(payload: &[u8]) -> Option<Header<'_>> {
    let (fixed, properties) = payload.split_first_chunk::<12>()?;
    if properties.len() < 2 {
        return None;
    }
    let class_id = u16::from_be_bytes([fixed[0], fixed[1]]);
    let body_size = u64::from_be_bytes(*fixed.last_chunk::<8>()?);
    Some(Header {
        class_id,
        body_size,
        properties,
    })
}

/// Whether property flags and the list that they announce are there (section 4.2.6.1); octets behind them do not count.
pub fn are_whole(properties: &[u8]) -> bool {
    /// content-type to cluster-id; the flag of the n-th is bit 15 - n.
    const COUNT: usize = 14;
    const HEADERS: usize = 2;
    const DELIVERY_MODE: usize = 3;
    const PRIORITY: usize = 4;
    const TIMESTAMP: usize = 9;
    let mut rest = Arguments(properties);
    let Some(flags) = rest.short() else {
        return false;
    };
    (0..COUNT)
        .filter(|index| flags & (1 << (15 - index)) != 0)
        .all(|index| match index {
            HEADERS => table::skip(&mut rest).is_some(),
            DELIVERY_MODE | PRIORITY => rest.octet().is_some(),
            TIMESTAMP => rest.long_long().is_some(),
            _ => rest.short_string().is_some(),
        })
}

/// Walks the arguments of a hot method in place.
#[derive(Debug, Clone, Copy)]
pub struct Arguments<'a>(pub &'a [u8]);

impl<'a> Arguments<'a> {
    pub fn octet(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    pub fn short(&mut self) -> Option<u16> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*bytes))
    }

    pub fn long(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    pub fn long_long(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*bytes))
    }

    pub fn short_string(&mut self) -> Option<&'a [u8]> {
        let len = self.octet()? as usize;
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_at_frame_max() {
        let mut wire = Vec::new();
        put(&mut wire, 1, &[0, 0], &[b'x'; 10], 8 + 4);
        let mut rest = &wire[..];
        let mut sizes = Vec::new();
        while let Some(cut) = frame::cut(rest, 0).unwrap() {
            if cut.kind == frame::HEADER {
                assert_eq!(
                    header(cut.payload),
                    Some(Header {
                        class_id: 60,
                        body_size: 10,
                        properties: &[0, 0]
                    })
                );
            } else {
                sizes.push(cut.payload.len());
            }
            rest = &rest[cut.wire_len()..];
        }
        assert!(rest.is_empty());
        assert_eq!(sizes, [4, 4, 2]);
    }

    #[test]
    fn truncated_arguments_are_none() {
        let mut arguments = Arguments(&[3, b'a', b'b']);
        assert_eq!(arguments.short_string(), None);
        assert_eq!(header(&[0; 13]), None);
    }
}
