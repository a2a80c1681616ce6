//! Random streams, chopped at random places, whole, cut short or damaged: the same every run.

use super::batch::{BATCH_MESSAGES, Batch};
use super::cutter::Cutter;
use super::frame::{Codec, Fault, Header, kind, preamble};
use super::join::{Payload, join};

const MAX_LENGTH: u32 = 200_000;
const ROUNDS: u64 = 60;

/// Tag and payload.
type Message = (u32, Vec<u8>);

/// xorshift64*: enough to choose cases by.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }

    fn message(&mut self) -> Message {
        let limit = [1, 20, 200, 40_000, MAX_LENGTH as usize][self.below(5)];
        let length = self.below(limit);
        let fill = self.below(256) as u8;
        let tag = match self.below(5) as u8 {
            kind::MESSAGE => 0,
            kind::CANCEL => return (u32::from(kind::CANCEL) | 0x900, Vec::new()),
            other => u32::from(other) | (self.below(0xffffff) as u32 + 1) << 8,
        };
        (tag, vec![fill; length])
    }
}

/// Feeds `stream` in random pieces, some of them read in place, and returns what came out.
fn cut_all(stream: &[u8], random: &mut Random) -> (Vec<Message>, Result<(), Fault>) {
    let mut cutter = Cutter::new(Codec::Raw, MAX_LENGTH);
    let mut messages = Vec::new();
    let mut at = 0;
    while at < stream.len() {
        let limit = [1, 9, 300, 70_000][random.below(4)];
        let end = (at + 1 + random.below(limit)).min(stream.len());
        let mut piece = &stream[at..end];
        at = end;
        let room = if random.below(3) == 0 {
            cutter.room(1 + random.below(100))
        } else {
            None
        };
        if let Some((memory, room)) = room {
            let (direct, rest) = piece.split_at(room.min(piece.len()));
            // SAFETY: no more than the room that was lent, at once.
            unsafe {
                std::ptr::copy_nonoverlapping(direct.as_ptr(), memory, direct.len());
                cutter.filled(direct.len());
            }
            piece = rest;
        }
        loop {
            let mut batch = Batch::new(Codec::Raw, 1);
            let cut = cutter.cut(piece, &mut batch);
            unpack(&mut batch, &mut messages);
            match cut {
                Ok([]) => break,
                Ok(rest) => {
                    assert!(!batch.is_empty(), "a batch without a message gave bytes back");
                    piece = rest;
                }
                Err(fault) => return (messages, Err(fault)),
            }
        }
    }
    let end = cutter.end();
    (messages, end)
}

fn unpack(batch: &mut Batch, messages: &mut Vec<Message>) {
    assert!(batch.count() <= BATCH_MESSAGES);
    let table = batch.table().to_vec();
    let mut payloads = batch.payloads();
    for &[tag, length] in table.as_chunks::<2>().0 {
        let (payload, rest) = payloads.split_at(length as usize);
        messages.push((tag, payload.to_vec()));
        payloads = rest;
    }
    assert!(payloads.is_empty());
}

fn stream_of(messages: &[Message]) -> Vec<u8> {
    let mut stream = preamble(Codec::Raw).to_vec();
    let table: Vec<u32> = messages
        .iter()
        .flat_map(|(tag, payload)| [*tag, payload.len() as u32])
        .collect();
    let payloads: Vec<u8> = messages.iter().flat_map(|(_, payload)| payload.clone()).collect();
    join(&table, &Payload::Bytes(&payloads), &mut stream).expect("the table fits");
    stream
}

#[test]
fn what_is_joined_is_cut_again_however_it_is_chopped() {
    for seed in 0..ROUNDS {
        let mut random = Random::new(seed);
        let count = random.below(60);
        let sent: Vec<_> = (0..count).map(|_| random.message()).collect();
        let (received, end) = cut_all(&stream_of(&sent), &mut random);
        assert_eq!(end, Ok(()), "seed {seed}");
        assert!(received == sent, "seed {seed}");
    }
}

#[test]
fn a_stream_cut_short_gives_its_whole_messages_and_says_so() {
    for seed in 0..ROUNDS {
        let mut random = Random::new(seed);
        let count = 1 + random.below(20);
        let sent: Vec<_> = (0..count).map(|_| random.message()).collect();
        let mut stream = stream_of(&sent);
        let last = stream_of(&sent[count - 1..]).len() - preamble(Codec::Raw).len();
        stream.truncate(stream.len() - 1 - random.below(last - 1));
        let (received, end) = cut_all(&stream, &mut random);
        assert!(received == sent[..count - 1], "seed {seed}");
        assert!(matches!(end, Err(Fault::Truncated(_))), "seed {seed}: {end:?}");
    }
}

#[test]
fn a_damaged_stream_neither_panics_nor_gives_more_than_it_has() {
    for seed in 0..ROUNDS {
        let mut random = Random::new(seed);
        let count = 1 + random.below(30);
        let sent: Vec<_> = (0..count).map(|_| random.message()).collect();
        let mut stream = stream_of(&sent);
        for _ in 0..=random.below(8) {
            let at = random.below(stream.len().min(2000));
            stream[at] = random.below(256) as u8;
        }
        let (received, _) = cut_all(&stream, &mut random);
        let bytes: usize = received.iter().map(|(_, payload)| payload.len() + 8).sum();
        assert!(bytes <= stream.len(), "seed {seed}");
        assert!(
            received
                .iter()
                .all(|(_, payload)| payload.len() <= MAX_LENGTH as usize)
        );
    }
}

#[test]
fn noise_behind_a_preamble_ends_in_a_fault_or_in_lawful_messages() {
    for seed in 0..ROUNDS {
        let mut random = Random::new(seed);
        let mut stream = preamble(Codec::Raw).to_vec();
        let length = random.below(3000);
        stream.extend((0..length).map(|_| random.below(256) as u8));
        let (received, _) = cut_all(&stream, &mut random);
        for (tag, payload) in received {
            let header = Header {
                length: payload.len() as u32,
                tag,
            };
            assert!(
                Header::parse(header.to_bytes(), MAX_LENGTH).is_ok(),
                "seed {seed}"
            );
        }
    }
}
