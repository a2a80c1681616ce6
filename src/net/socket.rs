//! Opening, binding and connecting sockets.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use super::Address;
use crate::event_loop::{Errno, last_errno};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    Ipv4,
    Ipv6,
    Unix,
}

/// A non-blocking stream socket that children do not inherit.
pub fn open(domain: Domain) -> Result<OwnedFd, Errno> {
    let family = match domain {
        Domain::Ipv4 => libc::AF_INET,
        Domain::Ipv6 => libc::AF_INET6,
        Domain::Unix => libc::AF_UNIX,
    };
    // SAFETY: plain system call.
    let fd = unsafe {
        libc::socket(
            family,
            libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
            0,
        )
    };
    if fd < 0 {
        return Err(last_errno());
    }
    // SAFETY: just opened, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Binds as libuv does: a TCP address may be taken over from connections in TIME_WAIT, an IPv6 socket takes IPv4 too
/// unless `ipv6_only`, `reuse_port` shares the port with other processes, and a missing directory reads as EACCES.
pub fn bind(fd: RawFd, address: &Address, ipv6_only: bool, reuse_port: bool) -> Result<(), Errno> {
    let is_unix = address.family() == libc::AF_UNIX;
    if !is_unix {
        set_flag(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, true)?;
        if reuse_port {
            set_flag(fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, true)?;
        }
    }
    if address.family() == libc::AF_INET6 {
        set_flag(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, ipv6_only)?;
    }
    let (raw, length) = address.as_raw();
    // SAFETY: a valid socket address of that length.
    match check(unsafe { libc::bind(fd, raw, length) }) {
        Err(errno) if is_unix && errno == -libc::ENOENT => Err(-libc::EACCES),
        other => other,
    }
}

/// Begins to connect; `Stream::await_connection` tells how it ends.
pub fn connect(fd: RawFd, address: &Address) -> Result<(), Errno> {
    let (raw, length) = address.as_raw();
    loop {
        // SAFETY: a valid socket address of that length.
        match check(unsafe { libc::connect(fd, raw, length) }) {
            Err(errno) if errno == -libc::EINTR => continue,
            Err(errno) if errno == -libc::EINPROGRESS => return Ok(()),
            other => return other,
        }
    }
}

pub fn local_address(fd: RawFd) -> Result<Address, Errno> {
    // SAFETY: the outputs are as large as their length says.
    Address::filled_by(|address, length| unsafe { libc::getsockname(fd, address, length) })
        .ok_or_else(last_errno)
}

pub fn peer_address(fd: RawFd) -> Result<Address, Errno> {
    // SAFETY: as above.
    Address::filled_by(|address, length| unsafe { libc::getpeername(fd, address, length) })
        .ok_or_else(last_errno)
}

pub(super) fn set_flag(fd: RawFd, level: libc::c_int, option: libc::c_int, on: bool) -> Result<(), Errno> {
    set_option(fd, level, option, &libc::c_int::from(on))
}

pub(super) fn set_option<T>(
    fd: RawFd,
    level: libc::c_int,
    option: libc::c_int,
    value: &T,
) -> Result<(), Errno> {
    // SAFETY: the value is readable for its size; the kernel refuses what does not fit the option.
    check(unsafe { libc::setsockopt(fd, level, option, (value as *const T).cast(), size_of::<T>() as _) })
}

pub(super) fn check(status: libc::c_int) -> Result<(), Errno> {
    if status < 0 { Err(last_errno()) } else { Ok(()) }
}
