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
    /// Nowhere until JavaScript asks for the array; afterwards its memory.
    shared: Cell<*mut u32>,
    /// Keeps the array; never deleted, since it lives as long as the environment.
    array: Cell<sys::napi_ref>,
}

impl Ticks {
    pub fn new() -> Self {
        Ticks {
            shared: Cell::new(ptr::null_mut()),
            array: Cell::new(ptr::null_mut()),
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

/// The tick's number, which JavaScript may raise too, and 1 during an event of a handle (else 0). The same array each time.
#[napi(ts_return_type = "Uint32Array")]
pub fn share_ticks(env: Env) -> Result<Unknown<'static>> {
    let environment = Environment::of(&env)?;
    let ticks = &environment.ticks;
    if ticks.array.get().is_null() {
        make_array(env.raw(), ticks)?;
    }
    let mut array = ptr::null_mut();
    // SAFETY: a strong reference of this environment.
    unsafe {
        check_status!(sys::napi_get_reference_value(
            env.raw(),
            ticks.array.get(),
            &mut array
        ))?;
        Unknown::from_napi_value(env.raw(), array)
    }
}

fn make_array(env: sys::napi_env, ticks: &Ticks) -> Result<()> {
    let (mut memory, mut buffer, mut array, mut reference) =
        (ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let kind = sys::TypedarrayType::uint32_array;
    // SAFETY: values of this environment; V8 does not move the memory of array buffers.
    unsafe {
        check_status!(sys::napi_create_arraybuffer(
            env,
            LENGTH * size_of::<u32>(),
            &mut memory,
            &mut buffer
        ))?;
        check_status!(sys::napi_create_typedarray(
            env, kind, LENGTH, buffer, 0, &mut array
        ))?;
        check_status!(sys::napi_create_reference(env, array, 1, &mut reference))?;
    }
    ticks.array.set(reference);
    ticks.shared.set(memory.cast());
    Ok(())
}
