//! TCP and UNIX sockets: addresses, connecting, listening, socket options.
//!
//! Plain system calls on descriptors that the caller owns; nothing here blocks. `Listener` is the only thing with a life of
//! its own: it watches its descriptor on the environment's event loop.

mod address;
mod bound_path;
mod credentials;
mod descriptor;
mod listener;
mod options;
mod socket;

pub use address::{Address, Peer, ip_version};
pub use bound_path::{BoundPath, PathOptions};
pub use credentials::{Credentials, peer_credentials};
pub use descriptor::descriptor_type;
pub use listener::{Listener, ListenerObserver};
pub use options::{
    KeepAlive, reset_on_close, set_keep_alive, set_no_delay, set_type_of_service, type_of_service,
};
pub use socket::{Domain, bind, connect, local_address, open, peer_address};
