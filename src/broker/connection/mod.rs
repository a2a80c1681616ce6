//! A client's connection: its task, the handshake, input and output.

mod handshake;
mod heartbeat;
pub mod input;
mod io;
pub mod outgoing;
mod read_buffer;
mod task;
mod transport;

pub use task::run;
pub use transport::Transport;
