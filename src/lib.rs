//! oxipc: child processes, sockets and AMQP for Node.js.
//!
//! Two roads join JavaScript and Rust (`docs/design/architecture.md`): byte I/O runs on the JavaScript thread's own
//! event loop (`event_loop`, and `process`, `ipc`, `net`, `messages` on it), protocols run on tokio threads of the addon (`amqp`,
//! `broker`; `tls` under the first). `binding` is what JavaScript sees and the only module that names napi; nothing below it knows JavaScript.

pub mod amqp;
pub mod broker;
pub mod event_loop;
pub mod ipc;
pub mod messages;
pub mod net;
pub mod process;
pub mod runtime;
pub mod tls;

#[cfg(feature = "addon")]
mod binding;
