//! `SSL_CTX` and `SSL`, owned.

use std::ffi::{CString, c_int, c_long, c_uint};
use std::io;
use std::os::fd::RawFd;
use std::ptr::NonNull;

use super::error::{TlsError, text};
use super::openssl::{self, Entered, MissingSymbol, Raw};

/// A context that `tls.createSecureContext` has made, shared with it.
#[derive(Debug)]
pub struct Context(NonNull<Raw>);

// SAFETY: OpenSSL counts references to a context atomically, and sessions of several threads may use one.
unsafe impl Send for Context {}
// SAFETY: as above; nothing here changes it after `share`.
unsafe impl Sync for Context {}

impl Context {
    /// Takes a share of a context.
    ///
    /// # Safety
    /// `raw` is an `SSL_CTX` of the running executable's OpenSSL, alive during the call, and no session has been made of it.
    pub unsafe fn share(raw: NonNull<Raw>) -> Result<Self, MissingSymbol> {
        let functions = openssl::load_once()?;
        // SAFETY: by contract. Sessions are not cached: Node's callbacks for that expect sessions of its own.
        unsafe {
            (functions.context_up_ref)(raw.as_ptr());
            (functions.context_ctrl)(
                raw.as_ptr(),
                openssl::SSL_CTRL_SET_SESS_CACHE_MODE,
                0,
                std::ptr::null_mut(),
            );
        }
        Ok(Context(raw))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(openssl) = openssl::enter() {
            // SAFETY: our share of it.
            unsafe { (openssl.context_free)(self.0.as_ptr()) };
        }
    }
}

/// What a server has shown of itself.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    /// `X509_V_OK` (0), or why its certificate is not to be trusted.
    pub verify_result: u32,
    pub verify_text: String,
    /// Its certificates in DER: its own first, up to a root where there is one.
    pub certificates: Vec<Vec<u8>>,
    pub version: String,
    /// OpenSSL's name of the cipher suite, the registry's, and the version that it belongs to.
    pub cipher: [String; 3],
    /// The ALPN protocol; empty for none.
    pub protocol: String,
    /// The size of an ephemeral Diffie-Hellman key; 0 with another key exchange.
    pub dh_bits: u32,
}

/// How a call ends that has not succeeded.
pub enum Wait {
    Read,
    Write,
    Failed(io::Error),
    /// The peer has ended.
    Ended,
}

/// Read from the socket at a time: four records. The buffer goes when it is empty.
const READ_BYTES: usize = 64 << 10;

/// A client's session over a non-blocking socket.
pub struct Session(NonNull<Raw>);

// SAFETY: an `SSL` may be used by any thread, one at a time: all that changes it takes `&mut self`.
unsafe impl Send for Session {}

/// A server's certificate is judged when the handshake is over: as in Node, where the program may want it all the same.
unsafe extern "C" fn go_on(_: c_int, _: *mut Raw) -> c_int {
    1
}

