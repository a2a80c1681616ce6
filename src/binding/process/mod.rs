//! Child processes as JavaScript sees them.

mod child;
mod departure;
mod launches;
mod options;
mod sync;

pub use launches::Launches;
