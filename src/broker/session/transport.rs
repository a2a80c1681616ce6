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

    /// Tells the peer that nothing more comes.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Transport::Tcp(stream) => stream.shutdown().await,
            Transport::Unix(stream) => stream.shutdown().await,
        }
    }
}
