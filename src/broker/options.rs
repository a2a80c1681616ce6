//! What a broker is started with.

use std::net::IpAddr;
use std::path::PathBuf;

use super::vhost::memory;
use crate::broker::bridge::Link;
use crate::broker::definitions::Definitions;

/// RabbitMQ's defaults.
pub const FRAME_MAX: u32 = 131_072;
pub const CHANNEL_MAX: u16 = 2047;
pub const HEARTBEAT_SECONDS: u16 = 60;

#[derive(Debug, Clone)]
pub struct TcpAddress {
    pub host: IpAddr,
    /// 0 lets the system choose.
    pub port: u16,
}

#[derive(Debug, Clone)]
pub struct Options {
    pub tcp: Option<TcpAddress>,
    /// Where to listen on a UNIX socket.
    pub path: Option<PathBuf>,
    /// Names and passwords; guest/guest when there are none here and none in the definitions.
    pub users: Vec<(String, String)>,
    /// Users that may come from this machine only.
    pub loopback_users: Vec<String>,
    pub definitions: Option<Definitions>,
    /// Largest frame, envelope included; at least 4096.
    pub frame_max: u32,
    /// 0 for no limit but the protocol's.
    pub channel_max: u16,
    /// 0 for none.
    pub heartbeat_seconds: u16,
    /// Bytes of messages from which on publishers wait.
    pub memory_high_watermark: usize,
    /// Queues that empty into a RabbitMQ.
    pub forward: Option<Link>,
    /// Queues that are filled from a RabbitMQ.
    pub fetch: Option<Link>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            tcp: None,
            path: None,
            users: Vec::new(),
            loopback_users: vec!["guest".into()],
            definitions: None,
            frame_max: FRAME_MAX,
            channel_max: CHANNEL_MAX,
            heartbeat_seconds: HEARTBEAT_SECONDS,
            memory_high_watermark: memory::default_limit(),
            forward: None,
            fetch: None,
        }
    }
}
