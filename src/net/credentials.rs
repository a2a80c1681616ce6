//! Who is at the other end of a UNIX socket.

use std::os::fd::RawFd;

use super::socket::check;
use crate::event_loop::Errno;

/// The process that called connect() or listen(), as it was then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credentials {
    pub pid: i32,
    pub uid: u32,
    pub gid: u32,
}

/// # Errors
/// EINVAL when it is no UNIX socket; ENOTCONN when nobody is at the other end.
pub fn peer_credentials(fd: RawFd) -> Result<Credentials, Errno> {
    let mut raw = libc::ucred {
        pid: 0,
        uid: u32::MAX,
        gid: u32::MAX,
    };
    let mut length = size_of_val(&raw) as libc::socklen_t;
    // SAFETY: both outputs are ours and as large as said.
    check(unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut raw).cast(),
            &mut length,
        )
    })?;
    // What the kernel says of sockets that have no peer to speak of.
    if raw.pid == 0 && raw.uid == u32::MAX {
        return Err(-libc::ENOTCONN);
    }
    Ok(Credentials {
        pid: raw.pid,
        uid: raw.uid,
        gid: raw.gid,
    })
}
