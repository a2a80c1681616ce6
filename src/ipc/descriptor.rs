//! Bytes and open descriptors through a UNIX socket (SCM_RIGHTS).

use std::ffi::c_int;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr;

use crate::event_loop::{Errno, last_errno};

/// The header and one descriptor: whoever sends more with a message has the kernel drop the rest, since none of ours or
/// Node's does. Aligned as a cmsghdr.
#[repr(C)]
struct Control {
    header: libc::cmsghdr,
    fd: c_int,
}

/// What came with some bytes.
pub enum Received {
    None,
    Descriptor(OwnedFd),
    /// There was one that the kernel could not hand over (EMFILE).
    Lost,
}

/// Sends what the kernel takes of `bytes` now, with `fd` on the first of them; 0 when it takes nothing.
pub fn send(socket: RawFd, bytes: &[u8], fd: Option<RawFd>) -> Result<usize, Errno> {
    let slice = [IoSlice::new(bytes)];
    // SAFETY: zero is valid for all fields.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = slice.as_ptr().cast_mut().cast();
    message.msg_iovlen = 1;
    let mut control = fd.map(|fd| Control { header: header(), fd });
    if let Some(control) = &mut control {
        message.msg_control = ptr::from_mut(control).cast();
        message.msg_controllen = control.header.cmsg_len;
    }
    loop {
        // SAFETY: the message and what it points to live until the call returns.
        let count = unsafe { libc::sendmsg(socket, &message, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT) };
        if count >= 0 {
            return Ok(count as usize);
        }
        match last_errno() {
            errno if errno == -libc::EAGAIN => return Ok(0),
            errno if errno == -libc::EINTR => {}
            errno => return Err(errno),
        }
    }
}

/// Receives into `room`; `None` when nothing is there. The count is 0 at the peer's end.
pub fn receive(socket: RawFd, room: &mut [MaybeUninit<u8>]) -> Result<Option<(usize, Received)>, Errno> {
    let mut slice = libc::iovec {
        iov_base: room.as_mut_ptr().cast(),
        iov_len: room.len(),
    };
    let mut control = MaybeUninit::<Control>::zeroed();
    // SAFETY: zero is valid for all fields.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = &mut slice;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = header().cmsg_len;
    let count = loop {
        // SAFETY: as in `send`; the kernel writes into `room` and `control`.
        let count =
            unsafe { libc::recvmsg(socket, &mut message, libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT) };
        if count >= 0 {
            break count as usize;
        }
        match last_errno() {
            errno if errno == -libc::EAGAIN => return Ok(None),
            errno if errno == -libc::EINTR => {}
            errno => return Err(errno),
        }
    };
    // SAFETY: zeroed, and the kernel writes whole headers only.
    let control = unsafe { control.assume_init() };
    let received = if message.msg_controllen >= header().cmsg_len as _
        && control.header.cmsg_level == libc::SOL_SOCKET
        && control.header.cmsg_type == libc::SCM_RIGHTS
        && control.header.cmsg_len >= header().cmsg_len
    {
        // SAFETY: the kernel has just installed it for us.
        Received::Descriptor(unsafe { OwnedFd::from_raw_fd(control.fd) })
    } else if message.msg_flags & libc::MSG_CTRUNC != 0 {
        Received::Lost
    } else {
        Received::None
    };
    Ok(Some((count, received)))
}

fn header() -> libc::cmsghdr {
    // SAFETY: zero is valid for all fields, padding included (musl has some).
    let mut header: libc::cmsghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: arithmetic only.
    header.cmsg_len = unsafe { libc::CMSG_LEN(size_of::<c_int>() as u32) } as _;
    header.cmsg_level = libc::SOL_SOCKET;
    header.cmsg_type = libc::SCM_RIGHTS;
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_descriptor_arrives_with_its_bytes() {
        let (left, right) = UnixStream::pair().unwrap();
        let (passed, _other) = UnixStream::pair().unwrap();
        assert_eq!(send(left.as_raw_fd(), b"abc", Some(passed.as_raw_fd())), Ok(3));
        let mut room = [MaybeUninit::uninit(); 16];
        let (count, received) = receive(right.as_raw_fd(), &mut room).unwrap().unwrap();
        assert_eq!(count, 3);
        assert!(matches!(received, Received::Descriptor(_)));
        assert!(receive(right.as_raw_fd(), &mut room).unwrap().is_none());
    }

    #[test]
    fn the_end_of_the_peer_is_zero_bytes() {
        let (left, right) = UnixStream::pair().unwrap();
        drop(left);
        let mut room = [MaybeUninit::uninit(); 16];
        let (count, _) = receive(right.as_raw_fd(), &mut room).unwrap().unwrap();
        assert_eq!(count, 0);
    }
}
