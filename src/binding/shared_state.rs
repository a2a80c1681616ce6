//! What all copies of one version of the JavaScript share in an environment: an object of its main context for each version.
//!
//! The JavaScript may be evaluated any number of times over one addon (a test runner's registry, a purged `require.cache`), also
//! in contexts of its own (`vm`), and each copy would have module variables of its own.

use std::cell::RefCell;
use std::ptr;

use napi::{Env, Result, Unknown, bindgen_prelude::FromNapiValue, check_status, sys};
use napi_derive::napi;

use super::environment::Environment;

pub struct SharedState {
    env: sys::napi_env,
    /// Strong references; as many as there are versions.
    versions: RefCell<Vec<(String, sys::napi_ref)>>,
}

impl SharedState {
    pub fn new(env: sys::napi_env) -> Self {
        SharedState {
            env,
            versions: RefCell::default(),
        }
    }

    fn of(&self, version: String) -> Result<sys::napi_value> {
        let mut versions = self.versions.borrow_mut();
        let known = versions.iter().find(|(other, _)| *other == version);
        let (mut state, mut reference) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: values of this environment, in a call of its JavaScript.
        unsafe {
            match known {
                Some(&(_, known)) => {
                    check_status!(sys::napi_get_reference_value(self.env, known, &mut state))?
                }
                None => {
                    check_status!(sys::napi_create_object(self.env, &mut state))?;
                    check_status!(sys::napi_create_reference(self.env, state, 1, &mut reference))?;
                    versions.push((version, reference));
                }
            }
        }
        Ok(state)
    }
}

/// What copies of that version share: an object, empty at first, the same each time. It outlives the contexts of all copies, so
/// that nothing made by one of them belongs there but primitive values.
#[napi(ts_return_type = "Record<string, any>", catch_unwind)]
pub fn shared_state(env: Env, version: String) -> Result<Unknown<'static>> {
    let state = Environment::of(&env)?.shared.of(version)?;
    // SAFETY: a live value of this environment.
    unsafe { Unknown::from_napi_value(env.raw(), state) }
}
