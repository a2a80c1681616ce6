use napi_derive::napi;

/// The version of this addon. JavaScript of another version does not use it: what the two share is not part of any interface.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
