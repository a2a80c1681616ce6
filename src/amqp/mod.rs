//! AMQP 0-9-1: the wire format that client and broker share, and the client.

pub mod client;
pub mod wire;
