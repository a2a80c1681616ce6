//! The embedded AMQP 0-9-1 broker: RabbitMQ's behaviour in memory, for the programs of one machine.
//!
//! `server` listens and owns the sessions' tasks; a `session` moves bytes between its socket and the `vhost` it opened;
//! everything that AMQP means happens on a vhost's `State`, in the files named after what they do. All of it runs on the
//! shared runtime and nothing of it knows JavaScript. `docs/design/broker.md` says why it is built so.

mod acknowledge;
mod arguments;
mod arrive;
mod bridge;
mod channel;
mod confirm;
mod dead_letter;
mod definitions;
mod delivery;
mod dispatch;
mod enqueue;
mod entries;
mod exception;
mod exchange;
mod fair_mutex;
mod listen;
mod memory;
mod message;
mod methods;
mod options;
mod outgoing;
mod properties;
mod publish;
mod queue;
mod reply_to;
mod routing;
mod server;
mod session;
mod slots;
mod users;
mod vhost;
mod work;

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
    users: users::Users,
    vhosts: HashMap<String, Arc<vhost::Vhost>>,
    memory: Arc<memory::Memory>,
}
