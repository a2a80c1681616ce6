//! The byte stream under a connection: TCP, a UNIX socket, or TLS over either.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::socket::{Plain, Socket};
use crate::tls::{Peer, Stream};

pub enum Transport {
    Plain(Plain),
    Tls(Box<Stream<Arc<Socket>>>),
}

impl Transport {
    /// Over TLS: a server that is to be checked before anything is sent to it.
    pub fn peer(&self) -> Option<Peer> {
        match self {
            Transport::Plain(_) => None,
            Transport::Tls(stream) => Some(stream.peer()),
        }
    }

    /// The socket, for another thread. What passes under TLS must pass its state.
    pub fn socket(&self) -> Option<Arc<Socket>> {
        match self {
            Transport::Plain(stream) => Some(stream.socket.clone()),
            Transport::Tls(_) => None,
        }
    }

    /// The socket under all, for its options.
    pub fn shared_socket(&self) -> Weak<Socket> {
        Arc::downgrade(match self {
            Transport::Plain(stream) => &stream.socket,
            Transport::Tls(stream) => stream.socket(),
        })
    }

    /// Whether the task reads, or another thread that has the socket. True when that is new: what the task waited for is to be
    /// waited for again.
    pub fn set_reads(&mut self, on: bool) -> io::Result<bool> {
        match self {
            Transport::Plain(stream) => stream.set_reads(on),
            Transport::Tls(_) => Ok(false),
        }
    }

    /// Local and remote, "IP PORT" a line; empty for a UNIX socket, and when the peer is gone already.
    pub fn addresses(&self) -> String {
        let addresses = match self {
            Transport::Plain(stream) => stream.socket.addresses(),
            Transport::Tls(stream) => stream.socket().addresses(),
        };
        addresses.map_or_else(
            |_| String::new(),
            |(local, peer)| format!("{} {}\n{} {}", local.ip(), local.port(), peer.ip(), peer.port()),
        )
    }
}

macro_rules! forward {
    ($self:ident, $method:ident, $($argument:expr),*) => {
        match $self.get_mut() {
            Transport::Plain(stream) => Pin::new(stream).$method($($argument),*),
            Transport::Tls(stream) => Pin::new(stream.as_mut()).$method($($argument),*),
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_read, cx, into)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        forward!(self, poll_write, cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        forward!(self, poll_write_vectored, cx, slices)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_flush, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_shutdown, cx)
    }
}
