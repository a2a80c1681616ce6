//! The AMQP client's engine: one task per connection on the shared runtime (`docs/design/amqp-client.md`).
//!
//! The task owns the connection. It opens the connection (`dial`, `handshake`), cuts what arrives into records for
//! JavaScript (`inbound`, `batch`), turns the orders of JavaScript into frames (`order`, `outbound`), and keeps the
//! heartbeat. Channels, replies and their errors are JavaScript's: the engine only knows which channel a frame is of.
//! Both directions are bounded in bytes (`Inbox`, `Outbox`). The task ends with the connection, and its last record says
//! why.

mod ack_run;
mod batch;
mod connection;
mod dial;
mod engine;
mod failure;
mod handshake;
mod heart;
mod inbound;
mod intern;
mod keep_alive;
mod options;
mod order;
mod outbound;
mod pace;
mod queues;
mod reader;
#[cfg(test)]
mod scripted_peer;
mod socket;
mod traffic;
mod transport;
mod unread;
mod writer;

pub use batch::Batch;
pub use connection::Connection;
pub use failure::{Failure, Scope};
pub use options::{Address, ConnectOptions};
pub use socket::Socket;
