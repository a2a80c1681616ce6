//! Cutting frames out of a byte stream and writing their envelopes.

use std::fmt;

/// What a client sends first (section 4.2.2).
pub const PROTOCOL_HEADER: &[u8; 8] = b"AMQP\0\0\x09\x01";

pub const METHOD: u8 = 1;
pub const HEADER: u8 = 2;
pub const BODY: u8 = 3;
pub const HEARTBEAT: u8 = 8;
/// The octet that ends every frame (section 4.2.3).
pub const END: u8 = 0xce;

/// type, channel, size.
pub const PREFIX_BYTES: usize = 7;
/// All of a frame that is not payload: the prefix and the end octet.
pub const ENVELOPE_BYTES: usize = PREFIX_BYTES + 1;
/// The smallest frame size a peer may ask for (section 4.2.3, constant frame-min-size).
pub const MIN_FRAME_MAX: u32 = 4096;

pub const HEARTBEAT_FRAME: [u8; 8] = [HEARTBEAT, 0, 0, 0, 0, 0, 0, END];

/// One frame, its payload borrowed from the read buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    pub kind: u8,
    pub channel: u16,
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// Bytes the frame takes on the wire.
    pub fn wire_len(&self) -> usize {
        self.payload.len() + ENVELOPE_BYTES
    }

    /// Whether its type is one that the specification names.
    pub fn is_known(&self) -> bool {
        is_known(self.kind)
    }
}

/// Why a byte stream is no sequence of frames: a connection error, 501 (frame-error).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// A frame type the specification does not name.
    Kind(u8),
    /// The payload is larger than what was negotiated.
    TooLarge { size: u32, max: u32 },
    /// The end octet is missing.
    End(u8),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Kind(kind) => write!(f, "unknown frame type {kind}"),
            FrameError::TooLarge { size, max } => {
                write!(f, "frame of {size} bytes is larger than the negotiated {max}")
            }
            FrameError::End(octet) => write!(f, "frame does not end with 206 but with {octet}"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Cuts the frame at the front of `bytes`; `None` when it has not arrived whole.
///
/// `frame_max` is the negotiated size of a whole frame in bytes, envelope included; 0 means no limit.
pub fn cut(bytes: &[u8], frame_max: u32) -> Result<Option<Frame<'_>>, FrameError> {
    let Some(prefix) = bytes.first_chunk::<PREFIX_BYTES>() else {
        return Ok(None);
    };
    if !is_known(prefix[0]) {
        return Err(FrameError::Kind(prefix[0]));
    }
    let size = u32::from_be_bytes([prefix[3], prefix[4], prefix[5], prefix[6]]);
    if frame_max != 0 && u64::from(size) + ENVELOPE_BYTES as u64 > u64::from(frame_max) {
        return Err(FrameError::TooLarge { size, max: frame_max });
    }
    cut_any(bytes)
}

/// As `cut`, of any type and size.
pub fn cut_any(bytes: &[u8]) -> Result<Option<Frame<'_>>, FrameError> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
        return Ok(None);
    };
    let size = u32::from_be_bytes([prefix[3], prefix[4], prefix[5], prefix[6]]) as usize;
    match rest.get(size) {
        None => Ok(None),
        Some(&END) => Ok(Some(Frame {
            kind: prefix[0],
            channel: u16::from_be_bytes([prefix[1], prefix[2]]),
            payload: &rest[..size],
        })),
        Some(&octet) => Err(FrameError::End(octet)),
    }
}

/// Whether the specification names this type.
fn is_known(kind: u8) -> bool {
    matches!(kind, METHOD | HEADER | BODY | HEARTBEAT)
}

/// Writes one frame whose payload `write` appends.
pub fn put(out: &mut Vec<u8>, kind: u8, channel: u16, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    out.extend_from_slice(&channel.to_be_bytes());
    let size_at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let size = (out.len() - size_at - 4) as u32;
    out[size_at..size_at + 4].copy_from_slice(&size.to_be_bytes());
    out.push(END);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_cut_only_when_whole() {
        let mut wire = Vec::new();
        put(&mut wire, BODY, 7, |out| out.extend_from_slice(b"hello"));
        for end in 0..wire.len() {
            assert_eq!(cut(&wire[..end], 0), Ok(None));
        }
        let frame = cut(&wire, 0).unwrap().unwrap();
        assert_eq!(
            frame,
            Frame {
                kind: BODY,
                channel: 7,
                payload: b"hello"
            }
        );
        assert_eq!(frame.wire_len(), wire.len());
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(cut(b"HTTP/1.1 400 Bad Request", 0), Err(FrameError::Kind(b'H')));
        assert_eq!(cut(&[METHOD, 0, 0, 0, 0, 0, 1, 9, 0], 0), Err(FrameError::End(0)));
        let large = [METHOD, 0, 0, 0, 0, 0x20, 0];
        assert_eq!(
            cut(&large, 4096),
            Err(FrameError::TooLarge {
                size: 8192,
                max: 4096
            })
        );
    }
}
