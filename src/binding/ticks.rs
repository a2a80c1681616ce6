//! Telling JavaScript in which tick it runs, at the cost of a memory access.
//!
//! A tick of ours is one event, with the `process.nextTick` and promise callbacks that follow it: Node runs those before
//! `napi_make_callback` returns. So only this side knows where it ends; JavaScript would need a `nextTick` callback of its own.

use std::cell::Cell;
use std::ptr;

use napi::{Env, Result, Unknown, bindgen_prelude::FromNapiValue, check_status, sys};
use napi_derive::napi;

use super::environment::Environment;

const NUMBER: usize = 0;
const IN_EVENT: usize = 1;
const LENGTH: usize = 2;

/// A `Uint32Array` that JavaScript reads: the tick's number, and whether an event of ours is under way.
pub struct Ticks {
    /// Nowhere until JavaScript asks for the array; afterwards memory that a reference keeps for as long as the environment.
    shared: Cell<*mut u32>,
}

impl Ticks {
    pub fn new() -> Self {
        Ticks {
            shared: Cell::new(ptr::null_mut()),
        }
    }

    /// Runs an event, and ends its tick.
    pub fn during<T>(&self, event: impl FnOnce() -> T) -> T {
        let outer = self.get(IN_EVENT);
        self.set(IN_EVENT, 1);
        let value = event();
        self.set(IN_EVENT, outer);
        self.set(NUMBER, self.get(NUMBER).wrapping_add(1));
        value
    }

    fn get(&self, index: usize) -> u32 {
        let shared = self.shared.get();
        if shared.is_null() {
            return 0;
        }
        // SAFETY: an array of LENGTH, kept by a reference; JavaScript uses it on this thread only.
        unsafe { shared.add(index).read() }
    }

    fn set(&self, index: usize, value: u32) {
        let shared = self.shared.get();
        if !shared.is_null() {
            // SAFETY: as in `get`.
            unsafe { shared.add(index).write(value) }
        }
    }
}

/// The tick's number, which JavaScript may raise too, and 1 during an event of a handle (else 0). The same array each time
/// would be a needless promise: to be called once.
#[napi(ts_return_type = "Uint32Array")]
pub fn share_ticks(env: Env) -> Result<Unknown<'static>> {
    let raw = env.raw();
    let (mut memory, mut buffer, mut array, mut reference) =
        (ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: values of this environment. The reference is never deleted: the memory lives as long as the environment.
    unsafe {
        check_status!(sys::napi_create_arraybuffer(
            raw,
            LENGTH * size_of::<u32>(),
            &mut memory,
            &mut buffer
        ))?;
        let kind = sys::TypedarrayType::uint32_array;
        check_status!(sys::napi_create_typedarray(
            raw, kind, LENGTH, buffer, 0, &mut array
        ))?;
        check_status!(sys::napi_create_reference(raw, array, 1, &mut reference))?;
        Environment::of(&env)?.ticks.shared.set(memory.cast());
        Unknown::from_napi_value(raw, array)
    }
}
