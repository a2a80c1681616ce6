//! Connecting: addresses one after another, socket options, TLS.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::failure::{Failure, Scope};
use super::options::{Address, ConnectOptions};
use super::socket::{Plain, Socket};
use super::transport::Transport;
use super::{keep_alive, tls};

pub async fn dial(options: &ConnectOptions) -> Result<Transport, Failure> {
    match &options.address {
        Address::Unix(path) => match UnixStream::connect(path).await {
            Ok(stream) => plain(stream.into_std().map(Socket::Unix)),
            Err(error) => Err(Failure {
                text: format!("{} {}", error.raw_os_error().unwrap_or(0), path.display()),
                ..Failure::new(Scope::Connect)
            }),
        },
        Address::Tcp(addresses) => {
            let stream = dial_tcp(addresses, options).await?;
            match &options.tls {
                None => plain(stream.into_std().map(Socket::Tcp)),
                Some(tls) => tls::connect(stream, tls).await,
            }
        }
    }
}

fn plain(socket: io::Result<Socket>) -> Result<Transport, Failure> {
    let stream = socket.and_then(Plain::new);
    stream
        .map(Transport::Plain)
        .map_err(|error| Failure::socket(&error))
}

async fn dial_tcp(addresses: &[SocketAddr], options: &ConnectOptions) -> Result<TcpStream, Failure> {
    let mut attempts = String::new();
    for (index, address) in addresses.iter().enumerate() {
        let last = index + 1 == addresses.len();
        let attempt = TcpStream::connect(address);
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
                let _ = writeln!(attempts, "{errno} {} {}", address.ip(), address.port());
            }
        }
    }
    Err(Failure {
        text: attempts,
        ..Failure::new(Scope::Connect)
    })
}
