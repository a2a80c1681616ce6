//! Getting out of the async context that JavaScript is in, for which it has no way of its own.

use std::ptr;

use napi::{
    Env, Result, Unknown,
    bindgen_prelude::{FromNapiValue, Function, JsValue, Object},
    check_status, sys,
};
use napi_derive::napi;

/// Calls `callback` and returns its value. No AsyncLocalStorage has a store meanwhile: the call is made for no async
/// context, which Node-API allows.
#[napi]
pub fn outside_of_async_context(
    env: Env,
    callback: Function<(), Unknown<'static>>,
) -> Result<Unknown<'static>> {
    let raw = env.raw();
    // Up to Node 22 stores are properties of the object that the call is made on.
    let on = Object::new(&env)?;
    let mut result = ptr::null_mut();
    // SAFETY: live values of this environment, of whose JavaScript we are called.
    unsafe {
        check_status!(sys::napi_make_callback(
            raw,
            ptr::null_mut(),
            on.raw(),
            callback.raw(),
            0,
            ptr::null(),
            &mut result
        ))?;
        Unknown::from_napi_value(raw, result)
    }
}
