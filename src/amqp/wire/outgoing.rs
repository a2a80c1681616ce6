//! Bytes on their way to a peer: small things copied together, large bodies by reference.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;

use super::content::{self, BASIC};
use super::frame::{self, ENVELOPE_BYTES};

/// Bodies from here on are not copied: below it a copy costs less than one more slice in the system call.
const BY_REFERENCE_BYTES: usize = 16 * 1024;
/// Slices handed to one writev; Linux takes at most 1024 (IOV_MAX).
pub const SLICES: usize = 64;
/// What has been written is cut off the tail when it is this much, and half of it: a peer that is never quite served would
/// make it grow.
const CUT_BYTES: usize = 256 * 1024;
/// An empty tail keeps its memory up to this size.
const KEPT_BYTES: usize = 1024 * 1024;

/// What owns the bytes of a body.
pub trait BodyOwner: Clone {
    fn bytes(&self, range: Range<usize>) -> &[u8];
}

#[derive(Debug)]
enum Chunk<B> {
    Owned(Vec<u8>),
    Body(B, Range<usize>),
}

impl<B: BodyOwner> Chunk<B> {
    fn bytes(&self) -> &[u8] {
        match self {
            Chunk::Owned(bytes) => bytes,
            Chunk::Body(owner, range) => owner.bytes(range.clone()),
        }
    }
}

#[derive(Debug)]
pub struct Outgoing<B> {
    chunks: VecDeque<Chunk<B>>,
    /// Bytes in `chunks`.
    chunked: usize,
    /// Capacity of the owned ones among them.
    owned: usize,
    tail: Vec<u8>,
    /// How much of the first chunk (or of the tail, when there is none) has been written.
    written: usize,
}

impl<B> Default for Outgoing<B> {
    fn default() -> Self {
        Outgoing {
            chunks: VecDeque::new(),
            chunked: 0,
            owned: 0,
            tail: Vec::new(),
            written: 0,
        }
    }
}

impl<B: BodyOwner> Outgoing<B> {
    pub fn len(&self) -> usize {
        self.chunked + self.tail.len() - self.written
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.tail.is_empty()
    }

    /// The memory it has, less the bodies that others own.
    pub fn capacity(&self) -> usize {
        self.owned + self.chunks.capacity() * size_of::<Chunk<B>>() + self.tail.capacity()
    }

    /// Frees the memory of an empty one.
    pub fn shrink(&mut self) {
        if self.is_empty() {
            *self = Outgoing::default();
        }
    }

    pub fn clear(&mut self) {
        *self = Outgoing::default();
    }

    /// Where methods and small contents are appended.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Appends the header and body frames of a message whose body is `range` of `owner`.
    pub fn put(&mut self, channel: u16, properties: &[u8], owner: &B, range: Range<usize>, frame_max: u32) {
        if range.len() < BY_REFERENCE_BYTES {
            content::put(&mut self.tail, channel, properties, owner.bytes(range), frame_max);
            return;
        }
        frame::put(&mut self.tail, frame::HEADER, channel, |out| {
            out.extend_from_slice(&BASIC.to_be_bytes());
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&(range.len() as u64).to_be_bytes());
            out.extend_from_slice(properties);
        });
        let piece = if frame_max == 0 {
            range.len()
        } else {
            frame_max as usize - ENVELOPE_BYTES
        };
        let (mut at, end) = (range.start, range.end);
        while at < end {
            let stop = end.min(at + piece);
            self.tail.push(frame::BODY);
            self.tail.extend_from_slice(&channel.to_be_bytes());
            self.tail.extend_from_slice(&((stop - at) as u32).to_be_bytes());
            self.close_tail();
            self.chunked += stop - at;
            self.chunks.push_back(Chunk::Body(owner.clone(), at..stop));
            self.tail.push(frame::END);
            at = stop;
        }
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.chunked += self.tail.len();
            self.owned += self.tail.capacity();
            self.chunks
                .push_back(Chunk::Owned(std::mem::take(&mut self.tail)));
        }
    }

    /// Fills `slices` with what to write next and says how many it filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES]) -> usize {
        let mut count = 0;
        let mut skip = self.written;
        for bytes in self.chunks.iter().map(Chunk::bytes).chain([&self.tail[..]]) {
            if count == SLICES {
                break;
            }
            if bytes.len() > skip {
                slices[count] = IoSlice::new(&bytes[skip..]);
                count += 1;
            }
            skip = 0;
        }
        count
    }

    /// Forgets what the system call took.
    pub fn advance(&mut self, mut bytes: usize) {
        while let Some(first) = self.chunks.front() {
            let rest = first.bytes().len() - self.written;
            if bytes < rest {
                self.written += bytes;
                return;
            }
            bytes -= rest;
            self.chunked -= first.bytes().len();
            if let Chunk::Owned(bytes) = first {
                self.owned -= bytes.capacity();
            }
            self.written = 0;
            self.chunks.pop_front();
        }
        self.written += bytes;
        if self.written == self.tail.len() {
            self.written = 0;
            self.tail.clear();
            if self.tail.capacity() > KEPT_BYTES {
                self.tail = Vec::new();
            }
        } else if self.written >= CUT_BYTES && self.written >= self.tail.len() / 2 {
            self.tail.drain(..self.written);
            self.written = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    impl BodyOwner for Arc<[u8]> {
        fn bytes(&self, range: Range<usize>) -> &[u8] {
            &self[range]
        }
    }

    fn write(outgoing: &mut Outgoing<Arc<[u8]>>, most: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = outgoing.slices(&mut slices);
        let mut wire = slices[..count]
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect::<Vec<_>>();
        wire.truncate(most);
        outgoing.advance(wire.len());
        wire
    }

    #[test]
    fn what_is_written_in_pieces_is_what_was_put() {
        let body: Arc<[u8]> = (0..40_000u32).map(|byte| byte as u8).collect();
        let mut expected = Vec::new();
        content::put(&mut expected, 5, &[0, 0], &body[3..], 9000);
        let mut outgoing = Outgoing::default();
        outgoing.put(5, &[0, 0], &body, 3..40_000, 9000);
        assert_eq!(outgoing.len(), expected.len());
        let mut wire = Vec::new();
        let mut step = 1;
        while !outgoing.is_empty() {
            wire.extend(write(&mut outgoing, step));
            assert_eq!(outgoing.len(), expected.len() - wire.len());
            step = step * 3 % 7001 + 1;
        }
        assert_eq!(wire, expected);
        assert_eq!(Arc::strong_count(&body), 1);
    }

    #[test]
    fn a_peer_that_is_always_a_little_behind_does_not_make_the_tail_grow() {
        let mut outgoing = Outgoing::default();
        for _ in 0..1000 {
            outgoing.buffer().extend_from_slice(&[7; 10_000]);
            let unsent = outgoing.len();
            write(&mut outgoing, unsent - 10);
            assert_eq!(outgoing.len(), 10);
        }
        assert!(outgoing.tail.capacity() < 2 * KEPT_BYTES);
    }
}
