//! A typed array whose memory JavaScript and Rust both use, on one thread.

use std::cell::OnceCell;
use std::ptr;

use napi::{Result, Unknown, bindgen_prelude::FromNapiValue, check_status, sys};

/// Lives as long as its environment: the reference that keeps it is never deleted.
pub struct SharedArray {
    env: sys::napi_env,
    reference: sys::napi_ref,
    memory: *mut u8,
    length: usize,
}

impl SharedArray {
    /// What `place` has; made when it has none: `length` zeros, each of `size` bytes, as the array type of `kind` has them.
    pub fn once(
        place: &OnceCell<Self>,
        env: sys::napi_env,
        kind: sys::napi_typedarray_type,
        length: usize,
        size: usize,
    ) -> Result<&Self> {
        if let Some(known) = place.get() {
            return Ok(known);
        }
        let made = SharedArray::new(env, kind, length, size)?;
        Ok(place.get_or_init(|| made))
    }

    fn new(env: sys::napi_env, kind: sys::napi_typedarray_type, length: usize, size: usize) -> Result<Self> {
        let (mut memory, mut buffer, mut array, mut reference) =
            (ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: values of this environment, with JavaScript on the stack; V8 does not move the memory of array buffers.
        unsafe {
            check_status!(sys::napi_create_arraybuffer(
                env,
                length * size,
                &mut memory,
                &mut buffer
            ))?;
            check_status!(sys::napi_create_typedarray(
                env, kind, length, buffer, 0, &mut array
            ))?;
            check_status!(sys::napi_create_reference(env, array, 1, &mut reference))?;
        }
        let memory = memory.cast();
        Ok(SharedArray {
            env,
            reference,
            memory,
            length,
        })
    }

    /// The array, the same each time.
    pub fn value(&self) -> Result<Unknown<'static>> {
        let mut array = ptr::null_mut();
        // SAFETY: a strong reference of this environment.
        unsafe {
            check_status!(sys::napi_get_reference_value(
                self.env,
                self.reference,
                &mut array
            ))?;
            Unknown::from_napi_value(self.env, array)
        }
    }

    /// Where its elements begin.
    pub fn memory(&self) -> *mut u8 {
        self.memory
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.length
    }
}
