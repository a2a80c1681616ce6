//! Users and what they may open.

pub mod users;
