//! OpenSSL's functions, looked up in the running executable.
//!
//! By dlsym, like libuv's (`event_loop/uv.rs`): Node exports them for addons, also where it is linked against the
//! system's library. A runtime without them gets a clear error from the first TLS connection.

use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_ulong, c_void};
use std::fmt;
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard};

/// `SSL_CTX`, `SSL`, `X509`, … are opaque.
pub type Raw = c_void;
pub type VerifyCallback = unsafe extern "C" fn(c_int, *mut Raw) -> c_int;
pub type PrintCallback = unsafe extern "C" fn(*const c_char, usize, *mut c_void) -> c_int;

pub const SSL_ERROR_SSL: c_int = 1;
pub const SSL_ERROR_WANT_READ: c_int = 2;
pub const SSL_ERROR_WANT_WRITE: c_int = 3;
pub const SSL_ERROR_SYSCALL: c_int = 5;
pub const SSL_ERROR_ZERO_RETURN: c_int = 6;
pub const SSL_CTRL_MODE: c_int = 33;
pub const SSL_CTRL_SET_SESS_CACHE_MODE: c_int = 44;
pub const SSL_CTRL_SET_TLSEXT_HOSTNAME: c_int = 55;
pub const SSL_CTRL_SET_READ_AHEAD: c_int = 41;
pub const SSL_CTRL_GET_PEER_TMP_KEY: c_int = 109;
pub const SSL_MODE_ENABLE_PARTIAL_WRITE: c_long = 1;
pub const SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER: c_long = 2;
pub const SSL_MODE_RELEASE_BUFFERS: c_long = 0x10;
pub const SSL_OP_IGNORE_UNEXPECTED_EOF: u64 = 1 << 7;
pub const SSL_VERIFY_NONE: c_int = 0;
pub const EVP_PKEY_DH: c_int = 28;

/// A function of this name is not in this runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingSymbol(pub &'static str);

impl fmt::Display for MissingSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TLS needs the OpenSSL of Node.js: this runtime does not export {}",
            self.0
        )
    }
}

impl std::error::Error for MissingSymbol {}

