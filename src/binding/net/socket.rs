//! System calls on sockets. Each answers as libuv does: 0 or more, or a negative errno.

use napi::bindgen_prelude::{Either, Env, Result};
use napi_derive::napi;

use crate::binding::environment::Environment;
use crate::event_loop::Errno;
use crate::net::{self, Address, Domain, KeepAlive, Peer};

/// An end of a connection. `family` is `'IPv4'`, `'IPv6'` or `'unix'`; the address of the last is its path, empty when it
/// has none.
#[napi(object)]
pub struct AddressInfo {
    pub address: String,
    pub family: String,
    pub port: u32,
}

/// What stands behind a descriptor, in libuv's words: TCP, UDP, PIPE, TTY, FILE or UNKNOWN.
#[napi(catch_unwind)]
pub fn descriptor_type(fd: i32) -> &'static str {
    net::descriptor_type(fd)
}

/// Who is at the other end of a UNIX socket.
#[napi(object)]
pub struct PeerCredentials {
    pub pid: i32,
    pub uid: u32,
    pub gid: u32,
}

/// A negative errno for what is no connected UNIX socket.
#[napi(catch_unwind)]
pub fn peer_credentials(fd: i32) -> Either<PeerCredentials, i32> {
    match net::peer_credentials(fd) {
        Ok(net::Credentials { pid, uid, gid }) => Either::A(PeerCredentials { pid, uid, gid }),
        Err(errno) => Either::B(errno),
    }
}

/// Opens a stream socket: 4, 6, or 0 for UNIX. Returns the descriptor.
#[napi(catch_unwind)]
pub fn open_socket(env: Env, version: u32) -> Result<i32> {
    let environment = Environment::of(&env)?;
    let domain = match version {
        4 => Domain::Ipv4,
        6 => Domain::Ipv6,
        _ => Domain::Unix,
    };
    Ok(net::open(domain).map_or_else(|errno| errno, |fd| environment.in_transit.give(fd)))
}

#[napi(catch_unwind)]
pub fn bind_socket(fd: i32, address: String, port: u32, ipv6_only: bool, reuse_port: bool) -> i32 {
    status(
        Address::inet(&address, port as u16)
            .and_then(|address| net::bind(fd, &address, ipv6_only, reuse_port)),
    )
}

/// Begins to connect.
#[napi(catch_unwind)]
pub fn connect_socket(fd: i32, address: String, port: u32) -> i32 {
    status(Address::inet(&address, port as u16).and_then(|address| net::connect(fd, &address)))
}

#[napi(catch_unwind)]
pub fn connect_socket_path(fd: i32, path: String) -> i32 {
    status(Address::unix(path.as_bytes()).and_then(|address| net::connect(fd, &address)))
}

#[napi(catch_unwind)]
pub fn local_address(fd: i32) -> Either<AddressInfo, i32> {
    describe(net::local_address(fd))
}

#[napi(catch_unwind)]
pub fn peer_address(fd: i32) -> Either<AddressInfo, i32> {
    describe(net::peer_address(fd))
}

#[napi(catch_unwind)]
pub fn set_no_delay(fd: i32, on: bool) -> i32 {
    status(net::set_no_delay(fd, on))
}

/// Seconds; the last three count only when `on`.
#[napi(catch_unwind)]
pub fn set_keep_alive(fd: i32, on: bool, idle: i32, interval: i32, count: i32) -> i32 {
    status(net::set_keep_alive(
        fd,
        on.then_some(KeepAlive {
            idle,
            interval,
            count,
        }),
    ))
}

#[napi(catch_unwind)]
pub fn set_type_of_service(fd: i32, value: i32) -> i32 {
    status(net::set_type_of_service(fd, value))
}

#[napi(catch_unwind)]
pub fn get_type_of_service(fd: i32) -> i32 {
    net::type_of_service(fd).unwrap_or_else(|errno| errno)
}

/// Makes closing the descriptor reset the connection.
#[napi(catch_unwind)]
pub fn reset_on_close(fd: i32) -> i32 {
    status(net::reset_on_close(fd))
}

/// 4, 6, or 0 for what is no IP address.
#[napi(catch_unwind)]
pub fn ip_version(text: String) -> u32 {
    u32::from(net::ip_version(&text))
}

fn status(result: std::result::Result<(), Errno>) -> i32 {
    result.err().unwrap_or(0)
}

fn describe(address: std::result::Result<Address, Errno>) -> Either<AddressInfo, i32> {
    let described = address.and_then(|address| address.describe().ok_or(-libc::EAFNOSUPPORT));
    match described {
        Ok(Peer::Inet { host, port, version }) => Either::A(AddressInfo {
            address: host,
            family: format!("IPv{version}"),
            port: u32::from(port),
        }),
        Ok(Peer::Unix(name)) => Either::A(AddressInfo {
            address: String::from_utf8_lossy(&name).into_owned(),
            family: "unix".to_owned(),
            port: 0,
        }),
        Err(errno) => Either::B(errno),
    }
}
