//! What a connection is opened with. JavaScript has parsed URLs and defaults already.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone)]
pub enum Address {
    /// Tried in this order, each next one when the one before fails or takes longer than `attempt_timeout`.
    Tcp(Vec<SocketAddr>),
    Unix(PathBuf),
}

#[derive(Debug, Clone)]
pub struct ConnectOptions {
    pub address: Address,
    /// Where a TCP connection comes from: an address, a port, or both.
    pub local_address: Option<IpAddr>,
    pub local_port: Option<u16>,
    /// How long an address that is not the last may take (Node: autoSelectFamilyAttemptTimeout).
    pub attempt_timeout: Duration,
    /// Longest silence while the connection is being opened; none: no limit.
    pub timeout: Option<Duration>,
    pub no_delay: bool,
    /// TCP keep-alive with this delay; zero leaves the delay to the system.
    pub keep_alive: Option<Duration>,
    pub tls: Option<TlsOptions>,
    pub mechanism: String,
    /// The SASL response, made by the credentials.
    pub response: Vec<u8>,
    /// A field table as it stands on the wire, its length included.
    pub client_properties: Vec<u8>,
    pub locale: String,
    pub virtual_host: String,
    /// Wishes; 0 means no limit.
    pub frame_max: u32,
    pub channel_max: u16,
    /// Seconds; 0 turns heartbeats off, none takes what the server proposes.
    pub heartbeat: Option<u16>,
    /// Largest payload accepted in one frame; 0 for no limit, none for the default.
    pub max_frame_size: Option<u32>,
}

/// PEM texts, as `tls.connect` takes them.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    pub ca: Vec<Vec<u8>>,
    pub cert: Option<Vec<u8>>,
    pub key: Option<Vec<u8>>,
    /// Name sent, unless it is an IP address; JavaScript checks it.
    pub servername: String,
    pub reject_unauthorized: bool,
    pub tls12: bool,
    pub tls13: bool,
    /// Cipher suites and groups to offer, best first, by their numbers in the TLS registry. What is not known here is left out.
    pub suites: Vec<u16>,
    pub groups: Vec<u16>,
    /// Certificate revocation lists; every certificate must be covered when there are any.
    pub crls: Vec<Vec<u8>>,
    pub alpn: Vec<Vec<u8>>,
}
