//! Bytes read and not yet dealt with: grows with what arrives, gives its memory back when nothing does.

/// What an idle connection keeps.
const SMALL_BYTES: usize = 8 * 1024;
/// Read at once at most, unless one frame is larger: some 1500 messages of 100 bytes go through under one lock.
const LARGE_BYTES: usize = 256 * 1024;

#[derive(Debug)]
pub struct ReadBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl ReadBuffer {
    pub fn new() -> ReadBuffer {
        ReadBuffer {
            bytes: vec![0; SMALL_BYTES],
            start: 0,
            end: 0,
        }
    }

    pub fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub fn consume(&mut self, count: usize) {
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Room for a read, `frame_max` large enough that a whole frame fits.
    pub fn room(&mut self, frame_max: usize) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.bytes.len() {
            let size = (self.bytes.len() * 4).min(LARGE_BYTES.max(2 * frame_max));
            self.bytes.resize(size.max(self.end + 1), 0);
        }
        &mut self.bytes[self.end..]
    }

    /// Says how much was read into `room`.
    pub fn added(&mut self, count: usize) {
        self.end += count;
        // The next read wants more room than this one had.
        if self.end == self.bytes.len() && self.bytes.len() < LARGE_BYTES {
            self.bytes.resize(self.bytes.len() * 4, 0);
        }
    }

    /// Frees what the unprocessed bytes do not need.
    pub fn fit(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        self.bytes.truncate(self.end.max(SMALL_BYTES));
        self.bytes.shrink_to_fit();
    }

    pub fn shrink(&mut self) {
        if self.start == self.end && self.bytes.len() > SMALL_BYTES {
            *self = ReadBuffer::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut buffer = ReadBuffer::new();
        let mut expected = 0u8;
        let mut next = 0u8;
        let mut left = 0;
        for round in 1..200usize {
            let room = buffer.room(4096);
            let count = room.len().min(round * 97);
            room[..count].fill_with(|| {
                next = next.wrapping_add(1);
                next
            });
            buffer.added(count);
            left += count;
            let take = left.min(round * 89);
            for byte in &buffer.filled()[..take] {
                expected = expected.wrapping_add(1);
                assert_eq!(*byte, expected);
            }
            buffer.consume(take);
            left -= take;
        }
        buffer.consume(left);
        buffer.shrink();
        assert_eq!(buffer.room(4096).len(), SMALL_BYTES);
    }
}
