//! What is on its way to a session's peer: messages by reference, from whichever queue.

use std::ops::Range;
use std::sync::Arc;

use crate::amqp::wire::outgoing::{self, BodyOwner};
use crate::broker::publish::message::Message;

pub use crate::amqp::wire::outgoing::SLICES;

pub type Outgoing = outgoing::Outgoing<Arc<Message>>;

impl BodyOwner for Arc<Message> {
    fn bytes(&self, range: Range<usize>) -> &[u8] {
        Message::bytes(self, range)
    }
}

impl Outgoing {
    /// Appends the header and body frames of a message.
    pub fn put_content(&mut self, channel: u16, message: &Arc<Message>, frame_max: u32) {
        let start = message.body_start();
        let range = start..start + message.body().len();
        self.put(channel, message.properties(), message, range, frame_max);
    }
}
