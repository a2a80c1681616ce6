//! The socket of a session, TCP or UNIX.

use std::io::{self, IoSlice};

use tokio::io::{AsyncWriteExt, Interest, Ready};
use tokio::net::{TcpStream, UnixStream};

#[derive(Debug)]
pub enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Transport {
    /// Whether the peer is on this machine, by the address that it comes from.
    pub fn is_loopback(&self) -> bool {
        match self {
            Transport::Tcp(stream) => stream
                .peer_addr()
                .is_ok_and(|peer| peer.ip().to_canonical().is_loopback()),
            Transport::Unix(_) => true,
        }
    }

    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        match self {
            Transport::Tcp(stream) => stream.ready(interest).await,
            Transport::Unix(stream) => stream.ready(interest).await,
        }
    }

    pub fn try_read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Tcp(stream) => stream.try_read(bytes),
            Transport::Unix(stream) => stream.try_read(bytes),
        }
    }

    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Transport::Tcp(stream) => stream.try_write_vectored(slices),
            Transport::Unix(stream) => stream.try_write_vectored(slices),
        }
    }

    /// Resolves when the peer has closed or reset the connection, whatever is still to be read. Nothing is read. A peer that
    /// vanished is noticed when the system gives up on our heartbeats.
    #[cfg(target_os = "linux")]
    pub async fn closed(&self) {
        // tokio answers for "priority" also when reading is closed, but not when there is something to read; urgent bytes
        // would count as well, and AMQP has none.
        let ready = self.ready(Interest::PRIORITY).await;
        debug_assert!(ready.is_err() || ready.is_ok_and(|ready| ready.is_read_closed()));
    }

    #[cfg(not(target_os = "linux"))]
    pub async fn closed(&self) {
        std::future::pending().await
    }

    /// Tells the peer that nothing more comes.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Transport::Tcp(stream) => stream.shutdown().await,
            Transport::Unix(stream) => stream.shutdown().await,
        }
    }
}
