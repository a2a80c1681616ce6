//! The embedded AMQP 0-9-1 broker: RabbitMQ's behaviour in memory, for the programs of one machine.
//!
//! `server` listens and owns the tasks of `connection`s; each moves bytes between its socket and the `vhost` that it opened.
//! Everything that AMQP means happens on a vhost's `State`: `protocol` decodes and answers, `publish`, `exchange` and `queue`
//! are the way of a message. All of it runs on the shared runtime and nothing of it knows JavaScript.
//! `docs/design/broker.md` says why it is built so.

mod auth;
mod bridge;
mod clock;
mod connection;
mod definitions;
mod exchange;
mod listener;
mod options;
mod protocol;
mod publish;
mod queue;
mod server;
mod vhost;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

pub use bridge::{Direction, Link, Report};
pub use definitions::Definitions;
pub use options::{Options, TcpAddress};
pub use server::{Broker, ListenError, StartError};

/// What all sessions of a broker share.
struct Shared {
    /// What it calls itself to clients.
    name: String,
    options: Options,
    users: auth::users::Users,
    vhosts: HashMap<String, Arc<vhost::Vhost>>,
    memory: Arc<vhost::memory::Memory>,
}
