//! A client's session as a byte stream of the runtime.

use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

use super::session::{Context, Peer, Session, Wait};

/// A record's largest content (RFC 8446, 5.1). Frames are gathered up to it: a record costs some 30 bytes and a system call.
const RECORD_BYTES: usize = 16 << 10;

/// How a client introduces itself.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    pub context: Arc<Context>,
    /// Name that is asked for (SNI); empty for none.
    pub servername: String,
    /// ALPN's list as it stands on the wire; empty for none.
    pub protocols: Vec<u8>,
}

/// TLS over a socket of type `S`, which is non-blocking.
pub struct Stream<S: AsRawFd> {
    /// Before the socket, so that it goes first.
    session: Session,
    socket: AsyncFd<S>,
    /// What a read met behind what it gave.
    failed: Option<io::Error>,
    /// Taken over for writing, and not in the session's hands yet.
    unsent: Vec<u8>,
}

impl<S: AsRawFd> Stream<S> {
    /// Shakes hands. The peer's certificate is for the caller to judge, see `peer`.
    pub async fn connect(socket: S, options: &ClientOptions) -> io::Result<Self> {
        let fd = socket.as_raw_fd();
        // SAFETY: `S` keeps its one descriptor open for as long as it lives, which is in here.
        let socket =
            unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE | Interest::WRITABLE) }?;
        let session = Session::new(&options.context, fd, &options.servername, &options.protocols)?;
        let mut stream = Stream {
            session,
            socket,
            failed: None,
            unsent: Vec::new(),
        };
        std::future::poll_fn(|cx| stream.drive(cx, false, Session::connect)).await?;
        Ok(stream)
    }

    pub fn peer(&self) -> Peer {
        self.session.peer()
    }

    pub fn socket(&self) -> &S {
        self.socket.get_ref()
    }

    /// Calls `call` until it succeeds or the socket is not ready for it. `waits` says that it will need the socket to be
    /// readable: then it is not tried before.
    fn drive<T>(
        &mut self,
        cx: &mut TaskContext<'_>,
        waits: bool,
        mut call: impl FnMut(&mut Session) -> Result<T, Wait>,
    ) -> Poll<io::Result<T>> {
        let Stream { session, socket, .. } = self;
        let mut wait = if waits {
            Wait::Read
        } else {
            match call(session) {
                Ok(value) => return Poll::Ready(Ok(value)),
                Err(wait) => wait,
            }
        };
        loop {
            let mut guard = match wait {
                Wait::Read => ready!(socket.poll_read_ready(cx))?,
                Wait::Write => ready!(socket.poll_write_ready(cx))?,
                Wait::Failed(error) => return Poll::Ready(Err(error)),
                Wait::Ended => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            };
            let is_read = matches!(wait, Wait::Read);
            match call(session) {
                Ok(value) => return Poll::Ready(Ok(value)),
                Err(next) => {
                    // It met the socket's end of what was ready, which this guard has seen.
                    if matches!((is_read, &next), (true, Wait::Read) | (false, Wait::Write)) {
                        guard.clear_ready();
                    }
                    wait = next;
                }
            }
        }
    }

    fn poll_unsent(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        let mut unsent = std::mem::take(&mut self.unsent);
        let mut at = 0;
        let result = loop {
            if at == unsent.len() {
                break Poll::Ready(Ok(()));
            }
            match self.drive(cx, false, |session| session.write(&unsent[at..])) {
                Poll::Ready(Ok(count)) => at += count,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        unsent.drain(..at);
        self.unsent = unsent;
        result
    }
}

impl<S: AsRawFd + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        let waits = !stream.session.holds_bytes();
        let room = into.initialize_unfilled();
        if let Some(error) = stream.failed.take() {
            return Poll::Ready(Err(error));
        }
        let mut count = ready!(stream.drive(cx, waits, |session| match session.read(room) {
            Err(Wait::Ended) => Ok(0),
            other => other,
        }))?;
        // A call gives one record: those that are here already go along.
        while count > 0 && count < room.len() && stream.session.holds_bytes() {
            match stream.session.read(&mut room[count..]) {
                Ok(more) => count += more,
                Err(Wait::Failed(error)) => {
                    stream.failed = Some(error);
                    break;
                }
                // An end is told again.
                Err(_) => break,
            }
        }
        into.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsRawFd + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut TaskContext<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        ready!(stream.poll_unsent(cx))?;
        for slice in slices {
            let room = RECORD_BYTES - stream.unsent.len();
            stream.unsent.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        let taken = stream.unsent.len();
        // What does not leave now leaves before anything else does; an error is the next call's.
        match stream.poll_unsent(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_unsent(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        ready!(stream.poll_unsent(cx))?;
        ready!(stream.drive(cx, false, Session::shut_down))?;
        let fd = stream.socket().as_raw_fd();
        // SAFETY: the descriptor is open: it is the socket's.
        if unsafe { libc::shutdown(fd, libc::SHUT_WR) } == 0 {
            Poll::Ready(Ok(()))
        } else {
            Poll::Ready(Err(io::Error::last_os_error()))
        }
    }
}
