//! Socket options by Node's names.

use std::os::fd::RawFd;

use super::socket::{check, local_address, set_flag, set_option};
use crate::event_loop::Errno;

/// How long the peer may be silent, and how it is asked, all in seconds.
#[derive(Debug, Clone, Copy)]
pub struct KeepAlive {
    pub idle: i32,
    pub interval: i32,
    pub count: i32,
}

pub fn set_no_delay(fd: RawFd, on: bool) -> Result<(), Errno> {
    set_flag(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, on)
}

/// `None` turns it off. A time below one second, or no probe, leaves all of the operating system's, as libuv does.
pub fn set_keep_alive(fd: RawFd, keep_alive: Option<KeepAlive>) -> Result<(), Errno> {
    set_flag(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE, keep_alive.is_some())?;
    let Some(KeepAlive {
        idle,
        interval,
        count,
    }) = keep_alive
    else {
        return Ok(());
    };
    if idle < 1 || interval < 1 || count < 1 {
        return Ok(());
    }
    set_option(fd, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, &idle)?;
    set_option(fd, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, &interval)?;
    set_option(fd, libc::IPPROTO_TCP, libc::TCP_KEEPCNT, &count)
}

/// The TOS byte of IPv4 or the traffic class of IPv6.
pub fn set_type_of_service(fd: RawFd, value: i32) -> Result<(), Errno> {
    let (level, option) = type_of_service_option(fd)?;
    set_option(fd, level, option, &value)
}

pub fn type_of_service(fd: RawFd) -> Result<i32, Errno> {
    let (level, option) = type_of_service_option(fd)?;
    let mut value: libc::c_int = 0;
    let mut length = size_of_val(&value) as libc::socklen_t;
    // SAFETY: both outputs are ours and as large as said.
    check(unsafe { libc::getsockopt(fd, level, option, (&raw mut value).cast(), &mut length) })?;
    Ok(value)
}

fn type_of_service_option(fd: RawFd) -> Result<(libc::c_int, libc::c_int), Errno> {
    match local_address(fd)?.family() {
        libc::AF_INET => Ok((libc::IPPROTO_IP, libc::IP_TOS)),
        libc::AF_INET6 => Ok((libc::IPPROTO_IPV6, libc::IPV6_TCLASS)),
        _ => Err(-libc::EINVAL),
    }
}

/// Closing the descriptor then resets the connection: the peer gets ECONNRESET, unsent bytes are dropped.
pub fn reset_on_close(fd: RawFd) -> Result<(), Errno> {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    set_option(fd, libc::SOL_SOCKET, libc::SO_LINGER, &linger)
}
