//! Writing to a descriptor: what the kernel takes now, and what waits.

use std::any::Any;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::{Errno, descriptors, last_errno};

/// The kernel refuses longer vectors (IOV_MAX).
const MAX_PIECES: usize = 1024;

/// What the kernel has not taken yet.
pub(super) struct PendingWrite {
    pieces: Vec<libc::iovec>,
    /// Index of the first piece that is not wholly written.
    at: usize,
    /// To leave with the next byte.
    descriptors: Vec<OwnedFd>,
    /// Keeps the memory of `pieces` in place.
    _memory: Box<dyn Any>,
}

impl PendingWrite {
    /// `pieces` less their first `written` bytes; `memory` keeps them readable.
    pub fn new(
        pieces: Vec<libc::iovec>,
        written: usize,
        descriptors: Vec<OwnedFd>,
        memory: Box<dyn Any>,
    ) -> Self {
        let mut pending = PendingWrite {
            pieces,
            at: 0,
            descriptors,
            _memory: memory,
        };
        pending.advance(written);
        pending
    }

    /// How many bytes are left.
    pub fn len(&self) -> usize {
        total(&self.pieces[self.at..])
    }

    /// A copy of the bytes that are left.
    pub fn rest(&self) -> Vec<u8> {
        let mut rest = Vec::with_capacity(self.len());
        for piece in &self.pieces[self.at..] {
            // SAFETY: `memory` keeps every piece readable.
            rest.extend_from_slice(unsafe {
                std::slice::from_raw_parts(piece.iov_base.cast::<u8>(), piece.iov_len)
            });
        }
        rest
    }

    /// Writes what the kernel takes now, and is that much shorter then.
    pub fn write(&mut self, fd: RawFd) -> Result<(), Errno> {
        let rest = &self.pieces[self.at..];
        let count = match rest {
            [piece, ..] if !self.descriptors.is_empty() => descriptors::send(fd, *piece, &self.descriptors)?,
            _ => write_some(fd, rest)?,
        };
        if count > 0 {
            self.descriptors.clear();
        }
        self.advance(count);
        Ok(())
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(piece) = self.pieces.get_mut(self.at) {
            if count < piece.iov_len {
                piece.iov_base = piece.iov_base.wrapping_byte_add(count);
                piece.iov_len -= count;
                return;
            }
            count -= piece.iov_len;
            self.at += 1;
        }
    }
}

/// Writes what the kernel takes of `pieces` now, which are readable memory (`Stream::write_later` says how they stay so).
/// Returns how many bytes that was.
///
/// # Errors
/// The kernel's; EBADF for -1. A full kernel buffer is no error.
pub(super) fn write_some(fd: RawFd, pieces: &[libc::iovec]) -> Result<usize, Errno> {
    let mut written = 0;
    for group in pieces.chunks(MAX_PIECES) {
        let count = write_group(fd, group)?;
        written += count;
        if count < total(group) {
            break;
        }
    }
    Ok(written)
}

fn write_group(fd: RawFd, group: &[libc::iovec]) -> Result<usize, Errno> {
    loop {
        // SAFETY: readable memory by the contract of `write_some`.
        let written = unsafe {
            match group {
                // The usual case; the kernel has less to look at.
                [piece] => libc::write(fd, piece.iov_base, piece.iov_len),
                _ => libc::writev(fd, group.as_ptr(), group.len() as _),
            }
        };
        if written >= 0 {
            return Ok(written as usize);
        }
        match last_errno() {
            errno if errno == -libc::EAGAIN => return Ok(0),
            errno if errno == -libc::EINTR => continue,
            errno => return Err(errno),
        }
    }
}

/// Whether more bytes wait to be read from a UNIX socket, with the `buffered` ones that have been, than its peer can have had
/// under way with a send buffer like ours.
pub fn holds_more_than_sent_at_once(fd: RawFd, buffered: u32) -> bool {
    let (mut waiting, mut room): (libc::c_int, libc::c_int) = (0, 0);
    let mut length = size_of_val(&room) as libc::socklen_t;
    // SAFETY: plain system calls on values of ours of the size said; what is no socket is refused.
    unsafe {
        libc::ioctl(fd, libc::FIONREAD, &raw mut waiting) == 0
            && libc::getsockopt(
                fd,
                libc::SOL_SOCKET,
                libc::SO_SNDBUF,
                (&raw mut room).cast(),
                &mut length,
            ) == 0
            && i64::from(waiting) + i64::from(buffered) > i64::from(room)
    }
}

fn total(pieces: &[libc::iovec]) -> usize {
    pieces.iter().map(|piece| piece.iov_len).sum()
}

/// For a UNIX socket that carries much (208 KiB at first; the kernel grants at most net.core.wmem_max, and doubles what it
/// grants). Halves the wake-ups; larger ones no longer fit the processor's cache and are slower (docs/design/streams.md).
const SEND_BUFFER_BYTES: libc::c_int = 512 * 1024;

/// Gives a UNIX socket more room, and says whether it has. No other descriptor: TCP sizes its buffer itself, and would stop
/// doing so.
pub fn enlarge_send_buffer(fd: BorrowedFd) -> bool {
    let fd = fd.as_raw_fd();
    let mut domain: libc::c_int = 0;
    let mut length = size_of_val(&domain) as libc::socklen_t;
    // SAFETY: plain system calls on values of ours of the size said; what is no socket is refused.
    unsafe {
        let status = libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_DOMAIN,
            (&raw mut domain).cast(),
            &mut length,
        );
        status == 0
            && domain == libc::AF_UNIX
            && libc::setsockopt(
                fd,
                libc::SOL_SOCKET,
                libc::SO_SNDBUF,
                std::ptr::from_ref(&SEND_BUFFER_BYTES).cast(),
                length,
            ) == 0
    }
}
