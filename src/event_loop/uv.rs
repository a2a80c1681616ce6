//! libuv's functions, looked up in the running executable.
//!
//! By dlsym and not by linking: a runtime that speaks Node-API but has no libuv then gets a clear error from the first use,
//! not a failed load. A name that is found proves nothing in Bun and Deno, where JavaScript loads no addon
//! (lib/native/load.js).

use std::ffi::{CStr, c_int, c_void};
use std::fmt;
use std::sync::OnceLock;

/// Storage for any libuv handle we use. Its first field is `void* data` (libuv's public ABI, `UV_HANDLE_FIELDS`).
#[repr(C, align(16))]
pub struct RawHandle {
    pub data: *mut c_void,
    rest: [u8; HANDLE_BYTES - size_of::<*mut c_void>()],
}

/// uv_poll_t on 64-bit Linux, the largest (uv_async_t 128, uv_check_t and uv_idle_t 120): part of libuv's ABI, and checked at load.
const HANDLE_BYTES: usize = 160;

impl RawHandle {
    pub fn zeroed() -> Self {
        RawHandle {
            data: std::ptr::null_mut(),
            rest: [0; HANDLE_BYTES - size_of::<*mut c_void>()],
        }
    }
}

/// `uv_loop_t`, opaque.
pub type RawLoop = c_void;
pub type PollCallback = unsafe extern "C" fn(*mut RawHandle, c_int, c_int);
pub type HandleCallback = unsafe extern "C" fn(*mut RawHandle);

pub const UV_READABLE: c_int = 1;
pub const UV_WRITABLE: c_int = 2;
pub const UV_DISCONNECT: c_int = 4;
/// `uv_handle_type` (uv.h): the order of `UV_HANDLE_TYPE_MAP` is part of the ABI.
const UV_ASYNC: c_int = 1;
const UV_CHECK: c_int = 2;
const UV_IDLE: c_int = 6;
const UV_POLL: c_int = 8;

pub struct Uv {
    pub poll_init: unsafe extern "C" fn(*mut RawLoop, *mut RawHandle, c_int) -> c_int,
    pub poll_start: unsafe extern "C" fn(*mut RawHandle, c_int, PollCallback) -> c_int,
    pub poll_stop: unsafe extern "C" fn(*mut RawHandle) -> c_int,
    pub check_init: unsafe extern "C" fn(*mut RawLoop, *mut RawHandle) -> c_int,
    pub check_start: unsafe extern "C" fn(*mut RawHandle, HandleCallback) -> c_int,
    pub check_stop: unsafe extern "C" fn(*mut RawHandle) -> c_int,
    pub idle_init: unsafe extern "C" fn(*mut RawLoop, *mut RawHandle) -> c_int,
    pub idle_start: unsafe extern "C" fn(*mut RawHandle, HandleCallback) -> c_int,
    pub idle_stop: unsafe extern "C" fn(*mut RawHandle) -> c_int,
    pub async_init: unsafe extern "C" fn(*mut RawLoop, *mut RawHandle, HandleCallback) -> c_int,
    pub async_send: unsafe extern "C" fn(*mut RawHandle) -> c_int,
    pub close: unsafe extern "C" fn(*mut RawHandle, HandleCallback),
    pub ref_handle: unsafe extern "C" fn(*mut RawHandle),
    pub unref_handle: unsafe extern "C" fn(*mut RawHandle),
}

/// This runtime does not export a libuv function that oxipc needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingSymbol(pub &'static str);

impl fmt::Display for MissingSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "oxipc needs Node.js: this runtime does not export libuv's {}",
            self.0
        )
    }
}

impl std::error::Error for MissingSymbol {}

/// The table, filled by the first call.
pub fn uv() -> Result<&'static Uv, MissingSymbol> {
    static UV: OnceLock<Result<Uv, MissingSymbol>> = OnceLock::new();
    UV.get_or_init(load).as_ref().map_err(|missing| *missing)
}

fn load() -> Result<Uv, MissingSymbol> {
    // SAFETY: each symbol is a libuv function whose signature has been the same throughout libuv 1.x (uv.h), the only
    // major version that a Node.js of ours (>= 20) carries.
    unsafe {
        let handle_size: unsafe extern "C" fn(c_int) -> usize = function(c"uv_handle_size")?;
        if [UV_ASYNC, UV_CHECK, UV_IDLE, UV_POLL]
            .iter()
            .any(|&kind| handle_size(kind) > HANDLE_BYTES)
        {
            return Err(MissingSymbol("handles in a known size"));
        }
        Ok(Uv {
            poll_init: function(c"uv_poll_init")?,
            poll_start: function(c"uv_poll_start")?,
            poll_stop: function(c"uv_poll_stop")?,
            check_init: function(c"uv_check_init")?,
            check_start: function(c"uv_check_start")?,
            check_stop: function(c"uv_check_stop")?,
            idle_init: function(c"uv_idle_init")?,
            idle_start: function(c"uv_idle_start")?,
            idle_stop: function(c"uv_idle_stop")?,
            async_init: function(c"uv_async_init")?,
            async_send: function(c"uv_async_send")?,
            close: function(c"uv_close")?,
            ref_handle: function(c"uv_ref")?,
            unref_handle: function(c"uv_unref")?,
        })
    }
}

/// # Safety
/// `F` is the type of the function with this name.
unsafe fn function<F: Copy>(name: &'static CStr) -> Result<F, MissingSymbol> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    // SAFETY: a look-up by a NUL-terminated name in the objects already loaded.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if found.is_null() {
        return Err(MissingSymbol(name.to_str().unwrap_or("uv_*")));
    }
    // SAFETY: not null, and by contract a function of type `F`, which has a pointer's size.
    Ok(unsafe { std::mem::transmute_copy(&found) })
}
