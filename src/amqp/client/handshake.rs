//! Opening a connection (section 2.2.4): protocol header, start, tune, open.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::failure::{Failure, Scope};
use super::inbound::next_frame;
use super::options::ConnectOptions;
use super::traffic::Traffic;
use super::transport::Transport;
use crate::amqp::wire::content::{Arguments, put_short_string};
use crate::amqp::wire::{frame, method};

const CONNECTION: u16 = 10;
const START: u16 = 10;
const START_OK: u16 = 11;
const SECURE: u16 = 20;
const TUNE: u16 = 30;
const TUNE_OK: u16 = 31;
const OPEN: u16 = 40;
const OPEN_OK: u16 = 41;
const CLOSE: u16 = 50;

/// What amqplib takes by default: frames may be larger than negotiated, since some brokers do not split.
const DEFAULT_MAX_FRAME_SIZE: u32 = 64 << 20;
/// Room for the frames of the handshake; grows when a server describes itself at length.
const READ_BYTES: usize = 4096;

/// What was agreed on.
#[derive(Debug)]
pub struct Opened {
    pub frame_max: u32,
    pub channel_max: u16,
    pub heartbeat: u16,
    pub max_frame_size: u32,
    /// The arguments of connection.start, which describe the server.
    pub start: Vec<u8>,
    /// Read from the socket and not used yet.
    pub rest: Vec<u8>,
}

struct Conversation<'a> {
    stream: &'a mut Transport,
    options: &'a ConnectOptions,
    traffic: &'a Traffic,
    bytes: Vec<u8>,
    used: usize,
    max_frame_size: u32,
}

/// What a peer speaks that answers with something else than AMQP: `Failure::code` of `Frame` and `HandshakeEnded`.
const SPEAKS_TLS: i32 = 1;
const SPEAKS_HTTP: i32 = 2;

pub async fn open(
    stream: &mut Transport,
    options: &ConnectOptions,
    traffic: &Traffic,
) -> Result<Opened, Failure> {
    let max_frame_size = options.max_frame_size.unwrap_or(DEFAULT_MAX_FRAME_SIZE);
    let mut talk = Conversation {
        stream,
        options,
        traffic,
        bytes: Vec::with_capacity(READ_BYTES),
        used: 0,
        max_frame_size,
    };
    talk.send(frame::PROTOCOL_HEADER).await?;

    let (id, start) = match talk.method().await {
        Ok(method) => method,
        Err(failure) => {
            let code = match failure.scope {
                Scope::Frame | Scope::HandshakeEnded => spoken(&talk.bytes),
                _ => failure.code,
            };
            return Err(Failure { code, ..failure });
        }
    };
    if id != (CONNECTION, START) {
        return Err(unexpected(id, START));
    }
    if !offers(&start, &options.mechanism) {
        return Err(Failure {
            text: options.mechanism.clone(),
            ..Failure::new(Scope::Mechanism)
        });
    }
    talk.send_method(START_OK, |out| {
        out.extend_from_slice(&options.client_properties);
        put_short_string(out, options.mechanism.as_bytes());
        out.extend_from_slice(&(options.response.len() as u32).to_be_bytes());
        out.extend_from_slice(&options.response);
        put_short_string(out, options.locale.as_bytes());
    })
    .await?;

    let (id, tune) = talk.method().await?;
    match id {
        (CONNECTION, TUNE) => {}
        (CONNECTION, CLOSE) => return Err(closed(&tune)),
        (CONNECTION, SECURE) => return Err(unexpected(id, SECURE)),
        _ => return Err(unexpected(id, TUNE)),
    }
    let mut arguments = Arguments(&tune);
    let (Some(channel_max), Some(frame_max), Some(heartbeat)) =
        (arguments.short(), arguments.long(), arguments.short())
    else {
        return Err(Failure::frame("Malformed method 10.30"));
    };
    if frame_max != 0 && frame_max < frame::MIN_FRAME_MAX {
        return Err(Failure {
            code: frame_max as i32,
            text: "Server".into(),
            ..Failure::new(Scope::FrameMax)
        });
    }
    let frame_max = negotiate(frame_max, options.frame_max);
    let channel_max = negotiate(channel_max.into(), options.channel_max.into()) as u16;
    let heartbeat = match options.heartbeat {
        None => heartbeat,
        Some(0) => 0,
        Some(wish) => negotiate(heartbeat.into(), wish.into()) as u16,
    };
    talk.send_method(TUNE_OK, |out| {
        out.extend_from_slice(&channel_max.to_be_bytes());
        out.extend_from_slice(&frame_max.to_be_bytes());
        out.extend_from_slice(&heartbeat.to_be_bytes());
    })
    .await?;
    talk.send_method(OPEN, |out| {
        put_short_string(out, options.virtual_host.as_bytes());
        out.extend_from_slice(&[0, 0]); // reserved: capabilities, insist
    })
    .await?;

    let (id, _) = talk.method().await?;
    if id != (CONNECTION, OPEN_OK) {
        return Err(unexpected(id, OPEN_OK));
    }
    // Our own wish, which brokers refuse with words of theirs; one that does not could be sent nothing in such frames.
    if frame_max != 0 && frame_max < frame::MIN_FRAME_MAX {
        return Err(Failure {
            code: frame_max as i32,
            text: "Negotiated".into(),
            ..Failure::new(Scope::FrameMax)
        });
    }
    let rest = talk.bytes.split_off(talk.used);
    Ok(Opened {
        frame_max,
        channel_max: if channel_max == 0 { u16::MAX } else { channel_max },
        heartbeat,
        max_frame_size: match options.max_frame_size {
            None => max_frame_size.max(frame_max),
            Some(wish) => wish,
        },
        start,
        rest,
    })
}

