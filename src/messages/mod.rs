//! Messages on a byte stream: frames with their length in front, cut and joined here, whole batches at once.
//!
//! `frame` is the wire format (`docs/messages.md`), `cutter` finds frames in what arrives, `batch` gathers them for
//! JavaScript, `join` makes frames of what JavaScript sends. `connection` does all of it on a descriptor of the event
//! loop. Who wants what, requests and their answers are JavaScript's.

mod batch;
mod connection;
mod cutter;
mod frame;
#[cfg(test)]
mod fuzz;
mod join;

pub use batch::{BATCH_MESSAGES, Batch};
pub use connection::{Connection, ConnectionObserver};
pub use cutter::Cutter;
pub use frame::{Codec, Fault, PREAMBLE_BYTES, preamble};
pub use join::{LARGE_BYTES, Payload, join};
