//! From the protocol header to connection.open-ok (sections 4.2.2 and 2.2.4).

use amq_protocol::protocol::connection::{AMQPMethod, Close, OpenOk, Start, StartOk, Tune};
use amq_protocol::types::parsing::parse_field_table;
use amq_protocol::types::{AMQPValue, FieldTable};

use super::io::Io;
use crate::amqp::wire::frame::{self, MIN_FRAME_MAX, PROTOCOL_HEADER};
use crate::amqp::wire::method::{self, AMQPClass};
use crate::amqp::wire::table;
use crate::broker::Shared;
use crate::broker::protocol::exception::{
    Exception, access_refused, command_invalid, frame_error, not_allowed,
};
use crate::broker::publish::message::Name;
use crate::broker::vhost::session::Capabilities;

/// What was agreed on.
pub struct Negotiated {
    pub user: Name,
    pub vhost: String,
    pub frame_max: u32,
    pub channel_max: u16,
    pub heartbeat_seconds: u16,
    pub capabilities: Capabilities,
}

/// Why there is no connection.
pub enum Refusal {
    /// The peer is gone or never spoke AMQP.
    Silent,
    /// The peer is told.
    Close(Exception, (u16, u16)),
}

impl From<std::io::Error> for Refusal {
    fn from(_: std::io::Error) -> Refusal {
        Refusal::Silent
    }
}

type Step<T> = Result<T, Refusal>;

/// Performs the server's side; `Refusal::Close` was not sent yet.
pub async fn handshake(io: &mut Io, shared: &Shared) -> Step<Negotiated> {
    let mut header = [0; 8];
    io.read_exact(&mut header).await?;
    if header != *PROTOCOL_HEADER {
        io.send_raw(PROTOCOL_HEADER).await?;
        return Err(Refusal::Silent);
    }
    let start = AMQPMethod::Start(Start {
        version_major: 0,
        version_minor: 9,
        server_properties: server_properties(&shared.name),
        mechanisms: "PLAIN AMQPLAIN".into(),
        locales: "en_US".into(),
    });
    io.send(start).await?;
    let AMQPMethod::StartOk(start_ok) = receive(io).await? else {
        return Err(unexpected());
    };
    let (user, capabilities) = authenticate(&start_ok, shared, io.transport.is_loopback())?;

    let options = &shared.options;
    let tune = AMQPMethod::Tune(Tune {
        channel_max: options.channel_max,
        frame_max: options.frame_max,
        heartbeat: options.heartbeat_seconds,
    });
    io.send(tune).await?;
    let AMQPMethod::TuneOk(tune_ok) = receive(io).await? else {
        return Err(unexpected());
    };
    let ids = (10, 31);
    negotiated(
        "frame_max",
        tune_ok.frame_max,
        MIN_FRAME_MAX,
        options.frame_max,
        ids,
    )?;
    negotiated(
        "channel_max",
        u32::from(tune_ok.channel_max),
        1,
        u32::from(options.channel_max),
        ids,
    )?;
    io.frame_max = tune_ok.frame_max;

    let AMQPMethod::Open(open) = receive(io).await? else {
        return Err(unexpected());
    };
    let vhost = open.virtual_host.as_str().to_owned();
    let refuse = |text: String| Err(Refusal::Close(not_allowed(&text), (10, 40)));
    if !shared.vhosts.contains_key(vhost.as_str()) {
        return refuse(format!("vhost {vhost} not found"));
    }
    if !shared.users.may_open(&user, &vhost) {
        return refuse(format!("access to vhost '{vhost}' refused for user '{user}'"));
    }
    io.send(AMQPMethod::OpenOk(OpenOk {})).await?;
    Ok(Negotiated {
        user,
        vhost,
        frame_max: tune_ok.frame_max,
        channel_max: tune_ok.channel_max,
        heartbeat_seconds: tune_ok.heartbeat,
        capabilities,
    })
}

/// Sends connection.close and waits for the answer, or for whatever else comes of it.
pub async fn refuse(io: &mut Io, exception: &Exception, ids: (u16, u16)) {
    let close = AMQPMethod::Close(Close {
        reply_code: exception.code,
        reply_text: exception.text.as_str().into(),
        class_id: ids.0,
        method_id: ids.1,
    });
    if io.send(close).await.is_ok() {
        while let Ok(method) = receive(io).await {
            if let AMQPMethod::CloseOk(_) = method {
                return;
            }
        }
    }
}

fn unexpected() -> Refusal {
    Refusal::Close(
        crate::broker::protocol::exception::channel_error("unexpected method in connection state starting"),
        (0, 0),
    )
}

