//! Open descriptors that travel with bytes through a UNIX socket (SCM_RIGHTS).

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr;

use super::{Errno, last_errno};

/// As many as the kernel takes with one message (SCM_MAX_FD).
pub const MAX_DESCRIPTORS: usize = 253;

/// Room for the kernel's one control message. Aligned as a cmsghdr.
#[repr(C)]
struct Control {
    header: libc::cmsghdr,
    fds: [c_int; MAX_DESCRIPTORS],
}

/// What one read has brought.
pub struct Received {
    /// 0 at the peer's end.
    pub count: usize,
    pub descriptors: Vec<OwnedFd>,
    /// The kernel could not hand over all of them (EMFILE).
    pub incomplete: bool,
}

/// Copies of descriptors, which children do not inherit.
pub fn duplicate(fds: &[RawFd]) -> Result<Vec<OwnedFd>, Errno> {
    let copy = |&fd| {
        // SAFETY: plain system call.
        let copied = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) };
        if copied < 0 {
            return Err(last_errno());
        }
        // SAFETY: just made, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(copied) })
    };
    fds.iter().map(copy).collect()
}

/// Closes a descriptor, but leaves the standard ones open, as libuv does: the next file that is opened would take the number, and
/// get what is meant for it.
pub fn close(fd: OwnedFd) {
    if fd.as_raw_fd() <= libc::STDERR_FILENO {
        let _ = fd.into_raw_fd();
    }
}

/// Sends what the kernel takes of `bytes` now, with the descriptors (at most `MAX_DESCRIPTORS`) on the first of them;
/// neither when it returns 0.
pub fn send(socket: RawFd, bytes: libc::iovec, descriptors: &[OwnedFd]) -> Result<usize, Errno> {
    let mut control = empty_control();
    for (slot, descriptor) in control.fds.iter_mut().zip(descriptors) {
        *slot = descriptor.as_raw_fd();
    }
    control.header.cmsg_len = length_for(descriptors.len()) as _;
    control.header.cmsg_level = libc::SOL_SOCKET;
    control.header.cmsg_type = libc::SCM_RIGHTS;
    let mut piece = bytes;
    let mut message = message(&mut piece, &mut control);
    message.msg_controllen = length_for(descriptors.len()) as _;
    loop {
        // SAFETY: the message and what it points to live until the call returns; the caller's bytes are readable.
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

/// Reads into `room` bytes at `memory`, with the descriptors that come along.
///
/// # Safety
/// `memory` is writable for `room` bytes.
pub unsafe fn receive(socket: RawFd, memory: *mut u8, room: usize) -> Result<Received, Errno> {
    let mut control = empty_control();
    let mut piece = libc::iovec {
        iov_base: memory.cast(),
        iov_len: room,
    };
    let mut message = message(&mut piece, &mut control);
    message.msg_controllen = size_of::<Control>() as _;
    // SAFETY: the kernel writes into `memory` and `control`, no more than the lengths say.
    let count = unsafe { libc::recvmsg(socket, &mut message, libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT) };
    if count < 0 {
        return Err(last_errno());
    }
    let flags = message.msg_flags;
    let came = message.msg_controllen >= length_for(1) as _
        && control.header.cmsg_level == libc::SOL_SOCKET
        && control.header.cmsg_type == libc::SCM_RIGHTS;
    let bytes = if came {
        // An unsigned integer whose width depends on the C library.
        (control.header.cmsg_len as u64).saturating_sub(length_for(0) as u64) as usize
    } else {
        0
    };
    let adopt = |&fd: &c_int| {
        // SAFETY: the kernel has just installed it for us.
        unsafe { OwnedFd::from_raw_fd(fd) }
    };
    Ok(Received {
        count: count as usize,
        descriptors: control.fds[..(bytes / size_of::<c_int>()).min(MAX_DESCRIPTORS)]
            .iter()
            .map(adopt)
            .collect(),
        incomplete: flags & libc::MSG_CTRUNC != 0,
    })
}

fn empty_control() -> Control {
    // SAFETY: zero is valid for all fields, padding included (musl has some).
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn message(piece: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: zero is valid for all fields.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = piece;
    message.msg_iovlen = 1;
    message.msg_control = ptr::from_mut(control).cast();
    message
}

fn length_for(count: usize) -> usize {
    // SAFETY: arithmetic only.
    unsafe { libc::CMSG_LEN((count * size_of::<c_int>()) as u32) as usize }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    fn piece(bytes: &[u8]) -> libc::iovec {
        libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        }
    }

    fn read(socket: &UnixStream) -> Received {
        let mut room = [0; 16];
        // SAFETY: 16 writable bytes.
        let received = unsafe { receive(socket.as_raw_fd(), room.as_mut_ptr(), room.len()) };
        received.unwrap()
    }

    #[test]
    fn as_many_as_the_kernel_allows_arrive_close_on_exec() {
        let (left, right) = UnixStream::pair().unwrap();
        for count in [1, 2, MAX_DESCRIPTORS] {
            let passed = duplicate(&vec![left.as_raw_fd(); count]).unwrap();
            assert_eq!(send(left.as_raw_fd(), piece(b"abc"), &passed), Ok(3));
            let received = read(&right);
            assert_eq!((received.count, received.descriptors.len()), (3, count));
            assert!(!received.incomplete);
            for fd in received.descriptors {
                // SAFETY: plain system call.
                let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) };
                assert_eq!(flags, libc::FD_CLOEXEC);
            }
        }
    }

    #[test]
    fn bytes_without_descriptors_bring_none() {
        let (left, right) = UnixStream::pair().unwrap();
        std::io::Write::write_all(&mut &left, b"abc").unwrap();
        assert!(read(&right).descriptors.is_empty());
        drop(left);
        assert_eq!(read(&right).count, 0);
    }

    #[test]
    fn a_closed_descriptor_cannot_be_copied() {
        assert_eq!(duplicate(&[-1]).err(), Some(-libc::EBADF));
    }
}
