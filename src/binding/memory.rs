//! Memory for reads: two JavaScript buffers, lent to whichever stream reads next.
//!
//! The small one is used again and again, so it stays in the processor's cache: JavaScript copies the bytes of a read out
//! of it. A stream that fills it gets the large one, which the chunk keeps as its own, without a copy, and the next
//! read gets a new one. So every chunk has memory of its own, as Node's have: it can be transferred, and keeping a small
//! one keeps no more than itself. Sizes and their reasons: docs/design/streams.md.

use std::cell::{Cell, RefCell};
use std::ptr;

use napi::{
    bindgen_prelude::{FnArgs, Function, JsValue, Uint8Array},
    sys,
};

/// What libuv offers a read.
const SMALL_BYTES: u32 = 64 * 1024;
/// Larger ones take fewer system calls, but the kernel copies no faster.
const LARGE_BYTES: u32 = 256 * 1024;
/// Shorter reads into the large buffer are copied out of it too: a chunk keeps at most four times its size.
const KEPT_BYTES: usize = LARGE_BYTES as usize / 4;

/// What becomes of the bytes of a read; see `lib/internal/read-memory.js`.
#[derive(Clone, Copy)]
pub enum Taking {
    CopyFromSmall = 0,
    CopyFromLarge = 1,
    KeepLarge = 2,
}

pub struct ReadMemory {
    env: sys::napi_env,
    allocate: Cell<sys::napi_ref>,
    small: RefCell<Lent>,
    large: RefCell<Lent>,
    /// Which of them was lent last.
    lent_large: Cell<bool>,
}

struct Lent {
    reference: sys::napi_ref,
    start: *mut u8,
    length: usize,
}

impl Lent {
    fn none() -> RefCell<Self> {
        RefCell::new(Lent {
            reference: ptr::null_mut(),
            start: ptr::null_mut(),
            length: 0,
        })
    }
}

impl ReadMemory {
    pub fn new(env: sys::napi_env) -> Self {
        ReadMemory {
            env,
            allocate: Cell::new(ptr::null_mut()),
            small: Lent::none(),
            large: Lent::none(),
            lent_large: Cell::new(false),
        }
    }

    /// Sets the function that makes a buffer of a given size, the large one or not, and becomes the owner of it.
    pub fn set_allocator(&self, allocate: Function<FnArgs<(u32, bool)>, Uint8Array>) {
        let mut reference = ptr::null_mut();
        // SAFETY: a live function of this environment.
        unsafe { sys::napi_create_reference(self.env, allocate.raw(), 1, &mut reference) };
        let former = self.allocate.replace(reference);
        self.release(former);
    }

    /// Room for a read: where it starts and how much there is; `None` when there is none without `reserve`.
    pub fn ready(&self, large: bool) -> Option<(*mut u8, usize)> {
        self.lent_large.set(large);
        let lent = self.slot(large).borrow();
        (lent.length > 0).then_some((lent.start, lent.length))
    }

    /// As `ready`, and makes the room; `None` when JavaScript could not allocate. A handle scope must be open.
    pub fn reserve(&self, large: bool) -> Option<(*mut u8, usize)> {
        let mut lent = self.slot(large).borrow_mut();
        let former = lent.reference;
        *lent = self.make(large);
        self.release(former);
        drop(lent);
        self.ready(large)
    }

    /// What becomes of the `length` bytes just read. When the chunk keeps the buffer, `ready` has none until `reserve`.
    pub fn taking(&self, length: usize) -> Taking {
        match self.lent_large.get() {
            false => Taking::CopyFromSmall,
            true if length < KEPT_BYTES => Taking::CopyFromLarge,
            true => {
                self.large.borrow_mut().length = 0;
                Taking::KeepLarge
            }
        }
    }

    fn slot(&self, large: bool) -> &RefCell<Lent> {
        if large { &self.large } else { &self.small }
    }

    fn make(&self, large: bool) -> Lent {
        let (mut allocate, mut receiver) = (ptr::null_mut(), ptr::null_mut());
        let (mut buffer, mut reference) = (ptr::null_mut(), ptr::null_mut());
        let (mut start, mut length) = (ptr::null_mut(), 0);
        let mut arguments = [ptr::null_mut(); 2];
        let size = if large { LARGE_BYTES } else { SMALL_BYTES };
        // SAFETY: all values belong to this environment and the open handle scope; on failure the outputs stay null.
        unsafe {
            sys::napi_get_reference_value(self.env, self.allocate.get(), &mut allocate);
            sys::napi_get_undefined(self.env, &mut receiver);
            sys::napi_create_uint32(self.env, size, &mut arguments[0]);
            sys::napi_get_boolean(self.env, large, &mut arguments[1]);
            let status =
                sys::napi_call_function(self.env, receiver, allocate, 2, arguments.as_ptr(), &mut buffer);
            if status == sys::Status::napi_pending_exception {
                // The stream's end tells of it, which an exception that is still pending would keep from being called.
                let mut exception = ptr::null_mut();
                sys::napi_get_and_clear_last_exception(self.env, &mut exception);
            }
            sys::napi_get_buffer_info(self.env, buffer, &mut start, &mut length);
            sys::napi_create_reference(self.env, buffer, 1, &mut reference);
        }
        Lent {
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