macro_rules! functions {
    ($($name:ident = $symbol:literal: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        pub struct OpenSsl {
            $(pub $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        fn load() -> Result<OpenSsl, MissingSymbol> {
            // SAFETY: each symbol is a function of OpenSSL 3 with this signature (its manual pages; stable within a
            // major version), and of one copy: all are looked up in the same scope.
            unsafe {
                // BoringSSL, which has most of these names with other types, lacks it.
                let atexit: unsafe extern "C" fn(unsafe extern "C" fn()) -> c_int = function(c"OPENSSL_atexit")?;
                let functions = OpenSsl {
                    $($name: {
                        const SYMBOL: &CStr = $symbol;
                        function(SYMBOL)?
                    },)*
                };
                atexit(shut);
                Ok(functions)
            }
        }
    };
}

functions! {
    context_up_ref = c"SSL_CTX_up_ref": fn(*mut Raw) -> c_int;
    context_free = c"SSL_CTX_free": fn(*mut Raw);
    context_ctrl = c"SSL_CTX_ctrl": fn(*mut Raw, c_int, c_long, *mut c_void) -> c_long;
    new = c"SSL_new": fn(*mut Raw) -> *mut Raw;
    free = c"SSL_free": fn(*mut Raw);
    ctrl = c"SSL_ctrl": fn(*mut Raw, c_int, c_long, *mut c_void) -> c_long;
    set_options = c"SSL_set_options": fn(*mut Raw, u64) -> u64;
    set_fd = c"SSL_set_fd": fn(*mut Raw, c_int) -> c_int;
    set_default_read_buffer_len = c"SSL_set_default_read_buffer_len": fn(*mut Raw, usize);
    set_verify = c"SSL_set_verify": fn(*mut Raw, c_int, VerifyCallback);
    set_alpn_protos = c"SSL_set_alpn_protos": fn(*mut Raw, *const u8, c_uint) -> c_int;
    connect = c"SSL_connect": fn(*mut Raw) -> c_int;
    read = c"SSL_read": fn(*mut Raw, *mut c_void, c_int) -> c_int;
    write = c"SSL_write": fn(*mut Raw, *const c_void, c_int) -> c_int;
    shutdown = c"SSL_shutdown": fn(*mut Raw) -> c_int;
    get_error = c"SSL_get_error": fn(*const Raw, c_int) -> c_int;
    has_pending = c"SSL_has_pending": fn(*const Raw) -> c_int;
    get_verify_result = c"SSL_get_verify_result": fn(*const Raw) -> c_long;
    get_peer_cert_chain = c"SSL_get_peer_cert_chain": fn(*const Raw) -> *mut Raw;
    get0_verified_chain = c"SSL_get0_verified_chain": fn(*const Raw) -> *mut Raw;
    get_version = c"SSL_get_version": fn(*const Raw) -> *const c_char;
    get_current_cipher = c"SSL_get_current_cipher": fn(*const Raw) -> *const Raw;
    cipher_get_name = c"SSL_CIPHER_get_name": fn(*const Raw) -> *const c_char;
    cipher_standard_name = c"SSL_CIPHER_standard_name": fn(*const Raw) -> *const c_char;
    cipher_get_version = c"SSL_CIPHER_get_version": fn(*const Raw) -> *const c_char;
    get0_alpn_selected = c"SSL_get0_alpn_selected": fn(*const Raw, *mut *const u8, *mut c_uint);
    pkey_get_base_id = c"EVP_PKEY_get_base_id": fn(*const Raw) -> c_int;
    pkey_get_bits = c"EVP_PKEY_get_bits": fn(*const Raw) -> c_int;
    pkey_free = c"EVP_PKEY_free": fn(*mut Raw);
    stack_num = c"OPENSSL_sk_num": fn(*const Raw) -> c_int;
    stack_value = c"OPENSSL_sk_value": fn(*const Raw, c_int) -> *mut Raw;
    i2d_x509 = c"i2d_X509": fn(*const Raw, *mut *mut u8) -> c_int;
    verify_cert_error_string = c"X509_verify_cert_error_string": fn(c_long) -> *const c_char;
    err_clear_error = c"ERR_clear_error": fn();
    err_peek_error = c"ERR_peek_error": fn() -> c_ulong;
    err_lib_error_string = c"ERR_lib_error_string": fn(c_ulong) -> *const c_char;
    err_reason_error_string = c"ERR_reason_error_string": fn(c_ulong) -> *const c_char;
    err_print_errors_cb = c"ERR_print_errors_cb": fn(PrintCallback, *mut c_void);
}

/// Whether the library is being cleaned up.
static IS_SHUT: RwLock<bool> = RwLock::new(false);

/// The library's functions, which stay usable while this lives: `exit()` waits for it before it frees what they work on.
pub struct Entered {
    functions: &'static OpenSsl,
    _open: RwLockReadGuard<'static, bool>,
}

impl std::ops::Deref for Entered {
    type Target = OpenSsl;

    fn deref(&self) -> &OpenSsl {
        self.functions
    }
}

/// Looks the functions up at the first call.
pub fn load_once() -> Result<&'static OpenSsl, MissingSymbol> {
    static OPENSSL: OnceLock<Result<OpenSsl, MissingSymbol>> = OnceLock::new();
    OPENSSL.get_or_init(load).as_ref().map_err(|missing| *missing)
}

/// `None` when the process is ending, or when the functions are not there.
pub fn enter() -> Option<Entered> {
    let functions = load_once().ok()?;
    let open = IS_SHUT.read().unwrap_or_else(PoisonError::into_inner);
    (!*open).then_some(Entered {
        functions,
        _open: open,
    })
}

unsafe extern "C" fn shut() {
    *IS_SHUT.write().unwrap_or_else(PoisonError::into_inner) = true;
}

/// # Safety
/// `F` is the type of the function with this name.
unsafe fn function<F: Copy>(name: &'static CStr) -> Result<F, MissingSymbol> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    // SAFETY: a look-up by a NUL-terminated name in the objects already loaded.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if found.is_null() {
        return Err(MissingSymbol(name.to_str().unwrap_or("OpenSSL")));
    }
    // SAFETY: not null, and by contract a function of type `F`, which has a pointer's size.
    Ok(unsafe { std::mem::transmute_copy(&found) })
}
