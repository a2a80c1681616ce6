//! Bytes on their way to one peer: small things copied together, large bodies by reference.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use super::message::Message;
use crate::amqp::wire::content::{self, BASIC};
use crate::amqp::wire::frame::{self, ENVELOPE_BYTES};

/// Bodies from here on are not copied: below it a copy costs less than one more slice in the system call.
const BY_REFERENCE_BYTES: usize = 16 * 1024;

/// Slices handed to one writev; Linux takes at most 1024 (IOV_MAX).
pub const SLICES: usize = 64;

#[derive(Debug)]
enum Chunk {
    Owned(Vec<u8>),
    Body(Arc<Message>, Range<usize>),
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        match self {
            Chunk::Owned(bytes) => bytes,
            Chunk::Body(message, range) => message.bytes(range.clone()),
        }
    }
}

#[derive(Debug, Default)]
pub struct Outgoing {
    chunks: VecDeque<Chunk>,
    /// Bytes in `chunks`, less what `written` says is gone.
    chunked: usize,
    tail: Vec<u8>,
    /// How much of the first chunk (or of the tail, when there is none) has been written.
    written: usize,
}

impl Outgoing {
    pub fn len(&self) -> usize {
        self.chunked + self.tail.len()
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.tail.is_empty()
    }

    /// Where methods and small contents are appended.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Appends the header and body frames of a message.
    pub fn put_content(&mut self, channel: u16, message: &Arc<Message>, frame_max: u32) {
        let body = message.body();
        if body.len() < BY_REFERENCE_BYTES {
            content::put(&mut self.tail, channel, message.properties(), body, frame_max);
            return;
        }
        frame::put(&mut self.tail, frame::HEADER, channel, |out| {
            out.extend_from_slice(&BASIC.to_be_bytes());
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&(body.len() as u64).to_be_bytes());
            out.extend_from_slice(message.properties());
        });
        let piece = if frame_max == 0 {
            body.len()
        } else {
            frame_max as usize - ENVELOPE_BYTES
        };
        let (mut at, end) = (message.body_start(), message.body_start() + body.len());
        while at < end {
            let stop = end.min(at + piece);
            self.tail.push(frame::BODY);
            self.tail.extend_from_slice(&channel.to_be_bytes());
            self.tail.extend_from_slice(&((stop - at) as u32).to_be_bytes());
            self.close_tail();
            self.chunked += stop - at;
            self.chunks.push_back(Chunk::Body(message.clone(), at..stop));
            self.tail.push(frame::END);
            at = stop;
        }
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.chunked += self.tail.len();
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
            self.written = 0;
            self.chunks.pop_front();
        }
        self.written += bytes;
        if self.written == self.tail.len() {
            self.written = 0;
            self.tail.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::memory::Memory;

    #[test]
    fn what_is_written_in_pieces_is_what_was_put() {
        let memory = Arc::new(Memory::new(usize::MAX));
        let body = (0..40_000u32).map(|byte| byte as u8).collect::<Vec<_>>();
        let mut data = b"key\0\0".to_vec();
        data.extend_from_slice(&body);
        let message = Arc::new(Message::new("".into(), data, 3, 2, memory.clone()));
        let mut expected = Vec::new();
        content::put(&mut expected, 5, &[0, 0], &body, 9000);

        let mut outgoing = Outgoing::default();
        outgoing.put_content(5, &message, 9000);
        assert_eq!(outgoing.len(), expected.len());
        let mut wire = Vec::new();
        let mut step = 1;
        while !outgoing.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = outgoing.slices(&mut slices);
            let all = slices[..count]
                .iter()
                .flat_map(|slice| slice.iter().copied())
                .collect::<Vec<_>>();
            let took = step.min(all.len());
            wire.extend_from_slice(&all[..took]);
            outgoing.advance(took);
            step = step * 3 % 7001 + 1;
        }
        assert_eq!(wire, expected);
        assert_eq!(outgoing.len(), 0);
        drop(message);
        assert_eq!(memory.used(), 0);
    }
}
