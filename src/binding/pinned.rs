//! JavaScript memory that Rust reads: where it lies, and keeping it there.

use std::ptr;

use napi::{Env, sys};

/// Where the bytes of a Buffer or typed array lie; empty when it is neither.
pub fn bytes(env: &Env, value: sys::napi_value) -> libc::iovec {
    let (mut start, mut length) = (ptr::null_mut(), 0);
    // SAFETY: a live value of this environment; on failure the outputs stay as they are.
    unsafe { sys::napi_get_buffer_info(env.raw(), value, &mut start, &mut length) };
    libc::iovec {
        iov_base: start,
        iov_len: length,
    }
}

/// `bytes` of every element of an array.
pub fn elements(env: &Env, array: sys::napi_value) -> Vec<libc::iovec> {
    let mut count = 0;
    // SAFETY: as in `bytes`.
    unsafe { sys::napi_get_array_length(env.raw(), array, &mut count) };
    let element = |index| {
        let mut value = ptr::null_mut();
        // SAFETY: as in `bytes`.
        unsafe { sys::napi_get_element(env.raw(), array, index, &mut value) };
        bytes(env, value)
    };
    (0..count).map(element).collect()
}

/// Keeps a value, and what it refers to, from being collected. V8 does not move the memory of array buffers.
pub struct Pinned {
    env: sys::napi_env,
    reference: sys::napi_ref,
}

impl Pinned {
    pub fn new(env: &Env, value: sys::napi_value) -> Self {
        let mut reference = ptr::null_mut();
        // SAFETY: a live object of this environment.
        unsafe { sys::napi_create_reference(env.raw(), value, 1, &mut reference) };
        Pinned {
            env: env.raw(),
            reference,
        }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // SAFETY: made in `new`, deleted once, on the environment's thread and before the environment goes.
        unsafe { sys::napi_delete_reference(self.env, self.reference) };
    }
}