fn ended() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl Session {
    /// `servername` may be empty; `protocols` as ALPN has them on the wire.
    pub fn new(context: &Context, fd: RawFd, servername: &str, protocols: &[u8]) -> io::Result<Self> {
        let name = CString::new(servername).map_err(|_| io::ErrorKind::InvalidInput)?;
        let openssl = openssl::enter().ok_or_else(ended)?;
        // SAFETY: the context is alive; the session is ours and open from here on.
        unsafe {
            (openssl.err_clear_error)();
            let raw = (openssl.new)(context.0.as_ptr());
            if raw.is_null() {
                return Err(io::Error::other(TlsError::take(&openssl)));
            }
            (openssl.set_verify)(raw, openssl::SSL_VERIFY_NONE, go_on);
            (openssl.set_options)(raw, openssl::SSL_OP_IGNORE_UNEXPECTED_EOF);
            let mode = openssl::SSL_MODE_ENABLE_PARTIAL_WRITE
                | openssl::SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                | openssl::SSL_MODE_RELEASE_BUFFERS;
            (openssl.ctrl)(raw, openssl::SSL_CTRL_MODE, mode, std::ptr::null_mut());
            // Some records in one system call, not the head of one and then its body.
            (openssl.set_default_read_buffer_len)(raw, READ_BYTES);
            (openssl.ctrl)(raw, openssl::SSL_CTRL_SET_READ_AHEAD, 1, std::ptr::null_mut());
            if !servername.is_empty() {
                const HOST_NAME: c_long = 0;
                // Copied by the library.
                (openssl.ctrl)(
                    raw,
                    openssl::SSL_CTRL_SET_TLSEXT_HOSTNAME,
                    HOST_NAME,
                    name.as_ptr().cast_mut().cast(),
                );
            }
            if !protocols.is_empty() {
                (openssl.set_alpn_protos)(raw, protocols.as_ptr(), protocols.len() as c_uint);
            }
            let is_set = (openssl.set_fd)(raw, fd) == 1;
            match NonNull::new(raw) {
                Some(raw) if is_set => Ok(Session(raw)),
                _ => {
                    (openssl.free)(raw);
                    Err(io::Error::other(TlsError::take(&openssl)))
                }
            }
        }
    }

    pub fn connect(&mut self) -> Result<(), Wait> {
        // SAFETY: the session is open.
        self.call(|openssl, raw| unsafe { (openssl.connect)(raw) })
            .map(drop)
    }

    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, Wait> {
        let length = into.len().min(c_int::MAX as usize) as c_int;
        // SAFETY: the session is open, `into` has `length` bytes.
        self.call(|openssl, raw| unsafe { (openssl.read)(raw, into.as_mut_ptr().cast(), length) })
    }

    /// After a wait the same bytes are to be written again, and may stand elsewhere.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Wait> {
        let length = bytes.len().min(c_int::MAX as usize) as c_int;
        // SAFETY: the session is open, `bytes` has `length` of them.
        self.call(|openssl, raw| unsafe { (openssl.write)(raw, bytes.as_ptr().cast(), length) })
    }

    /// Says that nothing more comes from us, and does not wait for the peer to say the same.
    pub fn shut_down(&mut self) -> Result<(), Wait> {
        self.call(|openssl, raw| {
            // SAFETY: the session is open.
            let result = unsafe { (openssl.shutdown)(raw) };
            // 0: sent, and the peer's is not here.
            if result == 0 { 1 } else { result }
        })
        .map(drop)
    }

    /// Whether something waits in the session that has been read from the socket.
    pub fn holds_bytes(&self) -> bool {
        // SAFETY: the session is open.
        openssl::enter().is_some_and(|openssl| unsafe { (openssl.has_pending)(self.0.as_ptr()) } == 1)
    }

    fn call(&mut self, call: impl FnOnce(&Entered, *mut Raw) -> c_int) -> Result<usize, Wait> {
        let Some(openssl) = openssl::enter() else {
            return Err(Wait::Failed(ended()));
        };
        let raw = self.0.as_ptr();
        // SAFETY: the session is open; the queue of errors is this thread's, and `get_error` looks at it.
        let (result, error) = unsafe {
            (openssl.err_clear_error)();
            let result = call(&openssl, raw);
            if result > 0 {
                return Ok(result as usize);
            }
            (result, io::Error::last_os_error())
        };
        // SAFETY: as above.
        Err(match unsafe { (openssl.get_error)(raw, result) } {
            openssl::SSL_ERROR_WANT_READ => Wait::Read,
            openssl::SSL_ERROR_WANT_WRITE => Wait::Write,
            openssl::SSL_ERROR_ZERO_RETURN => Wait::Ended,
            openssl::SSL_ERROR_SYSCALL if error.raw_os_error() == Some(0) => Wait::Ended,
            openssl::SSL_ERROR_SYSCALL => Wait::Failed(error),
            openssl::SSL_ERROR_SSL => Wait::Failed(io::Error::other(TlsError::take(&openssl))),
            other => Wait::Failed(io::Error::other(format!("SSL_get_error gave {other}"))),
        })
    }

    /// After the handshake.
    pub fn peer(&self) -> Peer {
        let Some(openssl) = openssl::enter() else {
            return Peer::default();
        };
        let raw = self.0.as_ptr();
        // SAFETY: the session is open and connected; what it gives lives as long as it, but for the ephemeral key, which is
        // ours to free.
        unsafe {
            let verify_result = (openssl.get_verify_result)(raw);
            // With what the context knows of issuers; it may end early where the chain is not good.
            let verified = certificates(&openssl, (openssl.get0_verified_chain)(raw));
            let shown = certificates(&openssl, (openssl.get_peer_cert_chain)(raw));
            let cipher = (openssl.get_current_cipher)(raw);
            let (mut protocol, mut length) = (std::ptr::null(), 0);
            (openssl.get0_alpn_selected)(raw, &mut protocol, &mut length);
            Peer {
                verify_result: u32::try_from(verify_result).unwrap_or(u32::MAX),
                verify_text: text((openssl.verify_cert_error_string)(verify_result)),
                certificates: if verified.len() >= shown.len() {
                    verified
                } else {
                    shown
                },
                version: text((openssl.get_version)(raw)),
                cipher: [
                    text((openssl.cipher_get_name)(cipher)),
                    text((openssl.cipher_standard_name)(cipher)),
                    text((openssl.cipher_get_version)(cipher)),
                ],
                protocol: if protocol.is_null() {
                    String::new()
                } else {
                    String::from_utf8_lossy(std::slice::from_raw_parts(protocol, length as usize))
                        .into_owned()
                },
                dh_bits: dh_bits(&openssl, raw),
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(openssl) = openssl::enter() {
            // SAFETY: it was ours. The descriptor is not closed with it.
            unsafe { (openssl.free)(self.0.as_ptr()) };
        }
    }
}

/// # Safety
/// `chain` is null or a stack of certificates.
unsafe fn certificates(openssl: &Entered, chain: *mut Raw) -> Vec<Vec<u8>> {
    if chain.is_null() {
        return Vec::new();
    }
    // SAFETY: by contract; `i2d_X509` says how long a certificate is and then writes that many bytes.
    unsafe {
        (0..(openssl.stack_num)(chain))
            .map(|index| {
                let certificate = (openssl.stack_value)(chain, index);
                let length = (openssl.i2d_x509)(certificate, std::ptr::null_mut());
                let mut der = vec![0; usize::try_from(length).unwrap_or(0)];
                let mut at = der.as_mut_ptr();
                if !der.is_empty() {
                    (openssl.i2d_x509)(certificate, &mut at);
                }
                der
            })
            .collect()
    }
}

/// # Safety
/// `session` is open and connected.
unsafe fn dh_bits(openssl: &Entered, session: *mut Raw) -> u32 {
    let mut key: *mut Raw = std::ptr::null_mut();
    // SAFETY: by contract; the key is a share of our own when there is one.
    unsafe {
        (openssl.ctrl)(
            session,
            openssl::SSL_CTRL_GET_PEER_TMP_KEY,
            0,
            (&raw mut key).cast(),
        );
        if key.is_null() {
            return 0;
        }
        let is_dh = (openssl.pkey_get_base_id)(key) == openssl::EVP_PKEY_DH;
        let bits = (openssl.pkey_get_bits)(key);
        (openssl.pkey_free)(key);
        if is_dh {
            u32::try_from(bits).unwrap_or(0)
        } else {
            0
        }
    }
}
