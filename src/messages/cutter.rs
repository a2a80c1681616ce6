//! Finds frames in bytes as they arrive, however they are chopped up.

use super::batch::Batch;
use super::frame::{self, Codec, Fault, HEADER_BYTES, Header, PREAMBLE_BYTES};

/// A frame that is still to come is given memory as its bytes arrive, at least so much at a time: a header that promises
/// a lot costs nothing by itself.
const GROWTH_BYTES: usize = 256 * 1024;

pub struct Cutter {
    codec: Codec,
    max_length: u32,
    /// Whether the preamble has come.
    is_open: bool,
    /// The beginning of a preamble, or of a frame with its header.
    partial: Vec<u8>,
}

impl Cutter {
    pub fn new(codec: Codec, max_length: u32) -> Self {
        Cutter {
            codec,
            max_length,
            is_open: false,
            partial: Vec::new(),
        }
    }

    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// How much memory the beginning of a frame takes up.
    pub fn kept_bytes(&self) -> usize {
        self.partial.capacity()
    }

    /// Lets go of the beginning of a frame: its end will not come.
    pub fn discard(&mut self) {
        self.partial = Vec::new();
    }

    /// Puts whole frames into `batch` and returns what is left when it has no more room; empty when all is taken.
    ///
    /// # Errors
    /// The peer's fault. `batch` has what came before it; nothing can be cut any more.
    pub fn cut<'a>(&mut self, mut bytes: &'a [u8], batch: &mut Batch) -> Result<&'a [u8], Fault> {
        loop {
            if self.is_open && self.partial.is_empty() {
                bytes = self.cut_in_place(bytes, batch)?;
                if self.partial.is_empty() {
                    return Ok(bytes);
                }
                bytes = &[];
            }
            let Some(missing) = self.missing()? else {
                if !self.take_partial(batch)? {
                    return Ok(bytes);
                }
                continue;
            };
            let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
            self.partial.extend_from_slice(taken);
            bytes = rest;
            if taken.len() < missing {
                return Ok(bytes);
            }
        }
    }

    /// Room for the rest of a large frame, of which at least `least` bytes are missing: a read into it needs no copy.
    pub fn room(&mut self, least: usize) -> Option<(*mut u8, usize)> {
        let missing = self.missing().ok().flatten()?;
        if missing < least {
            return None;
        }
        let room = missing.min(self.partial.len().max(GROWTH_BYTES));
        self.partial.reserve(room);
        let spare = self.partial.spare_capacity_mut();
        Some((spare.as_mut_ptr().cast(), room.min(spare.len())))
    }

    /// # Safety
    /// `count` bytes were written to the start of what `room` gave, with no other call between.
    pub unsafe fn filled(&mut self, count: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.partial.set_len(self.partial.len() + count) };
    }

    /// # Errors
    /// `Fault::Truncated` when the stream must not end here.
    pub fn end(&self) -> Result<(), Fault> {
        match (self.partial.is_empty(), self.missing()?) {
            (false, Some(missing)) => Err(Fault::Truncated(missing as u32)),
            _ => Ok(()),
        }
    }

    /// Cuts what is there whole, without a copy; the rest becomes `partial` unless the batch is full.
    fn cut_in_place<'a>(&mut self, mut bytes: &'a [u8], batch: &mut Batch) -> Result<&'a [u8], Fault> {
        while let Some((head, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() {
            let header = Header::parse(*head, self.max_length)?;
            if batch.refuses(header) {
                return Ok(bytes);
            }
            let Some((payload, rest)) = rest.split_at_checked(header.length as usize) else {
                break;
            };
            batch.push(header, payload)?;
            bytes = rest;
        }
        self.partial.extend_from_slice(bytes);
        Ok(&[])
    }

    /// How many bytes `partial` lacks to be whole, or to tell how many it will be; `None` when it is whole.
    fn missing(&self) -> Result<Option<usize>, Fault> {
        let have = self.partial.len();
        let need = match self.partial.first_chunk::<HEADER_BYTES>() {
            _ if !self.is_open => PREAMBLE_BYTES,
            None => HEADER_BYTES,
            Some(head) => HEADER_BYTES + Header::parse(*head, self.max_length)?.length as usize,
        };
        Ok((have < need).then(|| need - have))
    }

    /// Uses up a whole `partial`; false when the batch has no room for it.
    fn take_partial(&mut self, batch: &mut Batch) -> Result<bool, Fault> {
        let (head, payload) = self
            .partial
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or(Fault::NoMessages)?;
        if !self.is_open {
            frame::check_preamble(*head, self.codec)?;
            self.is_open = true;
            self.partial.clear();
            return Ok(true);
        }
        let header = Header::parse(*head, self.max_length)?;
        if batch.refuses(header) {
            return Ok(false);
        }
        batch.push(header, payload)?;
        // An idle connection keeps nothing.
        self.partial = Vec::new();
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::frame::preamble;

    fn frame(tag: u32, payload: &[u8]) -> Vec<u8> {
        let header = Header {
            length: payload.len() as u32,
            tag,
        };
        [&header.to_bytes(), payload].concat()
    }

    fn opened() -> Cutter {
        let mut cutter = Cutter::new(Codec::Raw, 100_000);
        let mut batch = Batch::new(Codec::Raw, 1);
        assert_eq!(cutter.cut(&preamble(Codec::Raw), &mut batch), Ok(&[][..]));
        cutter
    }

    #[test]
    fn whole_frames_are_taken_and_the_rest_is_kept() {
        let mut cutter = opened();
        let bytes = [frame(0, b"one"), frame(0, b""), frame(0x301, b"three")].concat();
        let mut batch = Batch::new(Codec::Raw, 1);
        let (first, second) = bytes.split_at(bytes.len() - 2);
        assert_eq!(cutter.cut(first, &mut batch), Ok(&[][..]));
        assert_eq!(batch.table(), [0, 3, 0, 0]);
        assert_eq!(batch.payloads(), b"one");
        assert_eq!(cutter.end(), Err(Fault::Truncated(2)));
        let mut batch = Batch::new(Codec::Raw, 1);
        assert_eq!(cutter.cut(second, &mut batch), Ok(&[][..]));
        assert_eq!(batch.payloads(), b"three");
        assert_eq!(cutter.end(), Ok(()));
    }

    #[test]
    fn what_a_full_batch_does_not_take_is_given_back() {
        let mut cutter = opened();
        let bytes = [frame(0, b"small"), frame(0, &[7; 50_000])].concat();
        let mut batch = Batch::new(Codec::Raw, 1);
        let rest = cutter.cut(&bytes, &mut batch).unwrap();
        assert_eq!((batch.payloads(), rest.len()), (&b"small"[..], 50_008));
        let mut batch = Batch::new(Codec::Raw, 1);
        assert_eq!(cutter.cut(rest, &mut batch), Ok(&[][..]));
        assert_eq!(batch.payloads(), [7; 50_000]);
    }

    #[test]
    fn the_rest_of_a_large_frame_is_read_in_place() {
        let mut cutter = opened();
        let bytes = frame(0, &[7; 100_000]);
        let mut batch = Batch::new(Codec::Raw, 1);
        assert_eq!(cutter.cut(&bytes[..1000], &mut batch), Ok(&[][..]));
        assert!(cutter.room(100_000).is_none());
        let (memory, room) = cutter.room(65_536).unwrap();
        assert_eq!(room, bytes.len() - 1000);
        // SAFETY: `room` bytes were lent.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes[1000..].as_ptr(), memory, room);
            cutter.filled(room);
        }
        assert_eq!(cutter.cut(&[], &mut batch), Ok(&[][..]));
        assert_eq!(batch.payloads(), [7; 100_000]);
    }

    #[test]
    fn faults_come_after_what_was_right() {
        let mut cutter = opened();
        let bytes = [frame(0, b"right"), frame(9, b"wrong")].concat();
        let mut batch = Batch::new(Codec::Raw, 1);
        assert_eq!(cutter.cut(&bytes, &mut batch), Err(Fault::Kind(9)));
        assert_eq!(batch.payloads(), b"right");
        let mut cutter = opened();
        let promise = 100_001_u64.to_le_bytes();
        assert_eq!(cutter.cut(&promise, &mut batch), Err(Fault::TooLong(100_001)));
    }

    #[test]
    fn the_end_before_anything_is_no_fault() {
        assert_eq!(Cutter::new(Codec::Raw, 1).end(), Ok(()));
        let mut cutter = Cutter::new(Codec::Raw, 1);
        let mut batch = Batch::new(Codec::Raw, 1);
        assert_eq!(cutter.cut(b"OX", &mut batch), Ok(&[][..]));
        assert_eq!(cutter.end(), Err(Fault::Truncated(6)));
    }
}
