//! What was read from the socket and is no whole frame yet.

/// The buffer starts small, as most connections are quiet, and doubles up to `LARGEST_BYTES` while reads fill it.
const FIRST_BYTES: usize = 16 << 10;
const LARGEST_BYTES: usize = 256 << 10;

#[derive(Default)]
pub struct Unread {
    buffer: Vec<u8>,
    /// Unread frames are in `buffer[start..end]`.
    start: usize,
    end: usize,
    /// The last read took all the room there was: more waits.
    filled: bool,
}

impl Unread {
    pub fn new(bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        let mut buffer = bytes;
        buffer.resize(FIRST_BYTES.max(end), 0);
        Unread {
            buffer,
            start: 0,
            end,
            filled: false,
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub fn consume(&mut self, count: usize) {
        self.start += count;
    }

    /// Says how much was read into `room`, and whether that was all of it.
    pub fn added(&mut self, count: usize) -> bool {
        self.end += count;
        self.filled = self.end == self.buffer.len();
        self.filled
    }

    /// Room behind what is unread: for the rest of a frame that has begun, or for as much as usually comes.
    pub fn room(&mut self) -> &mut [u8] {
        if std::mem::take(&mut self.filled) && self.buffer.len() < LARGEST_BYTES {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > LARGEST_BYTES {
                self.buffer = vec![0; LARGEST_BYTES];
            }
        } else {
            if self.start > 0 && self.buffer.len() - self.end < FIRST_BYTES / 2 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.end == self.buffer.len() {
                // Grows with what has arrived, never by what a frame's head merely announces.
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        &mut self.buffer[self.end..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in_and_large_frames_give_their_room_back() {
        let mut unread = Unread::new(vec![0, 1, 2]);
        let (mut next, mut expected) = (3u8, 0u8);
        for round in 0..400usize {
            let room = unread.room();
            let count = room.len().min(1 + round * 1009 % 50_000);
            room[..count].fill_with(|| {
                next = next.wrapping_add(1);
                next.wrapping_sub(1)
            });
            unread.added(count);
            // Now and then a large frame is under way.
            let take = if round % 50 < 40 { 0 } else { unread.bytes().len() };
            for byte in &unread.bytes()[..take] {
                assert_eq!(*byte, expected);
                expected = expected.wrapping_add(1);
            }
            unread.consume(take);
        }
        assert!(unread.room().len() <= LARGEST_BYTES);
    }
}