async fn receive(io: &mut Io) -> Step<AMQPMethod> {
    loop {
        let (kind, payload) = io.read_frame().await?;
        if kind == frame::HEARTBEAT {
            continue;
        }
        if kind != frame::METHOD {
            return Err(unexpected());
        }
        return match method::decode(&payload) {
            Ok(AMQPClass::Connection(method)) => Ok(method),
            Ok(_) => Err(unexpected()),
            Err(error) => Err(Refusal::Close(frame_error(&error.to_string()), (0, 0))),
        };
    }
}

fn negotiated(field: &str, asked: u32, min: u32, offered: u32, ids: (u16, u16)) -> Step<()> {
    let (relation, bound, limit) = if asked != 0 && asked < min {
        ("lower", "minimum", min)
    } else if offered != 0 && (asked == 0 || asked > offered) {
        ("higher", "maximum", offered)
    } else {
        return Ok(());
    };
    let text = format!("negotiated {field} = {asked} is {relation} than the {bound} allowed value ({limit})");
    Err(Refusal::Close(not_allowed(&text), ids))
}

fn authenticate(start_ok: &StartOk, shared: &Shared, loopback: bool) -> Step<(Name, Capabilities)> {
    let can = |name: &str| match start_ok.client_properties.inner().get("capabilities") {
        Some(AMQPValue::FieldTable(table)) => {
            matches!(table.inner().get(name), Some(AMQPValue::Boolean(true)))
        }
        _ => false,
    };
    let mechanism = start_ok.mechanism.as_str();
    let response = start_ok.response.as_bytes();
    let credentials = match mechanism {
        "PLAIN" => plain(response),
        "AMQPLAIN" => amqplain(response),
        _ => {
            let text = format!("unknown authentication mechanism '{mechanism}'");
            return Err(Refusal::Close(command_invalid(&text), (10, 11)));
        }
    };
    match credentials {
        Some((user, password))
            if shared.users.check(&user, &password) && (loopback || !is_confined(&user, shared)) =>
        {
            Ok((
                String::from_utf8_lossy(&user).into(),
                Capabilities {
                    consumer_cancel_notify: can("consumer_cancel_notify"),
                    connection_blocked: can("connection.blocked"),
                },
            ))
        }
        _ if can("authentication_failure_close") => Err(Refusal::Close(
            access_refused(&format!(
                "Login was refused using authentication mechanism {mechanism}. For details see the broker logfile."
            )),
            (0, 0),
        )),
        _ => Err(Refusal::Silent),
    }
}

/// Whether a user may come from this machine only, as RabbitMQ's `loopback_users`.
fn is_confined(user: &[u8], shared: &Shared) -> bool {
    let confined = &shared.options.loopback_users;
    confined.iter().any(|name| name.as_bytes() == user)
}

/// RFC 4616: authorisation identity, user and password, separated by zero bytes.
fn plain(response: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut parts = response.splitn(3, |byte| *byte == 0);
    parts.next()?;
    Some((parts.next()?.to_vec(), parts.next()?.to_vec()))
}

/// RabbitMQ's AMQPLAIN: a field table without its length.
fn amqplain(response: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    // The codec takes any depth; nobody has to be known to send one.
    table::walk(response, |_| {})?;
    let mut table = (response.len() as u32).to_be_bytes().to_vec();
    table.extend_from_slice(response);
    let (_, table) = parse_field_table(&table[..]).ok()?;
    let text = |name: &str| match table.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.as_bytes().to_vec()),
        _ => None,
    };
    Some((text("LOGIN")?, text("PASSWORD")?))
}

/// What RabbitMQ tells, with our own name.
fn server_properties(name: &str) -> FieldTable {
    let text = |text: &str| AMQPValue::LongString(text.into());
    let mut capabilities = FieldTable::default();
    for capability in [
        "publisher_confirms",
        "exchange_exchange_bindings",
        "basic.nack",
        "consumer_cancel_notify",
        "connection.blocked",
        "consumer_priorities",
        "authentication_failure_close",
        "per_consumer_qos",
        "direct_reply_to",
    ] {
        capabilities.insert(capability.into(), AMQPValue::Boolean(true));
    }
    let mut properties = FieldTable::default();
    properties.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
    properties.insert("cluster_name".into(), text(name));
    properties.insert("copyright".into(), text("Copyright (c) the oxipc authors"));
    properties.insert("information".into(), text("Licensed under the MIT licence"));
    properties.insert("platform".into(), text("Rust"));
    properties.insert("product".into(), text("oxipc"));
    properties.insert("version".into(), text(env!("CARGO_PKG_VERSION")));
    properties
}
