//! The way out of a connection: orders become frames, frames leave. Whoever has it locked writes: the task, or
//! JavaScript's own thread when there is little and nothing before it.
//!
//! Waking the task costs JavaScript's thread as much as the write itself, and the frame some 10 to 50 µs: what makes a
//! call's round trip. Over TLS only the task writes.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::ops::Range;
use std::sync::Arc;

use super::ack_run::AckRuns;
use super::outbound::{Kinds, Outbound};
use super::queues::Orders;
use super::socket::Socket;
use super::traffic::Traffic;
use crate::amqp::wire::frame::HEARTBEAT_FRAME;
use crate::amqp::wire::outgoing::{BodyOwner, Outgoing, SLICES};

impl BodyOwner for Arc<Vec<u8>> {
    fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self[range]
    }
}

#[derive(Default)]
pub struct Writer {
    outbound: Outbound,
    /// What gathers acknowledgements has to know what was delivered.
    pub runs: AckRuns,
    unsent: Outgoing<Arc<Vec<u8>>>,
    /// None before the connection is open and after its end, and over TLS.
    socket: Option<Arc<Socket>>,
    traffic: Option<Arc<Traffic>>,
    /// What JavaScript's thread met in writing; the kernel tells it once.
    failure: Option<io::Error>,
    /// Something was sent since the last heartbeat was due.
    sent: bool,
    /// Of what was sent since the task looked last.
    kinds: Kinds,
}

impl Writer {
    pub fn open(&mut self, socket: Option<Arc<Socket>>, frame_max: u32, traffic: Arc<Traffic>) {
        self.socket = socket;
        self.traffic = Some(traffic);
        self.outbound.frame_max = frame_max;
    }

    /// Nothing leaves any more, and the peer sees the end, whoever still holds the descriptor.
    pub fn close(&mut self) {
        if let Some(socket) = self.socket.take() {
            // The peer may have been faster.
            let _ = socket.shut_down(Shutdown::Both);
        }
        self.unsent.clear();
    }

    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Whether orders may leave from the thread that gives them.
    pub fn is_ready(&self) -> bool {
        self.socket.is_some() && self.unsent.is_empty()
    }

    pub fn accept(&mut self, orders: &mut Orders) {
        let kinds = self.outbound.write(
            &orders.packed,
            &mut orders.bodies,
            &mut self.runs,
            &mut self.unsent,
        );
        self.kinds.add(kinds);
    }

    /// Takes orders without bodies and writes them at once. False when some of it is left for the task, which then also
    /// meets the error, if that is why.
    pub fn write_now(&mut self, packed: &[u8]) -> (bool, Kinds) {
        let kinds = self
            .outbound
            .write(packed, &mut VecDeque::new(), &mut self.runs, &mut self.unsent);
        self.kinds.add(kinds);
        if let Some(socket) = &self.socket {
            match socket.write(self.unsent.buffer()) {
                Ok(count) => self.written(count),
                Err(error) => {
                    let passes = [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted];
                    self.failure = Some(error).filter(|error| !passes.contains(&error.kind()));
                }
            }
        }
        (self.unsent.is_empty(), kinds)
    }

    /// For the task.
    pub fn failure(&mut self) -> io::Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES]) -> usize {
        self.unsent.slices(slices)
    }

    pub fn written(&mut self, count: usize) {
        self.unsent.advance(count);
        self.sent = true;
        if let Some(traffic) = &self.traffic {
            traffic.add_written(count);
        }
    }

    /// Half a heartbeat's interval is over.
    pub fn beat(&mut self) {
        if !std::mem::take(&mut self.sent) && self.unsent.is_empty() {
            self.unsent.buffer().extend_from_slice(&HEARTBEAT_FRAME);
        }
    }

    pub fn kinds(&mut self) -> Kinds {
        std::mem::take(&mut self.kinds)
    }
}
