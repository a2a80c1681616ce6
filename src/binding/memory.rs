//! Memory for reads: one JavaScript buffer at a time, lent to whichever stream reads next.
//!
//! A large read keeps the buffer: JavaScript takes it as the chunk's own, without a copy, and the next read gets a new
//! one. The bytes of a small read are copied out by JavaScript and the buffer stays. So every chunk has memory of its own,
//! as Node's have: it can be transferred, and keeping a small one keeps no more than itself.

use std::cell::{Cell, RefCell};
use std::ptr;

use napi::{
    bindgen_prelude::{Function, JsValue, Uint8Array},
    sys,
};

/// Twice what libuv offers a read: bulk transfers then take half the system calls.
const BUFFER_BYTES: u32 = 128 * 1024;
/// Reads of this size and more keep the buffer: copying them would cost more than a new buffer does, and a chunk keeps at
/// most four times its size.
const LARGE_READ_BYTES: usize = 32 * 1024;

pub struct ReadMemory {
    env: sys::napi_env,
    allocate: Cell<sys::napi_ref>,
    current: RefCell<Current>,
}

struct Current {
    reference: sys::napi_ref,
    start: *mut u8,
    length: usize,
}

impl ReadMemory {
    pub fn new(env: sys::napi_env) -> Self {
        let none = Current {
            reference: ptr::null_mut(),
            start: ptr::null_mut(),
            length: 0,
        };
        ReadMemory {
            env,
            allocate: Cell::new(ptr::null_mut()),
            current: RefCell::new(none),
        }
    }

    /// Sets the function that makes a buffer of a given size and becomes the owner of it.
    pub fn set_allocator(&self, allocate: Function<u32, Uint8Array>) {
        let mut reference = ptr::null_mut();
        // SAFETY: a live function of this environment.
        unsafe { sys::napi_create_reference(self.env, allocate.raw(), 1, &mut reference) };
        let former = self.allocate.replace(reference);
        self.release(former);
    }

    /// Room for a read: where it starts and how much there is; `None` when JavaScript could not allocate. A handle scope
    /// must be open.
    pub fn reserve(&self) -> Option<(*mut u8, usize)> {
        let mut current = self.current.borrow_mut();
        if current.length == 0 {
            let former = current.reference;
            *current = self.make();
            self.release(former);
        }
        (current.length > 0).then_some((current.start, current.length))
    }

    /// Whether the chunk of the `length` bytes just read keeps the buffer; `reserve` then makes another.
    pub fn keeps(&self, length: usize) -> bool {
        let keeps = length >= LARGE_READ_BYTES;
        if keeps {
            self.current.borrow_mut().length = 0;
        }
        keeps
    }

    fn make(&self) -> Current {
        let (mut allocate, mut receiver, mut size) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        let (mut buffer, mut reference) = (ptr::null_mut(), ptr::null_mut());
        let (mut start, mut length) = (ptr::null_mut(), 0);
        // SAFETY: all values belong to this environment and the open handle scope; on failure the outputs stay null.
        unsafe {
            sys::napi_get_reference_value(self.env, self.allocate.get(), &mut allocate);
            sys::napi_get_undefined(self.env, &mut receiver);
            sys::napi_create_uint32(self.env, BUFFER_BYTES, &mut size);
            sys::napi_call_function(self.env, receiver, allocate, 1, &size, &mut buffer);
            sys::napi_get_buffer_info(self.env, buffer, &mut start, &mut length);
            sys::napi_create_reference(self.env, buffer, 1, &mut reference);
        }
        Current {
            reference,
            start: start.cast(),
            length,
        }
    }

    fn release(&self, reference: sys::napi_ref) {
        if !reference.is_null() {
            // SAFETY: made by napi_create_reference in this environment and not deleted before.
            unsafe { sys::napi_delete_reference(self.env, reference) };
        }
    }
}
