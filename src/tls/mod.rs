//! TLS by the OpenSSL that the running Node carries: the only module that names it (`docs/design/amqp-client.md`, TLS).
//!
//! JavaScript makes a context with `tls.createSecureContext`, so that every option means what it means in `tls.connect`;
//! a session on it runs here, on any thread. `Stream` is that session over a socket.

mod error;
mod openssl;
mod session;
mod stream;

pub use error::TlsError;
pub use openssl::MissingSymbol;
pub use session::{Context, Peer};
pub use stream::{ClientOptions, Stream};
