//! Child processes as JavaScript sees them.

mod child;
mod departure;
mod options;
mod sync;
