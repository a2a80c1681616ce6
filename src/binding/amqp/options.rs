//! `AmqpConnectOptions`: what a connection is opened with, as plain data.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use napi::bindgen_prelude::{Error, Result, Status, Uint8Array};
use napi_derive::napi;

use crate::amqp::client::{Address, ConnectOptions};
use crate::tls::{ClientOptions, Context};

/// A connection's options: parsed, with all defaults applied. Times in milliseconds.
#[napi(object)]
pub struct AmqpConnectOptions {
    /// Addresses that the host name stands for, in the order to try them; empty with `path`.
    pub addresses: Vec<String>,
    pub port: u16,
    /// A UNIX socket instead.
    pub path: Option<String>,
    pub local_address: Option<String>,
    pub local_port: Option<u16>,
    pub attempt_timeout: u32,
    /// 0 for none.
    pub timeout: u32,
    pub no_delay: bool,
    pub keep_alive: bool,
    pub keep_alive_delay: u32,
    pub tls: Option<AmqpTlsOptions>,
    pub mechanism: String,
    pub response: Uint8Array,
    pub client_properties: Uint8Array,
    pub locale: String,
    pub virtual_host: String,
    pub frame_max: u32,
    pub channel_max: u16,
    /// Absent: what the server proposes.
    pub heartbeat: Option<u16>,
    /// Absent: the default.
    pub max_frame_size: Option<u32>,
}

/// TLS beside its context.
#[napi(object)]
pub struct AmqpTlsOptions {
    /// Empty for none.
    pub servername: String,
    /// ALPN's list as it stands on the wire.
    pub protocols: Option<Uint8Array>,
}

impl AmqpConnectOptions {
    /// `context` belongs to `tls`.
    pub fn into_core(self, context: Option<Context>) -> Result<ConnectOptions> {
        let millis = |count: u32| Duration::from_millis(count.into());
        let address = match self.path {
            Some(path) => Address::Unix(path.into()),
            None => Address::Tcp(
                self.addresses
                    .iter()
                    .map(|address| Ok(SocketAddr::new(parse(address)?, self.port)))
                    .collect::<Result<_>>()?,
            ),
        };
        Ok(ConnectOptions {
            address,
            local_address: self.local_address.as_deref().map(parse).transpose()?,
            local_port: self.local_port,
            attempt_timeout: millis(self.attempt_timeout),
            timeout: (self.timeout > 0).then(|| millis(self.timeout)),
            no_delay: self.no_delay,
            keep_alive: self.keep_alive.then(|| millis(self.keep_alive_delay)),
            tls: self.tls.zip(context).map(|(tls, context)| ClientOptions {
                context: Arc::new(context),
                servername: tls.servername,
                protocols: tls.protocols.map(|list| list.to_vec()).unwrap_or_default(),
            }),
            mechanism: self.mechanism,
            response: self.response.to_vec(),
            client_properties: self.client_properties.to_vec(),
            locale: self.locale,
            virtual_host: self.virtual_host,
            frame_max: self.frame_max,
            channel_max: self.channel_max,
            heartbeat: self.heartbeat,
            max_frame_size: self.max_frame_size,
        })
    }
}

fn parse(address: &str) -> Result<IpAddr> {
    // A scope (fe80::1%eth0) would need a lookup of the interface: link-local brokers are not a case yet.
    address
        .parse()
        .map_err(|_| Error::new(Status::InvalidArg, format!("not an IP address: {address}")))
}
