//! Getting out of the async context that JavaScript is in, for which it has no way of its own.

use std::ptr;

use napi::{Env, Result, Unknown, bindgen_prelude::Function};
use napi_derive::napi;

use super::callback::call_in_context;

/// Calls `callback` and returns its value. No AsyncLocalStorage has a store meanwhile.
#[napi(catch_unwind)]
pub fn outside_of_async_context(
    env: Env,
    callback: Function<(), Unknown<'static>>,
) -> Result<Unknown<'static>> {
    call_in_context(&env, ptr::null_mut(), callback)
}
