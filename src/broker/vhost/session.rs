//! A connection as its vhost knows it: channels, outgoing bytes, what it may have.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use tokio::sync::Notify;

use super::channel::Channel;
use super::memory::Share;
use super::slots::SlotId;
use crate::broker::connection::outgoing::Outgoing;
use crate::broker::publish::message::Name;

/// Outgoing bytes of one session from which on it gets no more deliveries until they are being written.
pub const OUTGOING_HIGH_BYTES: usize = 512 * 1024;

/// A channel number's state.
#[derive(Debug)]
pub enum ChannelSlot {
    Open(Box<Channel>),
    /// We sent channel.close and discard what comes until the answer.
    Closing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Open,
    /// We sent connection.close and discard what comes until the answer.
    Closing,
    /// Nothing more is read; what is outgoing is written and that is the end.
    Done,
}

/// What a client says it can do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Capabilities {
    pub consumer_cancel_notify: bool,
    pub connection_blocked: bool,
}

#[derive(Debug)]
pub struct Session {
    pub phase: Phase,
    pub user: Name,
    pub capabilities: Capabilities,
    pub frame_max: u32,
    pub channel_max: u16,
    /// By number; 0 stays empty.
    pub channels: Vec<Option<ChannelSlot>>,
    pub outgoing: Outgoing,
    /// Of `outgoing` and of small messages that are arriving.
    pub share: Share,
    /// Bytes of messages that are arriving and too small to be counted one by one.
    pub arriving_bytes: usize,
    pub wake: Arc<Notify>,
    /// Whether it is in the list of those to be woken.
    pub woken: bool,
    /// Whether a delivery did not happen because too much was outgoing.
    pub stalled: bool,
    /// Whether a message of its became whole in what it was fed last: only then memory makes it wait.
    pub publishes: bool,
    /// Messages that are arriving, of those that are counted.
    pub arriving: Arc<AtomicU32>,
    pub pending_confirms: Vec<u16>,
    pub exclusive_queues: Vec<SlotId>,
    /// Mark behind the last message that it rejected into a dead letter exchange.
    pub rejected: u64,
}

impl Session {
    /// Brings the memory in use up to date.
    pub fn account(&mut self) {
        self.share.set(self.outgoing.capacity() + self.arriving_bytes);
    }

    pub fn channel(&self, number: u16) -> Option<&Channel> {
        match self.channels.get(number as usize)? {
            Some(ChannelSlot::Open(channel)) => Some(channel),
            _ => None,
        }
    }

    pub fn channel_mut(&mut self, number: u16) -> Option<&mut Channel> {
        match self.channels.get_mut(number as usize)? {
            Some(ChannelSlot::Open(channel)) => Some(channel),
            _ => None,
        }
    }
}
