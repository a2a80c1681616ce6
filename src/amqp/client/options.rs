//! What a connection is opened with. JavaScript has parsed URLs and defaults already.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::tls::ClientOptions;

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
    pub tls: Option<ClientOptions>,
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
