//! Native memory that V8 should know of: as much of it as a peer decides.

use std::cell::Cell;

use napi::sys;

/// Changes below this are not worth a call.
const GRANULE: i64 = 64 * 1024;

/// What one object of JavaScript stands for. V8 collects sooner when there is much.
pub struct ExternalMemory {
    env: sys::napi_env,
    reported: Cell<i64>,
}

impl ExternalMemory {
    pub fn new(env: sys::napi_env) -> Self {
        ExternalMemory {
            env,
            reported: Cell::new(0),
        }
    }

    /// It is so much now.
    pub fn set(&self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let change = bytes - self.reported.get();
        if change == 0 || (bytes > 0 && change.abs() < GRANULE) {
            return;
        }
        self.reported.set(bytes);
        // SAFETY: the environment's thread, before it goes: in its calls, its loop's, or a finalizer.
        unsafe { sys::napi_adjust_external_memory(self.env, change, &mut 0) };
    }
}

impl Drop for ExternalMemory {
    fn drop(&mut self) {
        self.set(0);
    }
}
