//! Makes frames of what JavaScript has packed: a table of two words a message (tag, length) and their payloads in one
//! piece.

use super::frame::{HEADER_BYTES, Header};

/// Payloads from this size on go to the kernel from where they are, without a copy.
pub const LARGE_BYTES: usize = 16 * 1024;

pub enum Payload<'a> {
    Bytes(&'a [u8]),
    /// Lengths are in units.
    Utf16(&'a [u16]),
}

/// Appends the frames to `out`. `None` when table and payloads do not fit together, and `out` is then of no use.
pub fn join(table: &[u32], payload: &Payload, out: &mut Vec<u8>) -> Option<()> {
    match payload {
        Payload::Bytes(bytes) => join_bytes(table, bytes, out),
        Payload::Utf16(units) => join_text(table, units, out),
    }
}

fn join_bytes(table: &[u32], mut bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.reserve(bytes.len() + table.len() / 2 * HEADER_BYTES);
    for &[tag, length] in table.as_chunks::<2>().0 {
        let (payload, rest) = bytes.split_at_checked(length as usize)?;
        out.extend_from_slice(&Header { length, tag }.to_bytes());
        out.extend_from_slice(payload);
        bytes = rest;
    }
    Some(())
}

fn join_text(table: &[u32], mut units: &[u16], out: &mut Vec<u8>) -> Option<()> {
    out.reserve(units.len() + table.len() / 2 * HEADER_BYTES);
    for &[tag, length] in table.as_chunks::<2>().0 {
        let (text, rest) = units.split_at_checked(length as usize)?;
        units = rest;
        let start = out.len();
        out.extend_from_slice(&[0; HEADER_BYTES]);
        append_text(text, out);
        let length = u32::try_from(out.len() - start - HEADER_BYTES).ok()?;
        out[start..start + HEADER_BYTES].copy_from_slice(&Header { length, tag }.to_bytes());
    }
    Some(())
}

fn append_text(text: &[u16], out: &mut Vec<u8>) {
    // Almost always; both loops are vectorized.
    if text.iter().fold(0, |all, unit| all | unit) < 0x80 {
        out.extend(text.iter().map(|&unit| unit as u8));
        return;
    }
    // JSON.stringify leaves no lone surrogate.
    for character in char::decode_utf16(text.iter().copied()) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_get_their_headers() {
        let mut out = Vec::new();
        assert_eq!(
            join(&[0, 2, 0x101, 1], &Payload::Bytes(b"abc"), &mut out),
            Some(())
        );
        assert_eq!(out, b"\x02\0\0\0\0\0\0\0ab\x01\0\0\0\x01\x01\0\0c");
    }

    #[test]
    fn text_is_counted_in_units_and_sent_as_utf8() {
        let units: Vec<u16> = "aé😀".encode_utf16().collect();
        let mut out = Vec::new();
        assert_eq!(join(&[0, 1, 0, 3], &Payload::Utf16(&units), &mut out), Some(()));
        let expected = [b"\x01\0\0\0\0\0\0\0a\x06\0\0\0\0\0\0\0", "é😀".as_bytes()].concat();
        assert_eq!(out, expected);
    }

    #[test]
    fn a_table_beyond_the_payloads_is_refused() {
        assert_eq!(join(&[0, 4], &Payload::Bytes(b"abc"), &mut Vec::new()), None);
        assert_eq!(join(&[0, 4], &Payload::Utf16(&[97]), &mut Vec::new()), None);
    }
}
