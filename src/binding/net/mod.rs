//! What JavaScript sees of `net`: conversion, no logic.

mod bound_path;
mod descriptors;
mod listener;
mod socket;

pub use descriptors::DescriptorCopies;
