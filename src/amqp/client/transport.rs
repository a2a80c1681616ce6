//! The byte stream under a connection: TCP, a UNIX socket, or TLS over either.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use super::writer::Direct;

pub enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls {
        stream: Box<TlsStream<TcpStream>>,
        /// Whether the server's name is still to be checked.
        verify: bool,
    },
}

impl Transport {
    /// The certificates (DER, one behind another) of a server whose name is to be checked before it is told anything.
    pub fn certificates(&self) -> Option<Vec<u8>> {
        match self {
            Transport::Tls { stream, verify: true } => Some(
                stream
                    .get_ref()
                    .1
                    .peer_certificates()?
                    .iter()
                    .flat_map(|der| der.to_vec())
                    .collect(),
            ),
            _ => None,
        }
    }

    /// Another descriptor of the socket, to write to from another thread. What TLS writes must pass its state.
    pub fn direct(&self) -> Option<Direct> {
        match self {
            Transport::Tcp(stream) => Some(Direct::Tcp(stream.as_fd().try_clone_to_owned().ok()?.into())),
            Transport::Unix(stream) => Some(Direct::Unix(stream.as_fd().try_clone_to_owned().ok()?.into())),
            Transport::Tls { .. } => None,
        }
    }

    /// Local and remote, "IP PORT" a line; empty for a UNIX socket, and when the peer is gone already.
    pub fn addresses(&self) -> String {
        let stream = match self {
            Transport::Tcp(stream) => stream,
            Transport::Tls { stream, .. } => stream.get_ref().0,
            Transport::Unix(_) => return String::new(),
        };
        match (stream.local_addr(), stream.peer_addr()) {
            (Ok(local), Ok(peer)) => {
                format!("{} {}\n{} {}", local.ip(), local.port(), peer.ip(), peer.port())
            }
            _ => String::new(),
        }
    }
}

macro_rules! forward {
    ($self:ident, $method:ident, $($argument:expr),*) => {
        match $self.get_mut() {
            Transport::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            Transport::Unix(stream) => Pin::new(stream).$method($($argument),*),
            Transport::Tls { stream, .. } => Pin::new(stream.as_mut()).$method($($argument),*),
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
