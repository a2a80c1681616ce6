//! Where messages end.

/// The two serializations of `fork`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text, each message ended by a newline.
    Json,
    /// A big-endian length of 4 bytes before each message.
    Advanced,
}

/// A message above this ends the channel: with what one turn reads besides, it makes a text that V8 can hold (2^29 - 24), and
/// a length field from a hostile peer must not make us gather 4 GB.
pub const MAX_MESSAGE_BYTES: usize = 511 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub struct Oversized;

/// Finds the end of the last whole message in a growing buffer, looking at no byte of a partial one twice.
pub struct Cutter {
    format: Format,
    /// Json: bytes known to hold no newline. Advanced: bytes that the first message needs, 0 while unknown.
    known: usize,
}

impl Cutter {
    pub fn new(format: Format) -> Self {
        Cutter { format, known: 0 }
    }

    /// How many bytes at the start of `bytes` are whole messages. The caller takes them away.
    pub fn whole(&mut self, bytes: &[u8]) -> Result<usize, Oversized> {
        let end = match self.format {
            Format::Json => self.last_newline(bytes),
            Format::Advanced => self.last_length(bytes)?,
        };
        if bytes.len() - end > MAX_MESSAGE_BYTES {
            return Err(Oversized);
        }
        Ok(end)
    }

    fn last_newline(&mut self, bytes: &[u8]) -> usize {
        let fresh = &bytes[self.known.min(bytes.len())..];
        let end = fresh
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| self.known + at + 1);
        self.known = bytes.len() - end;
        end
    }

    fn last_length(&mut self, bytes: &[u8]) -> Result<usize, Oversized> {
        if bytes.len() < self.known {
            return Ok(0);
        }
        let mut end = 0;
        self.known = 0;
        while let Some((prefix, rest)) = bytes[end..].split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*prefix) as usize;
            if length > MAX_MESSAGE_BYTES {
                return Err(Oversized);
            }
            if rest.len() < length {
                self.known = 4 + length;
                break;
            }
            end += 4 + length;
        }
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_messages_end_with_their_newline() {
        let mut cutter = Cutter::new(Format::Json);
        assert_eq!(cutter.whole(b"1\n2\n{\"a"), Ok(4));
        assert_eq!(cutter.whole(b"{\"a"), Ok(0));
        assert_eq!(cutter.whole(b"{\"a\":1}\n"), Ok(8));
        assert_eq!(cutter.whole(b""), Ok(0));
    }

    #[test]
    fn advanced_messages_end_where_their_length_says() {
        let mut cutter = Cutter::new(Format::Advanced);
        assert_eq!(cutter.whole(b"\0\0"), Ok(0));
        assert_eq!(cutter.whole(b"\0\0\0\x02ab\0\0\0\0\0\0\0\x05x"), Ok(10));
        assert_eq!(cutter.whole(b"\0\0\0\x05x"), Ok(0));
        assert_eq!(cutter.whole(b"\0\0\0\x05xyzzy"), Ok(9));
    }

    #[test]
    fn a_length_beyond_every_message_is_refused_before_its_bytes_come() {
        assert_eq!(
            Cutter::new(Format::Advanced).whole(b"\xff\xff\xff\xff"),
            Err(Oversized)
        );
    }
}
