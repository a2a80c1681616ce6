//! A connection's socket with what was read from it: whole frames for the handshake, chunks for the task.

use std::io::{self, ErrorKind, IoSlice};
use std::time::Duration;

use amq_protocol::protocol::connection::AMQPMethod;
use tokio::io::Interest;
use tokio::time::timeout;

use super::input::tolerated;
use super::read_buffer::ReadBuffer;
use super::transport::Transport;
use crate::amqp::wire::frame::{self, MIN_FRAME_MAX};
use crate::amqp::wire::method::{self, AMQPClass};

/// How long the peer may take to close after we did: closing at once could lose it our last words (RFC 9293, 3.10.7).
const LINGER: Duration = Duration::from_millis(500);

/// The socket and what was read from it.
pub struct Io {
    pub transport: Transport,
    pub buffer: ReadBuffer,
    pub frame_max: u32,
}

impl Io {
    pub fn new(transport: Transport) -> Io {
        Io {
            transport,
            buffer: ReadBuffer::new(),
            // RabbitMQ's bound for peers that have not logged in.
            frame_max: MIN_FRAME_MAX,
        }
    }

    pub async fn read_more(&mut self) -> io::Result<()> {
        loop {
            self.transport.ready(Interest::READABLE).await?;
            match self.transport.try_read(self.buffer.room(self.frame_max as usize)) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.buffer.added(count);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub async fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        while self.buffer.filled().len() < bytes.len() {
            self.read_more().await?;
        }
        bytes.copy_from_slice(&self.buffer.filled()[..bytes.len()]);
        self.buffer.consume(bytes.len());
        Ok(())
    }

    pub async fn read_frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        loop {
            let cut = frame::cut(self.buffer.filled(), tolerated(self.frame_max))
                .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            if let Some(frame) = cut {
                let found = (frame.kind, frame.payload.to_vec());
                let len = frame.wire_len();
                self.buffer.consume(len);
                return Ok(found);
            }
            self.read_more().await?;
        }
    }

    pub async fn send(&mut self, method: AMQPMethod) -> io::Result<()> {
        let mut bytes = Vec::new();
        method::encode(&mut bytes, 0, &AMQPClass::Connection(method));
        self.send_raw(&bytes).await
    }

    pub async fn send_raw(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.transport.ready(Interest::WRITABLE).await?;
            match self.transport.try_write_vectored(&[IoSlice::new(bytes)]) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Closes our side and waits, not for long, for the peer to close its.
    pub async fn finish(mut self) {
        if self.transport.shutdown().await.is_err() {
            return;
        }
        let drained = async {
            while self.read_more().await.is_ok() {
                let count = self.buffer.filled().len();
                self.buffer.consume(count);
            }
        };
        let _ = timeout(LINGER, drained).await;
    }
}
