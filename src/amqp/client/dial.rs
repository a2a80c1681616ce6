//! Connecting: addresses one after another, socket options, TLS.

use std::fmt::Write;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;

use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::time::timeout;

use super::failure::{Failure, Scope};
use super::keep_alive;
use super::options::{Address, ConnectOptions};
use super::socket::{Plain, Socket};
use super::transport::Transport;
use crate::tls::{ClientOptions, Stream};

pub async fn dial(options: &ConnectOptions) -> Result<Transport, Failure> {
    match &options.address {
        Address::Unix(path) => match UnixStream::connect(path).await {
            Ok(stream) => transport(stream.into_std().map(Socket::Unix), options.tls.as_ref()).await,
            Err(error) => Err(Failure {
                text: format!("connect {} {}", error.raw_os_error().unwrap_or(0), path.display()),
                ..Failure::new(Scope::Connect)
            }),
        },
        Address::Tcp(addresses) => {
            let stream = dial_tcp(addresses, options).await?;
            transport(stream.into_std().map(Socket::Tcp), options.tls.as_ref()).await
        }
    }
}

async fn transport(socket: io::Result<Socket>, tls: Option<&ClientOptions>) -> Result<Transport, Failure> {
    let socket = socket.map_err(|error| Failure::socket(&error))?;
    let Some(tls) = tls else {
        let stream = Plain::new(socket).map_err(|error| Failure::socket(&error))?;
        return Ok(Transport::Plain(stream));
    };
    match Stream::connect(Arc::new(socket), tls).await {
        Ok(stream) => Ok(Transport::Tls(Box::new(stream))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Failure::new(Scope::TlsEnded)),
        Err(error) => Err(Failure::socket(&error)),
    }
}

/// The failure of a connection for which the system has nothing left, as if its first attempt had failed so.
pub fn refused(options: &ConnectOptions, error: &io::Error) -> Failure {
    let errno = error.raw_os_error().unwrap_or(libc::EAGAIN);
    let text = match &options.address {
        Address::Unix(path) => format!("connect {errno} {}", path.display()),
        Address::Tcp(addresses) => addresses.first().map_or_else(String::new, |address| {
            format!("connect {errno} {} {}\n", address.ip(), address.port())
        }),
    };
    Failure {
        text,
        ..Failure::new(Scope::Connect)
    }
}

async fn dial_tcp(addresses: &[SocketAddr], options: &ConnectOptions) -> Result<TcpStream, Failure> {
    let mut attempts = String::new();
    for (index, address) in addresses.iter().enumerate() {
        let last = index + 1 == addresses.len();
        let local = local(address, options);
        let socket = match socket(address, local) {
            Ok(socket) => socket,
            Err((call, error)) => {
                let (errno, local) = (error.raw_os_error().unwrap_or(0), local.unwrap_or(*address));
                let _ = writeln!(attempts, "{call} {errno} {} {}", local.ip(), local.port());
                continue;
            }
        };
        let attempt = socket.connect(*address);
        let result = if last {
            attempt.await
        } else {
            match timeout(options.attempt_timeout, attempt).await {
                Ok(result) => result,
                Err(_) => Err(io::Error::from_raw_os_error(libc::ETIMEDOUT)),
            }
        };
        match result {
            Ok(stream) => {
                // Failing here means the peer is gone already; the first read says so more clearly.
                let _ = stream.set_nodelay(options.no_delay);
                if let Some(delay) = options.keep_alive {
                    let _ = keep_alive::set(stream.as_fd(), delay);
                }
                return Ok(stream);
            }
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(0);
                // Writing to a String cannot fail.
                let _ = write!(attempts, "connect {errno} {} {}", address.ip(), address.port());
                // As Node, which names it when there is a port.
                if let Some(local) = local.filter(|local| local.port() != 0) {
                    let _ = write!(attempts, " {} {}", local.ip(), local.port());
                }
                attempts.push('\n');
            }
        }
    }
    Err(Failure {
        text: attempts,
        ..Failure::new(Scope::Connect)
    })
}

/// Where to connect to `address` from, when that is not left to the system.
fn local(address: &SocketAddr, options: &ConnectOptions) -> Option<SocketAddr> {
    if options.local_address.is_none() && options.local_port.is_none() {
        return None;
    }
    let any = match address {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let port = options.local_port.unwrap_or(0);
    Some(SocketAddr::new(options.local_address.unwrap_or(any), port))
}

/// An error comes with the call that failed.
fn socket(address: &SocketAddr, local: Option<SocketAddr>) -> Result<TcpSocket, (&'static str, io::Error)> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
    .map_err(|error| ("connect", error))?;
    if let Some(local) = local {
        let bind = || {
            // As libuv: the port may have a connection of before that still lingers, and an address of the other family is
            // invalid, where the kernel would say that it does not know the family.
            if local.is_ipv4() != address.is_ipv4() {
                return Err(io::Error::from_raw_os_error(libc::EINVAL));
            }
            socket.set_reuseaddr(true)?;
            socket.bind(local)
        };
        bind().map_err(|error| ("bind", error))?;
    }
    Ok(socket)
}
