//! Why a connection could not be opened or ended, as plain data: JavaScript makes amqplib's error of it.

use std::io;

use crate::tls::TlsError;

/// Where a connection failed. The numbers cross to `lib/amqplib/errors.js`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Scope {
    /// No address could be reached; `text` has one line per attempt: "connect errno address port", behind it the local address
    /// and port that were asked for, or "bind errno address port". A UNIX socket has a path and no port.
    Connect = 0,
    /// The connect time-out ran out, in connecting or in the handshake.
    ConnectTimeout = 1,
    /// TLS failed; `text` is OpenSSL's library, reason and message, a line each (the message may have more).
    Tls = 2,
    /// The server ended the handshake with connection.close.
    HandshakeClosed = 3,
    /// A method that the handshake does not expect at this point; `code` is the method id expected.
    HandshakeUnexpected = 4,
    /// The server does not offer the SASL mechanism `text`.
    Mechanism = 5,
    /// A frame size (`code`) below the protocol's minimum: that of the "Server", or the "Negotiated" (`text`).
    FrameMax = 6,
    /// The socket failed (`code` is the errno), or ended (0).
    Socket = 7,
    /// Nothing was heard from the peer for two heartbeat intervals.
    Heartbeat = 8,
    /// The peer sent what is no AMQP; `text` says what.
    Frame = 9,
    /// The socket ended in the middle of the handshake.
    HandshakeEnded = 10,
    /// The socket ended in the middle of TLS's handshake.
    TlsEnded = 11,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub scope: Scope,
    pub code: i32,
    pub text: String,
    pub class_id: u16,
    pub method_id: u16,
    pub channel: u16,
}

impl Failure {
    pub fn new(scope: Scope) -> Self {
        Failure {
            scope,
            code: 0,
            text: String::new(),
            class_id: 0,
            method_id: 0,
            channel: 0,
        }
    }

    pub fn frame(text: impl Into<String>) -> Self {
        Failure {
            text: text.into(),
            ..Failure::new(Scope::Frame)
        }
    }

    pub fn socket(error: &io::Error) -> Self {
        // With TLS 1.3 a server refuses a client's certificate after the handshake.
        if let Some(TlsError {
            library,
            reason,
            message,
        }) = error.get_ref().and_then(|inner| inner.downcast_ref())
        {
            return Failure {
                text: format!("{library}\n{reason}\n{message}"),
                ..Failure::new(Scope::Tls)
            };
        }
        Failure {
            code: error.raw_os_error().unwrap_or(0),
            text: error.to_string(),
            ..Failure::new(Scope::Socket)
        }
    }

    /// The peer closed the socket.
    pub fn end() -> Self {
        Failure::new(Scope::Socket)
    }
}
