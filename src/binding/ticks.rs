//! Telling JavaScript in which tick it runs, at the cost of a memory access.
//!
//! A tick of ours is one event, with the `process.nextTick` and promise callbacks that follow it: Node runs those before
//! `napi_make_callback` returns. So only this side knows where it ends; JavaScript would need a `nextTick` callback of its own.

use std::cell::OnceCell;

use napi::{Env, Result, Unknown, sys};
use napi_derive::napi;

use super::environment::Environment;
use super::shared_array::SharedArray;

const NUMBER: usize = 0;
const IN_EVENT: usize = 1;
const LENGTH: usize = 2;

/// A `Uint32Array` that JavaScript reads: the tick's number, and whether an event of ours is under way. None until JavaScript
/// asks for it.
pub struct Ticks {
    array: OnceCell<SharedArray>,
}

impl Ticks {
    pub fn new() -> Self {
        Ticks {
            array: OnceCell::new(),
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
        // SAFETY: an array of LENGTH; JavaScript uses it on this thread only.
        self.array.get().map_or(0, |array| unsafe {
            array.memory().cast::<u32>().add(index).read()
        })
    }

    fn set(&self, index: usize, value: u32) {
        if let Some(array) = self.array.get() {
            // SAFETY: as in `get`.
            unsafe { array.memory().cast::<u32>().add(index).write(value) }
        }
    }
}

/// The tick's number, which JavaScript may raise too, and 1 during an event of a handle (else 0). The same array each time.
#[napi(ts_return_type = "Uint32Array", catch_unwind)]
pub fn share_ticks(env: Env) -> Result<Unknown<'static>> {
    let environment = Environment::of(&env)?;
    let kind = sys::TypedarrayType::uint32_array;
    SharedArray::once(
        &environment.ticks.array,
        env.raw(),
        kind,
        LENGTH,
        size_of::<u32>(),
    )?
    .value()
}