fn spoken(bytes: &[u8]) -> i32 {
    /// An alert, of any version: what a server says to our header.
    const ALERT: &[u8] = &[21, 3];
    if bytes.starts_with(ALERT) {
        SPEAKS_TLS
    } else if bytes.starts_with(b"HTTP/") {
        SPEAKS_HTTP
    } else {
        0
    }
}

/// 0 is no limit: whichever side sets one, else the lower.
fn negotiate(server: u32, wish: u32) -> u32 {
    if server == 0 || wish == 0 {
        server.max(wish)
    } else {
        server.min(wish)
    }
}

fn offers(start: &[u8], mechanism: &str) -> bool {
    let mut arguments = Arguments(start);
    arguments.short(); // version
    let Some(table) = arguments.long() else {
        return false;
    };
    let Some(rest) = arguments.0.get(table as usize..) else {
        return false;
    };
    let mut arguments = Arguments(rest);
    let Some(length) = arguments.long() else {
        return false;
    };
    let Some(mechanisms) = arguments.0.get(..length as usize) else {
        return false;
    };
    mechanisms
        .split(|&octet| octet == b' ')
        .any(|name| name == mechanism.as_bytes())
}

fn unexpected(got: (u16, u16), expected: u16) -> Failure {
    Failure {
        code: expected.into(),
        class_id: got.0,
        method_id: got.1,
        ..Failure::new(Scope::HandshakeUnexpected)
    }
}

fn closed(close: &[u8]) -> Failure {
    let mut arguments = Arguments(close);
    let code = arguments.short().unwrap_or(0);
    let text = arguments.short_string().unwrap_or(b"");
    Failure {
        code: code.into(),
        text: String::from_utf8_lossy(text).into_owned(),
        class_id: arguments.short().unwrap_or(0),
        method_id: arguments.short().unwrap_or(0),
        ..Failure::new(Scope::HandshakeClosed)
    }
}

impl Conversation<'_> {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let result = self.stream.write_all(bytes).await;
        // TLS gathers until it is flushed.
        let result = match result {
            Ok(()) => self.stream.flush().await,
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => {
                self.traffic.add_written(bytes.len());
                Ok(())
            }
            Err(error) => Err(self.last_words().await.unwrap_or_else(|| Failure::socket(&error))),
        }
    }

    /// Why the peer hung up on us, when it said so in TLS before: an alert that is still to be read.
    async fn last_words(&mut self) -> Option<Failure> {
        loop {
            // Ends: what is left was received before the connection broke.
            if let Err(failure) = self.read().await {
                return (failure.scope == Scope::Tls).then_some(failure);
            }
        }
    }

    async fn send_method(&mut self, id: u16, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Failure> {
        let mut out = Vec::new();
        frame::put(&mut out, frame::METHOD, 0, |out| {
            out.extend_from_slice(&CONNECTION.to_be_bytes());
            out.extend_from_slice(&id.to_be_bytes());
            write(out);
        });
        self.send(&out).await
    }

    /// The next method's ids and arguments.
    async fn method(&mut self) -> Result<((u16, u16), Vec<u8>), Failure> {
        loop {
            if let Some(cut) = next_frame(&self.bytes[self.used..], self.max_frame_size)? {
                self.used += cut.wire_len();
                match cut.kind {
                    frame::HEARTBEAT => continue,
                    frame::METHOD if cut.channel == 0 => {}
                    _ => {
                        let (class_id, method_id) = match cut.kind {
                            frame::METHOD => method::ids(cut.payload).unwrap_or((0, 0)),
                            _ => (0, 0),
                        };
                        return Err(Failure {
                            channel: cut.channel,
                            class_id,
                            method_id,
                            ..Failure::new(Scope::HandshakeUnexpected)
                        });
                    }
                }
                let Some(ids) = method::ids(cut.payload).filter(|_| method::decode(cut.payload).is_ok())
                else {
                    return Err(Failure::frame("Malformed method in the handshake"));
                };
                return Ok((ids, cut.payload[4..].to_vec()));
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<(), Failure> {
        let read = self.stream.read_buf(&mut self.bytes);
        let result = match self.options.timeout {
            None => read.await,
            Some(limit) => match timeout(limit, read).await {
                Ok(result) => result,
                Err(_) => return Err(Failure::new(Scope::ConnectTimeout)),
            },
        };
        match result {
            Ok(0) => Err(Failure::new(Scope::HandshakeEnded)),
            Ok(count) => {
                self.traffic.add_read(count);
                Ok(())
            }
            Err(error) => Err(Failure::socket(&error)),
        }
    }
}
