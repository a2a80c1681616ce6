//! A message as the broker holds it: one block of bytes, shared by every queue and buffer it is in.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use crate::broker::publish::properties::Properties;
use crate::broker::vhost::memory::{Memory, block};

/// A name of an exchange, a queue, a consumer, a user.
pub type Name = Arc<str>;

#[derive(Debug)]
pub struct Message {
    pub exchange: Name,
    /// Routing key, property flags and list, body: all as they stood on the wire.
    data: Vec<u8>,
    key_len: u8,
    properties_len: u32,
    pub priority: u8,
    pub persistent: bool,
    /// The expiration property, in milliseconds.
    pub expiration: Option<u64>,
    /// Routing keys of the BCC header, which nobody sees: a dead letter goes by them as well.
    blind: Vec<Vec<u8>>,
    /// How often this and what came of the same message was dead lettered since anybody had it; see `dead_letter`.
    pub dead_letter_generation: Option<Arc<AtomicU32>>,
    memory: Arc<Memory>,
}

/// The block of an `Arc<Message>`, with its two counts.
const SHARED: usize = block(size_of::<Message>() + 16);

impl Message {
    /// `data` is routing key, properties and body in one; the lengths cut it.
    pub fn new(
        exchange: Name,
        data: Vec<u8>,
        key_len: u8,
        properties_len: u32,
        memory: Arc<Memory>,
    ) -> Message {
        memory.add(block(data.capacity()) + SHARED);
        Message {
            exchange,
            data,
            key_len,
            properties_len,
            priority: 0,
            persistent: false,
            expiration: None,
            blind: Vec::new(),
            dead_letter_generation: None,
            memory,
        }
    }

    /// Takes over what queues ask of the properties; an expiration that is no number counts as none.
    pub fn read_properties(&mut self) {
        let Some(properties) = Properties::read(self.properties()) else {
            return;
        };
        let expiration = properties
            .expiration()
            .and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        let (priority, persistent) = (properties.priority(), properties.persistent());
        (self.priority, self.persistent, self.expiration) = (priority, persistent, expiration);
    }

    /// The same body under another address: dead lettering, CC.
    pub fn readdressed(&self, exchange: Name, routing_key: &[u8], properties: &[u8]) -> Message {
        let body = self.body();
        let mut data = Vec::with_capacity(routing_key.len() + properties.len() + body.len());
        data.extend_from_slice(routing_key);
        data.extend_from_slice(properties);
        data.extend_from_slice(body);
        let mut message = Message::new(
            exchange,
            data,
            routing_key.len() as u8,
            properties.len() as u32,
            self.memory.clone(),
        );
        message.priority = self.priority;
        message.persistent = self.persistent;
        message
    }

    pub fn blind(&self) -> &[Vec<u8>] {
        &self.blind
    }

    pub fn set_blind(&mut self, keys: Vec<Vec<u8>>) {
        self.memory.subtract(self.blind_bytes());
        self.blind = keys;
        self.memory.add(self.blind_bytes());
    }

    fn blind_bytes(&self) -> usize {
        let keys = self.blind.iter().map(|key| key.capacity() + size_of::<Vec<u8>>());
        keys.sum()
    }

    pub fn routing_key(&self) -> &[u8] {
        &self.data[..self.key_len as usize]
    }

    pub fn properties(&self) -> &[u8] {
        let start = self.key_len as usize;
        &self.data[start..start + self.properties_len as usize]
    }

    pub fn body(&self) -> &[u8] {
        &self.data[self.body_start()..]
    }

    /// A part of the message's bytes by the positions that `body_start` counts from.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.data[range]
    }

    pub fn body_start(&self) -> usize {
        self.key_len as usize + self.properties_len as usize
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.memory
            .subtract(block(self.data.capacity()) + SHARED + self.blind_bytes());
    }
}
