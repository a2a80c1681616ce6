//! Errors of OpenSSL's as the parts that Node makes its own errors of.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt;

use super::openssl::Entered;

/// What the library's error queue held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsError {
    /// "SSL routines".
    pub library: String,
    /// "wrong version number".
    pub reason: String,
    /// All lines of the queue, as `ERR_print_errors` writes them.
    pub message: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TlsError {}

impl TlsError {
    pub fn new(reason: &str) -> Self {
        TlsError {
            reason: reason.into(),
            message: reason.into(),
            ..TlsError::default()
        }
    }

    /// Takes the calling thread's queue, which every call of ours finds empty.
    pub(super) fn take(openssl: &Entered) -> Self {
        let mut message = Vec::<u8>::new();
        // SAFETY: the strings are static ones of the library's; the callback gets the vector, which outlives the call.
        unsafe {
            let code = (openssl.err_peek_error)();
            let library = text((openssl.err_lib_error_string)(code));
            let reason = text((openssl.err_reason_error_string)(code));
            (openssl.err_print_errors_cb)(collect, (&raw mut message).cast());
            (openssl.err_clear_error)();
            TlsError {
                library,
                reason,
                message: String::from_utf8_lossy(&message).into_owned(),
            }
        }
    }
}

unsafe extern "C" fn collect(line: *const c_char, length: usize, message: *mut c_void) -> c_int {
    // SAFETY: `line` has `length` bytes, `message` is the vector of `TlsError::take`.
    unsafe {
        (*message.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(line.cast(), length));
    }
    1
}

/// # Safety
/// Null, or a NUL-terminated string.
pub(super) unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: by contract.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}
