//! A connection's socket without TLS, for both threads that use it, and as a stream of the task.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// Non-blocking.
pub enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Calls the same method of either kind of stream, which take `&self` as readers and writers.
macro_rules! forward {
    ($self:ident, $method:ident, $($argument:expr),*) => {
        match $self {
            Socket::Tcp(stream) => (&*stream).$method($($argument),*),
            Socket::Unix(stream) => (&*stream).$method($($argument),*),
        }
    };
}

impl Socket {
    pub fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        forward!(self, read, into)
    }

    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        forward!(self, write, bytes)
    }

    pub fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        forward!(self, write_vectored, slices)
    }

    pub fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        forward!(self, shutdown, how)
    }

    /// Whether something has arrived that nobody has read.
    pub fn holds_bytes(&self) -> bool {
        let mut count: libc::c_int = 0;
        // SAFETY: the descriptor is open, and FIONREAD writes one int.
        unsafe { libc::ioctl(self.as_raw_fd(), libc::FIONREAD, &mut count) == 0 && count > 0 }
    }

    /// Local and remote; an error for a UNIX socket, and when the peer is gone already.
    pub fn addresses(&self) -> io::Result<(SocketAddr, SocketAddr)> {
        match self {
            Socket::Tcp(stream) => Ok((stream.local_addr()?, stream.peer_addr()?)),
            Socket::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Socket::Tcp(stream) => stream.as_raw_fd(),
            Socket::Unix(stream) => stream.as_raw_fd(),
        }
    }
}

/// The task's end. While another thread reads, the runtime is not woken by what arrives.
pub struct Plain {
    pub socket: Arc<Socket>,
    /// None after registering failed.
    registered: Option<AsyncFd<Arc<Socket>>>,
    reads: bool,
}

impl Plain {
    pub fn new(socket: Socket) -> io::Result<Self> {
        let mut plain = Plain {
            socket: Arc::new(socket),
            registered: None,
            reads: true,
        };
        plain.register()?;
        Ok(plain)
    }

    fn register(&mut self) -> io::Result<()> {
        let interest = if self.reads {
            Interest::READABLE | Interest::WRITABLE
        } else {
            Interest::WRITABLE
        };
        // A descriptor is registered once.
        self.registered = None;
        // SAFETY: a `Socket` keeps its one descriptor open for as long as it lives, and `AsyncFd` owns a share of it.
        let registered = unsafe { AsyncFd::register_with_interest(self.socket.clone(), interest) };
        self.registered = Some(registered?);
        Ok(())
    }

    /// Whether the task reads (it does at first). Otherwise it is not to be polled for that. True when that is new: no waker
    /// is known any more.
    pub fn set_reads(&mut self, on: bool) -> io::Result<bool> {
        if self.reads == on {
            return Ok(false);
        }
        self.reads = on;
        self.register()?;
        Ok(true)
    }

    fn registered(&self) -> io::Result<&AsyncFd<Arc<Socket>>> {
        self.registered
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        length: usize,
        write: impl Fn(&Socket) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let registered = self.registered()?;
        loop {
            let mut guard = ready!(registered.poll_write_ready(cx))?;
            if let Ok(result) = guard.try_io(|socket| write(socket.get_ref())) {
                // The edge that says there is room again is still to come.
                if matches!(result, Ok(count) if count < length) {
                    guard.clear_ready();
                }
                return Poll::Ready(result);
            }
        }
    }
}

impl AsyncRead for Plain {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let registered = self.registered()?;
        loop {
            let mut guard = ready!(registered.poll_read_ready(cx))?;
            let room = into.initialize_unfilled();
            let length = room.len();
            let Ok(result) = guard.try_io(|socket| socket.get_ref().read(room)) else {
                continue;
            };
            let count = result?;
            // All that was there; the edge that says there is more is still to come. An end stays readable.
            if (1..length).contains(&count) {
                guard.clear_ready();
            }
            into.advance(count);
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncWrite for Plain {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Plain::poll_write(&self, cx, bytes.len(), |socket| socket.write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        Plain::poll_write(&self, cx, length, |socket| socket.write_vectored(slices))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.shut_down(Shutdown::Write))
    }
}
