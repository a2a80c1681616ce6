//! Memory for reads: two JavaScript buffers, lent to whichever stream reads next.
//!
//! The small one is used again and again, so it stays in the processor's cache: JavaScript copies the bytes of a read out
//! of it. A stream that fills it gets the large one, which the chunk keeps as its own, without a copy, and the next
//! read gets a new one. So every chunk has memory of its own, as Node's have: it can be transferred, and keeping a small
//! one keeps no more than itself. Sizes and their reasons: docs/design/streams.md.

use std::cell::{Cell, OnceCell, RefCell};
use std::ptr;

use napi::{Env, Result, Unknown, bindgen_prelude::FromNapiValue, check_status, sys};
use napi_derive::napi;

use super::environment::Environment;

/// What libuv offers a read.
const SMALL_BYTES: usize = 64 * 1024;
/// Larger ones take fewer system calls, but the kernel copies no faster.
const LARGE_BYTES: usize = 256 * 1024;
/// Shorter reads into the large buffer are copied out of it too: a chunk keeps at most four times its size.
const KEPT_BYTES: usize = LARGE_BYTES / 4;
/// Buffers begin on a page: into memory a few bytes past one, where malloc puts large pieces, some processors copy from the
/// kernel's pages at half the speed (docs/design/streams.md).
const PAGE_BYTES: usize = 4096;

/// Places in the array that JavaScript finds the buffers in.
const SMALL: u32 = 0;
const LARGE: u32 = 1;

/// What becomes of the bytes of a read; see `lib/internal/read-memory.js`.
#[derive(Clone, Copy)]
pub enum Taking {
    CopyFromSmall = 0,
    CopyFromLarge = 1,
    KeepLarge = 2,
}

pub struct ReadMemory {
    env: sys::napi_env,
    /// Of the array; none before somebody asks for it.
    buffers: OnceCell<sys::napi_ref>,
    small: RefCell<Lent>,
    large: RefCell<Lent>,
    /// Which of them was lent last.
    lent_large: Cell<bool>,
}

struct Lent {
    start: *mut u8,
    length: usize,
}

impl Lent {
    const NONE: Self = Lent {
        start: ptr::null_mut(),
        length: 0,
    };
}

impl ReadMemory {
    pub fn new(env: sys::napi_env) -> Self {
        ReadMemory {
            env,
            buffers: OnceCell::new(),
            small: RefCell::new(Lent::NONE),
            large: RefCell::new(Lent::NONE),
            lent_large: Cell::new(false),
        }
    }

    /// The array that has the small buffer at 0 and the large one at 1, as soon as there are any; the same each time.
    fn buffers(&self) -> Result<sys::napi_value> {
        let (mut array, mut reference) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: values of this environment, with a handle scope open: JavaScript's call, or that of `reserve`.
        unsafe {
            match self.buffers.get() {
                Some(&known) => check_status!(sys::napi_get_reference_value(self.env, known, &mut array))?,
                None => {
                    check_status!(sys::napi_create_array_with_length(self.env, 2, &mut array))?;
                    check_status!(sys::napi_create_reference(self.env, array, 1, &mut reference))?;
                    self.buffers.get_or_init(|| reference);
                }
            }
        }
        Ok(array)
    }

    /// Room for a read: where it starts and how much there is; `None` when there is none without `reserve`.
    pub fn ready(&self, large: bool) -> Option<(*mut u8, usize)> {
        self.lent_large.set(large);
        let lent = self.slot(large).borrow();
        (lent.length > 0).then_some((lent.start, lent.length))
    }

    /// As `ready`, and makes the room; `None` when there is no memory. A handle scope must be open.
    pub fn reserve(&self, large: bool) -> Option<(*mut u8, usize)> {
        let made = self.make(large);
        if made.is_err() {
            // The stream's end reports it, which an exception that is still pending would keep from being called.
            let (mut pending, mut exception) = (false, ptr::null_mut());
            // SAFETY: as in `make`.
            unsafe {
                sys::napi_is_exception_pending(self.env, &mut pending);
                if pending {
                    sys::napi_get_and_clear_last_exception(self.env, &mut exception);
                }
            }
        }
        *self.slot(large).borrow_mut() = made.unwrap_or(Lent::NONE);
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

    /// A new buffer in the place of the former, which the array alone has kept.
    fn make(&self, large: bool) -> Result<Lent> {
        let (place, size) = if large {
            (LARGE, LARGE_BYTES)
        } else {
            (SMALL, SMALL_BYTES)
        };
        let array = self.buffers()?;
        let (mut start, mut room) = (ptr::null_mut(), ptr::null_mut());
        let (mut subarray, mut buffer) = (ptr::null_mut(), ptr::null_mut());
        let (mut memory, mut length) = (ptr::null_mut(), 0);
        let mut bounds = [ptr::null_mut(); 2];
        // SAFETY: all values belong to this environment and the open handle scope. V8 does not move the memory of buffers, and
        // the array keeps this one until the next takes its place.
        unsafe {
            check_status!(sys::napi_create_buffer(
                self.env,
                size + PAGE_BYTES,
                &mut start,
                &mut room
            ))?;
            let first = start.align_offset(PAGE_BYTES);
            check_status!(sys::napi_create_uint32(self.env, first as u32, &mut bounds[0]))?;
            check_status!(sys::napi_create_uint32(
                self.env,
                (first + size) as u32,
                &mut bounds[1]
            ))?;
            check_status!(sys::napi_get_named_property(
                self.env,
                room,
                c"subarray".as_ptr(),
                &mut subarray
            ))?;
            check_status!(sys::napi_call_function(
                self.env,
                room,
                subarray,
                bounds.len(),
                bounds.as_ptr(),
                &mut buffer
            ))?;
            check_status!(sys::napi_get_buffer_info(
                self.env,
                buffer,
                &mut memory,
                &mut length
            ))?;
            check_status!(sys::napi_set_element(self.env, array, place, buffer))?;
        }
        Ok(Lent {
            start: memory.cast(),
            length,
        })
    }
}

/// The buffers that all streams of this environment read into: the small one at 0, the large one at 1. The same array each
/// time; native replaces what is in it.
#[napi(ts_return_type = "Uint8Array[]", catch_unwind)]
pub fn share_read_memory(env: Env) -> Result<Unknown<'static>> {
    let environment = Environment::of(&env)?;
    let buffers = environment.read_memory.buffers()?;
    // SAFETY: a live value of this environment.
    unsafe { Unknown::from_napi_value(env.raw(), buffers) }
}
