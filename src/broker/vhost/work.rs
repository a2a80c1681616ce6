//! Work under a vhost's lock, in units of about 100 ns: what one session may have done before others get their turn.
//!
//! Counted and not timed: a run with the same input stops at the same frame.

/// Units of a session whose input had not been waiting.
pub const FRESH_SLICE: i64 = 2_000;
/// Units of a session that has more input at hand than one slice takes: half a millisecond. Larger slices gain no
/// throughput that can be measured.
pub const BACKLOG_SLICE: i64 = 5_000;
/// Units of dead letters that one hold of the lock deals with.
pub const DEAD_LETTER_SLICE: i64 = 10_000;

pub const FRAME: i64 = 1;
/// A method that is decoded and answered.
pub const METHOD: i64 = 20;
pub const ENQUEUE: i64 = 1;
/// A queue with limits or priorities hands out and drops with each message.
pub const ENQUEUE_LIMITED: i64 = 3;
pub const DELIVERY: i64 = 2;
/// A message whose properties are written anew.
pub const REWRITE: i64 = 30;
/// A binding of a headers exchange, compared with a message.
pub const COMPARISON: i64 = 1;

/// Copying bytes, at about 10 GB/s.
pub fn bytes(count: usize) -> i64 {
    (count / 1024) as i64
}
