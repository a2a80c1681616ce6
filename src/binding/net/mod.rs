//! What JavaScript sees of `net`: conversion, no logic.

mod bound_path;
mod listener;
mod socket;
