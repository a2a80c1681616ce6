//! What goes wrong in AMQP: a reply code and a text, for one channel or for the connection.
//!
//! The texts are RabbitMQ's, word for word: clients and their users match on them.

use std::fmt::Write;

/// What the exception ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Channel,
    Connection,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    pub scope: Scope,
    pub code: u16,
    /// Reply text, at most 255 bytes (it travels as a short string).
    pub text: String,
}

pub type Outcome<T = ()> = Result<T, Exception>;

fn exception(scope: Scope, code: u16, name: &str, detail: &str) -> Exception {
    let mut text = format!("{name} - {detail}");
    // It travels as a short string; RabbitMQ shows in the same way that it has cut.
    if text.len() > 255 {
        let mut end = 252;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("...");
    }
    Exception { scope, code, text }
}

/// A channel exception whose text has a form of its own.
pub fn exception_text(code: u16, text: &str) -> Exception {
    Exception {
        scope: Scope::Channel,
        code,
        text: text.into(),
    }
}

pub fn connection_forced(detail: &str) -> Exception {
    exception(Scope::Connection, 320, "CONNECTION_FORCED", detail)
}

pub fn access_refused(detail: &str) -> Exception {
    exception(Scope::Channel, 403, "ACCESS_REFUSED", detail)
}

pub fn not_found(kind: &str, name: &str, vhost: &str) -> Exception {
    exception(
        Scope::Channel,
        404,
        "NOT_FOUND",
        &format!("no {kind} '{name}' in vhost '{vhost}'"),
    )
}

pub fn resource_locked(queue: &str, vhost: &str) -> Exception {
    exception(
        Scope::Channel,
        405,
        "RESOURCE_LOCKED",
        &format!(
            "cannot obtain exclusive access to locked queue '{queue}' in vhost '{vhost}'. It could be originally \
             declared on another connection or the exclusive property value does not match that of the original \
             declaration."
        ),
    )
}

pub fn precondition_failed(detail: &str) -> Exception {
    exception(Scope::Channel, 406, "PRECONDITION_FAILED", detail)
}

pub fn frame_error(detail: &str) -> Exception {
    exception(Scope::Connection, 501, "FRAME_ERROR", detail)
}

pub fn command_invalid(detail: &str) -> Exception {
    exception(Scope::Connection, 503, "COMMAND_INVALID", detail)
}

pub fn channel_error(detail: &str) -> Exception {
    exception(Scope::Connection, 504, "CHANNEL_ERROR", detail)
}

pub fn unexpected_frame(detail: &str) -> Exception {
    exception(Scope::Connection, 505, "UNEXPECTED_FRAME", detail)
}

pub fn not_allowed(detail: &str) -> Exception {
    exception(Scope::Connection, 530, "NOT_ALLOWED", detail)
}

pub fn not_implemented(detail: &str) -> Exception {
    exception(Scope::Connection, 540, "NOT_IMPLEMENTED", detail)
}

/// Bytes as RabbitMQ's texts show them: `<<"abc">>` when printable, `<<0,1>>` when not.
pub fn erlang_binary(bytes: &[u8]) -> String {
    let mut text = String::from("<<");
    if !bytes.is_empty() && bytes.iter().all(|byte| (32..127).contains(byte)) {
        let _ = write!(text, "\"{}\"", String::from_utf8_lossy(bytes));
    } else {
        for (index, byte) in bytes.iter().enumerate() {
            let _ = write!(text, "{}{byte}", if index == 0 { "" } else { "," });
        }
    }
    text.push_str(">>");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_to_a_short_string() {
        let name = "ü".repeat(127);
        let text = not_found("queue", &name, "/").text;
        assert!(text.len() <= 255 && text.len() > 250 && text.ends_with("..."));
    }

    #[test]
    fn bytes_are_shown_as_erlang_shows_them() {
        assert_eq!(erlang_binary(&[0, 12]), "<<0,12>>");
        assert_eq!(erlang_binary(b"bogus"), "<<\"bogus\">>");
        assert_eq!(erlang_binary(b""), "<<>>");
    }
}
