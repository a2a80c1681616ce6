//! RabbitMQ's definitions.json: users, vhosts, permissions, exchanges, queues, bindings.

use std::collections::HashMap;
use std::sync::Arc;

use amq_protocol::protocol::exchange;
use amq_protocol::types::{AMQPValue, FieldTable, ShortString};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::broker::auth::users::{Password, User, Users};
use crate::broker::exchange::Destination;
use crate::broker::protocol::exception::Exception;
use crate::broker::queue::QueueSpec;
use crate::broker::vhost::memory::Memory;
use crate::broker::vhost::{State, Vhost};

/// A definitions file, whole or in part. What RabbitMQ writes and a broker in memory has no use for (policies,
/// parameters, versions) is passed over.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Definitions {
    users: Vec<UserDefinition>,
    vhosts: Vec<VhostDefinition>,
    permissions: Vec<Permission>,
    exchanges: Vec<ExchangeDefinition>,
    queues: Vec<QueueDefinition>,
    bindings: Vec<BindingDefinition>,
    policies: Vec<Value>,
}

#[derive(Debug, Clone, Deserialize)]
struct UserDefinition {
    name: String,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    password_hash: Option<String>,
    #[serde(default)]
    hashing_algorithm: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct VhostDefinition {
    name: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Permission {
    user: String,
    vhost: String,
    configure: String,
    write: String,
    read: String,
}

#[derive(Debug, Clone, Deserialize)]
struct ExchangeDefinition {
    name: String,
    vhost: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    durable: bool,
    #[serde(default)]
    auto_delete: bool,
    #[serde(default)]
    internal: bool,
    #[serde(default)]
    arguments: Map<String, Value>,
}

#[derive(Debug, Clone, Deserialize)]
struct QueueDefinition {
    name: String,
    vhost: Option<String>,
    #[serde(default)]
    durable: bool,
    #[serde(default)]
    auto_delete: bool,
    #[serde(default)]
    arguments: Map<String, Value>,
}

#[derive(Debug, Clone, Deserialize)]
struct BindingDefinition {
    source: String,
    vhost: Option<String>,
    destination: String,
    destination_type: String,
    #[serde(default)]
    routing_key: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

impl Definitions {
    /// Reads a file's text.
    ///
    /// # Errors
    /// A sentence that says what is wrong and where.
    pub fn from_json(text: &str) -> Result<Definitions, String> {
        serde_json::from_str(text).map_err(|error| format!("definitions: {error}"))
    }
}

type Vhosts = HashMap<String, Arc<Vhost>>;

/// Makes what the definitions define.
pub fn apply(
    definitions: Definitions,
    vhosts: &mut Vhosts,
    users: &mut Users,
    memory: &Arc<Memory>,
) -> Result<(), String> {
    if !definitions.policies.is_empty() {
        return Err("definitions: policies are not supported; give queues arguments instead".into());
    }
    for VhostDefinition { name } in definitions.vhosts {
        let vhost = || Arc::new(Vhost::new(name.as_str().into(), memory.clone()));
        vhosts.entry(name.clone()).or_insert_with(vhost);
    }
    for user in definitions.users {
        let password = password(&user)?;
        // RabbitMQ: a user may do nothing until a permission says so.
        let vhosts = Some(Vec::new());
        users.0.insert(user.name, User { password, vhosts });
    }
    for permission in definitions.permissions {
        permit(permission, users)?;
    }
    for exchange in definitions.exchanges {
        let name = short(&exchange.name)?;
        in_vhost(vhosts, &exchange.vhost, &format!("exchange '{name}'"), |state| {
            state.exchange_declare(exchange::Declare {
                exchange: name.clone(),
                kind: exchange.kind.as_str().try_into_short()?,
                passive: false,
                durable: exchange.durable,
                auto_delete: exchange.auto_delete,
                internal: exchange.internal,
                nowait: true,
                arguments: table(&exchange.arguments).map_err(invalid)?,
            })
        })?;
    }
    for queue in definitions.queues {
        let name = short(&queue.name)?;
        in_vhost(vhosts, &queue.vhost, &format!("queue '{name}'"), |state| {
            if name.as_str().is_empty() || state.queue_names.contains_key(name.as_str()) {
                return Err(invalid("the name is empty or taken".into()));
            }
            let spec = QueueSpec {
                name: name.as_str().into(),
                durable: queue.durable,
                auto_delete: queue.auto_delete,
                owner: None,
                arguments: table(&queue.arguments).map_err(invalid)?,
            };
            state.add_queue(spec).map(|id| state.rearm(id))
        })?;
    }
    for binding in definitions.bindings {
        let what = format!("binding from '{}' to '{}'", binding.source, binding.destination);
        in_vhost(vhosts, &binding.vhost, &what, |state| bind(state, &binding))?;
    }
    Ok(())
}

fn bind(state: &mut State, binding: &BindingDefinition) -> Result<(), Exception> {
    let arguments = table(&binding.arguments).map_err(invalid)?;
    match binding.destination_type.as_str() {
        "queue" => {
            let Some(id) = state.queue_names.get(binding.destination.as_str()).copied() else {
                return Err(invalid("there is no such queue".into()));
            };
            if !state.exchanges.contains_key(binding.source.as_str()) {
                return Err(crate::broker::protocol::exception::not_found(
                    "exchange",
                    &binding.source,
                    &state.name,
                ));
            }
            state.bind(
                &binding.source,
                Destination::Queue(id),
                &binding.routing_key,
                &arguments,
            )
        }
        "exchange" => state.exchange_bind(exchange::Bind {
            destination: binding.destination.as_str().try_into_short()?,
            source: binding.source.as_str().try_into_short()?,
            routing_key: binding.routing_key.as_str().try_into_short()?,
            nowait: true,
            arguments,
        }),
        other => Err(invalid(format!("destination_type '{other}'"))),
    }
}

fn in_vhost(
    vhosts: &Vhosts,
    name: &Option<String>,
    what: &str,
    work: impl FnOnce(&mut State) -> Result<(), Exception>,
) -> Result<(), String> {
    // RabbitMQ's export of one vhost has none.
    let name = name
        .as_deref()
        .ok_or_else(|| format!("definitions: {what}: no vhost is given"))?;
    let vhost = vhosts
        .get(name)
        .ok_or_else(|| format!("definitions: {what}: there is no vhost '{name}'"))?;
    vhost
        .with(work)
        .map_err(|exception| format!("definitions: {what}: {}", exception.text))
}

fn invalid(text: String) -> Exception {
    crate::broker::protocol::exception::exception_text(406, &text)
}

trait IntoShort {
    fn try_into_short(self) -> Result<ShortString, Exception>;
}

impl IntoShort for &str {
    fn try_into_short(self) -> Result<ShortString, Exception> {
        ShortString::try_new(self).map_err(|error| invalid(error.to_string()))
    }
}

fn short(name: &str) -> Result<ShortString, String> {
    ShortString::try_new(name).map_err(|error| format!("definitions: '{name}': {error}"))
}

fn permit(permission: Permission, users: &mut Users) -> Result<(), String> {
    let Permission {
        user,
        vhost,
        configure,
        write,
        read,
    } = permission;
    // To let in whoever has some permission would grant what the file withholds.
    if [&configure, &write, &read].iter().any(|pattern| *pattern != ".*") {
        return Err(format!(
            "definitions: permissions of user '{user}': only \".*\" is supported"
        ));
    }
    let known = users
        .0
        .get_mut(&user)
        .ok_or_else(|| format!("definitions: there is no user '{user}'"))?;
    if let Some(vhosts) = &mut known.vhosts {
        vhosts.push(vhost);
    }
    Ok(())
}

fn password(user: &UserDefinition) -> Result<Password, String> {
    if let Some(password) = &user.password {
        return Ok(Password::Plain(password.clone()));
    }
    let hash = match user.password_hash.as_deref() {
        None | Some("") => return Ok(Password::None),
        Some(hash) => hash,
    };
    let sha512 = match user.hashing_algorithm.as_deref() {
        None | Some("rabbit_password_hashing_sha256") => false,
        Some("rabbit_password_hashing_sha512") => true,
        Some(other) => {
            return Err(format!(
                "definitions: user '{}': {other} is not supported",
                user.name
            ));
        }
    };
    let digest_len = if sha512 { 64 } else { 32 };
    match base64(hash) {
        Some(salted) if salted.len() == 4 + digest_len => Ok(Password::Hashed { sha512, salted }),
        _ => Err(format!(
            "definitions: user '{}': password_hash is malformed",
            user.name
        )),
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

fn table(map: &Map<String, Value>) -> Result<FieldTable, String> {
    let mut table = FieldTable::default();
    for (key, value) in map {
        let short =
            ShortString::try_new(key.as_str()).map_err(|error| format!("argument '{key}': {error}"))?;
        table.insert(short, field(value)?);
    }
    Ok(table)
}

fn field(value: &Value) -> Result<AMQPValue, String> {
    Ok(match value {
        Value::Null => AMQPValue::Void,
        Value::Bool(flag) => AMQPValue::Boolean(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => AMQPValue::LongLongInt(integer),
            (None, Some(double)) => AMQPValue::Double(double),
            (None, None) => return Err(format!("the number {number} is out of range")),
        },
        Value::String(text) => AMQPValue::LongString(text.as_str().into()),
        Value::Array(values) => {
            AMQPValue::FieldArray(values.iter().map(field).collect::<Result<Vec<_>, _>>()?.into())
        }
        Value::Object(map) => AMQPValue::FieldTable(table(map)?),
    })
}
