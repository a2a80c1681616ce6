//! The channel between a process and a child that it forked: Node's own wire, so that the other end may be any Node.
//!
//! `frame` finds whole messages in the bytes, `descriptor` moves bytes and open descriptors through the socket, `Channel`
//! joins the two on the event loop. What is inside a message is JavaScript's affair.

mod channel;
mod descriptor;
mod frame;

pub use channel::{Channel, ChannelObserver};
pub use frame::Format;
