//! Queue arguments: which there are, what they may be, and when two declarations agree.

use amq_protocol::types::{AMQPValue, FieldTable};

use crate::broker::protocol::exception::{
    Exception, Outcome, erlang_binary, precondition_failed, resource_locked,
};
use crate::broker::publish::message::Name;
use crate::broker::queue::QueueSpec;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    #[default]
    DropHead,
    RejectPublish,
    RejectPublishDeadLetter,
}

/// What a queue's arguments ask for. Times in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct QueueArguments {
    pub message_ttl: Option<u64>,
    pub expires: Option<u64>,
    pub max_length: Option<u64>,
    pub max_length_bytes: Option<u64>,
    pub overflow: Overflow,
    pub max_priority: Option<u8>,
    pub dead_letter_exchange: Option<Name>,
    pub dead_letter_routing_key: Option<Box<[u8]>>,
    pub single_active_consumer: bool,
    /// Declared as a quorum queue: checked like one.
    pub quorum: bool,
}

/// The arguments that must be the same when a queue is declared again; RabbitMQ ignores all others.
const COMPARED: [&str; 13] = [
    "x-expires",
    "x-message-ttl",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-max-length",
    "x-max-length-bytes",
    "x-max-in-memory-length",
    "x-max-in-memory-bytes",
    "x-max-priority",
    "x-overflow",
    "x-queue-mode",
    "x-single-active-consumer",
    "x-queue-type",
];

/// Arguments of other kinds of queues, which RabbitMQ 3.10 refuses; what it does not know at all it ignores.
const NOT_CLASSIC: [&str; 9] = [
    "x-dead-letter-strategy",
    "x-delivery-limit",
    "x-initial-cluster-size",
    "x-max-age",
    "x-max-in-memory-bytes",
    "x-max-in-memory-length",
    "x-queue-leader-locator",
    "x-quorum-initial-group-size",
    "x-stream-max-segment-size-bytes",
];

/// Arguments of classic queues and streams, which RabbitMQ 3.10 refuses for quorum queues.
const NOT_QUORUM: [&str; 6] = [
    "x-initial-cluster-size",
    "x-max-age",
    "x-max-priority",
    "x-queue-mode",
    "x-queue-version",
    "x-stream-max-segment-size-bytes",
];

/// RabbitMQ's largest time: ten years.
pub const MAX_MILLISECONDS: i64 = 315_360_000_000;

struct Reader<'a> {
    table: &'a FieldTable,
    queue: &'a str,
    vhost: &'a str,
}

impl Reader<'_> {
    fn invalid(&self, argument: &str, reason: &str) -> Exception {
        precondition_failed(&format!(
            "invalid arg '{argument}' for queue '{}' in vhost '{}': {reason}",
            self.queue, self.vhost
        ))
    }

    fn not_an_integer(&self, argument: &str, value: &AMQPValue) -> Exception {
        self.invalid(
            argument,
            &format!("\"expected integer, got {}\"", type_name(value)),
        )
    }

    fn integer(&self, argument: &str) -> Outcome<Option<i64>> {
        let Some(value) = self.table.inner().get(argument) else {
            return Ok(None);
        };
        let number = integer(value).ok_or_else(|| self.not_an_integer(argument, value))?;
        if number < 0 {
            return Err(self.invalid(argument, &format!("{{value_negative,{number}}}")));
        }
        Ok(Some(number))
    }

    fn milliseconds(&self, argument: &str, least: i64) -> Outcome<Option<u64>> {
        let Some(number) = self.integer(argument)? else {
            return Ok(None);
        };
        if number < least {
            return Err(self.invalid(argument, &format!("{{value_zero,{number}}}")));
        }
        if number > MAX_MILLISECONDS {
            return Err(self.invalid(argument, &format!("{{value_too_large,{number}}}")));
        }
        Ok(Some(number as u64))
    }

    /// The name of an exchange.
    fn name(&self, argument: &str) -> Outcome<Option<&[u8]>> {
        match self.table.inner().get(argument) {
            None => Ok(None),
            Some(AMQPValue::LongString(text)) => Ok(Some(text.as_bytes())),
            Some(other) => Err(precondition_failed(&format!(
                "invalid type '{}' for arg '{argument}' in queue '{}' in vhost '{}'",
                type_name(other),
                self.queue,
                self.vhost
            ))),
        }
    }

    /// One word of several, or a routing key.
    fn text(&self, argument: &str) -> Outcome<Option<&[u8]>> {
        match self.table.inner().get(argument) {
            None => Ok(None),
            Some(AMQPValue::LongString(text)) => Ok(Some(text.as_bytes())),
            Some(other) => Err(self.unacceptable(argument, other)),
        }
    }

    fn unacceptable(&self, argument: &str, value: &AMQPValue) -> Exception {
        self.invalid(argument, &format!("{{unacceptable_type,{}}}", type_name(value)))
    }
}

impl QueueArguments {
    /// Checks and reads the arguments of a queue to be declared.
    pub fn read(table: &FieldTable, queue: &str, vhost: &str) -> Outcome<QueueArguments> {
        let reader = Reader { table, queue, vhost };
        let mut arguments = QueueArguments::default();
        // Quorum queues and streams are about several machines and disks; here they are queues like any other.
        if let Some(text) = reader.text("x-queue-type")?
            && !matches!(text, b"classic" | b"quorum")
        {
            let kind = String::from_utf8_lossy(text);
            return Err(reader.invalid("x-queue-type", &format!("\"unsupported queue type '{kind}'\"")));
        }
        arguments.expires = reader.milliseconds("x-expires", 1)?;
        arguments.message_ttl = reader.milliseconds("x-message-ttl", 0)?;
        if let Some(text) = reader.name("x-dead-letter-exchange")? {
            arguments.dead_letter_exchange = Some(String::from_utf8_lossy(text).into());
        }
        if let Some(text) = reader.text("x-dead-letter-routing-key")? {
            if arguments.dead_letter_exchange.is_none() {
                return Err(reader.invalid("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined"));
            }
            // It travels as a short string.
            arguments.dead_letter_routing_key = Some(text[..text.len().min(255)].into());
        }
        arguments.max_length = reader.integer("x-max-length")?.map(|number| number as u64);
        arguments.max_length_bytes = reader.integer("x-max-length-bytes")?.map(|number| number as u64);
        if let Some(number) = reader.integer("x-max-priority")? {
            let Ok(number) = u8::try_from(number) else {
                return Err(reader.invalid("x-max-priority", &format!("{{max_value_exceeded,{number}}}")));
            };
            arguments.max_priority = Some(number);
        }
        match reader.text("x-overflow")? {
            None | Some(b"drop-head") => {}
            Some(b"reject-publish") => arguments.overflow = Overflow::RejectPublish,
            Some(b"reject-publish-dlx") => arguments.overflow = Overflow::RejectPublishDeadLetter,
            Some(_) => return Err(reader.invalid("x-overflow", "invalid_overflow")),
        }
        if let Some(text) = reader.text("x-queue-mode")?
            && !matches!(text, b"default" | b"lazy")
        {
            let mode = String::from_utf8_lossy(text);
            return Err(reader.invalid("x-queue-mode", &format!("\"unsupported queue mode '{mode}'\"")));
        }
        match table.inner().get("x-single-active-consumer") {
            None => {}
            Some(AMQPValue::Boolean(active)) => arguments.single_active_consumer = *active,
            Some(other) => return Err(reader.unacceptable("x-single-active-consumer", other)),
        }
        if let Some(version) = reader.integer("x-queue-version")?
            && !matches!(version, 1 | 2)
        {
            let reason = format!("\"unsupported queue version '{version}'\"");
            return Err(reader.invalid("x-queue-version", &reason));
        }
        arguments.quorum = !is_classic(table);
        let foreign: &[&str] = if arguments.quorum {
            &NOT_QUORUM
        } else {
            &NOT_CLASSIC
        };
        if let Some(argument) = foreign.iter().find(|argument| table.contains_key(argument)) {
            return Err(foreign_argument(argument, queue, vhost, arguments.quorum));
        }
        if let Some(size) = reader.integer("x-quorum-initial-group-size")?
            && size == 0
        {
            return Err(reader.invalid("x-quorum-initial-group-size", "{value_zero,0}"));
        }
        if let Some(text) = reader.text("x-dead-letter-strategy")?
            && !matches!(text, b"at-most-once" | b"at-least-once")
        {
            return Err(reader.invalid("x-dead-letter-strategy", "invalid_dlx_strategy"));
        }
        if let Some(text) = reader.text("x-queue-leader-locator")?
            && !matches!(text, b"client-local" | b"balanced" | b"random" | b"least-leaders")
        {
            return Err(reader.invalid("x-queue-leader-locator", "invalid_queue_locator_arg"));
        }
        Ok(arguments)
    }
}

/// A queue's attributes as a declaration names them.
#[derive(Debug, Clone, Copy)]
pub struct Declared<'a> {
    pub durable: bool,
    pub auto_delete: bool,
    pub exclusive: bool,
    pub arguments: &'a FieldTable,
}

/// Whether a queue that exists is what a declaration asks for.
pub fn check_equivalence(asked: Declared<'_>, current: Declared<'_>, queue: &str, vhost: &str) -> Outcome {
    if asked.exclusive != current.exclusive {
        return Err(resource_locked(queue, vhost));
    }
    let resource = format!("queue '{queue}' in vhost '{vhost}'");
    check_flag("durable", asked.durable, current.durable, &resource)?;
    check_flag("auto_delete", asked.auto_delete, current.auto_delete, &resource)?;
    for argument in COMPARED {
        // RabbitMQ: to name the type that a queue has anyway is no difference.
        if argument == "x-queue-type" && is_classic(asked.arguments) && is_classic(current.arguments) {
            continue;
        }
        check_argument(argument, asked.arguments, current.arguments, &resource)?;
    }
    Ok(())
}

/// The refusal of what only other kinds of queues take.
fn foreign_argument(argument: &str, queue: &str, vhost: &str, quorum: bool) -> Exception {
    let kind = if quorum { "quorum" } else { "classic" };
    precondition_failed(&format!(
        "invalid arg '{argument}' for queue '{queue}' in vhost '{vhost}' of queue type rabbit_{kind}_queue"
    ))
}

/// Checks what quorum queues cannot be.
pub fn check_quorum(spec: &QueueSpec, vhost: &str) -> Outcome {
    let property = if spec.auto_delete {
        "auto-delete"
    } else if spec.owner.is_some() {
        "exclusive-owner"
    } else if !spec.durable {
        "non-durable"
    } else {
        return Ok(());
    };
    Err(precondition_failed(&format!(
        "invalid property '{property}' for queue '{}' in vhost '{vhost}'",
        spec.name
    )))
}

/// Checks the arguments of a consumer and returns its priority.
pub fn consumer_priority(table: &FieldTable, queue: &str, vhost: &str, quorum: bool) -> Outcome<i64> {
    let reader = Reader { table, queue, vhost };
    let priority = match table.inner().get("x-priority") {
        None => 0,
        Some(value) => integer(value).ok_or_else(|| reader.not_an_integer("x-priority", value))?,
    };
    match table.inner().get("x-cancel-on-ha-failover") {
        None | Some(AMQPValue::Boolean(_)) => {}
        Some(other) => return Err(reader.unacceptable("x-cancel-on-ha-failover", other)),
    }
    for argument in ["x-stream-offset", "x-cancel-on-ha-failover"] {
        if table.contains_key(argument) && (quorum || argument == "x-stream-offset") {
            return Err(foreign_argument(argument, queue, vhost, quorum));
        }
    }
    Ok(priority)
}

fn is_classic(arguments: &FieldTable) -> bool {
    match arguments.inner().get("x-queue-type") {
        None => true,
        Some(AMQPValue::LongString(text)) => text.as_bytes() == b"classic",
        Some(_) => false,
    }
}

pub fn check_flag(name: &str, asked: bool, current: bool, resource: &str) -> Outcome {
    if asked == current {
        return Ok(());
    }
    Err(precondition_failed(&format!(
        "inequivalent arg '{name}' for {resource}: received '{asked}' but current is '{current}'"
    )))
}

pub fn check_argument(name: &str, asked: &FieldTable, current: &FieldTable, resource: &str) -> Outcome {
    let (asked, current) = (asked.inner().get(name), current.inner().get(name));
    let equal = match (asked, current) {
        (None, None) => true,
        (Some(asked), Some(current)) => match (integer(asked), integer(current)) {
            (Some(asked), Some(current)) => asked == current,
            _ => asked == current,
        },
        _ => false,
    };
    if equal {
        return Ok(());
    }
    // RabbitMQ names the type only where the other side has no value to compare with.
    let both = asked.is_some() && current.is_some();
    let describe = |value: Option<&AMQPValue>| match value {
        None => "none".to_owned(),
        Some(value) if both => format!("'{}'", shown(value)),
        Some(value) => format!("the value '{}' of type '{}'", shown(value), type_name(value)),
    };
    Err(precondition_failed(&format!(
        "inequivalent arg '{name}' for {resource}: received {} but current is {}",
        describe(asked),
        describe(current)
    )))
}

pub fn integer(value: &AMQPValue) -> Option<i64> {
    match value {
        AMQPValue::ShortShortInt(number) => Some(i64::from(*number)),
        AMQPValue::ShortShortUInt(number) => Some(i64::from(*number)),
        AMQPValue::ShortInt(number) => Some(i64::from(*number)),
        AMQPValue::ShortUInt(number) => Some(i64::from(*number)),
        AMQPValue::LongInt(number) => Some(i64::from(*number)),
        AMQPValue::LongUInt(number) => Some(i64::from(*number)),
        AMQPValue::LongLongInt(number) => Some(*number),
        _ => None,
    }
}

/// The type's name in RabbitMQ's texts.
pub fn type_name(value: &AMQPValue) -> &'static str {
    match value {
        AMQPValue::Boolean(_) => "bool",
        AMQPValue::ShortShortInt(_) => "byte",
        AMQPValue::ShortShortUInt(_) => "unsignedbyte",
        AMQPValue::ShortInt(_) => "short",
        AMQPValue::ShortUInt(_) => "unsignedshort",
        AMQPValue::LongInt(_) => "signedint",
        AMQPValue::LongUInt(_) => "unsignedint",
        AMQPValue::LongLongInt(_) => "long",
        AMQPValue::Float(_) => "float",
        AMQPValue::Double(_) => "double",
        AMQPValue::DecimalValue(_) => "decimal",
        AMQPValue::ShortString(_) | AMQPValue::LongString(_) => "longstr",
        AMQPValue::FieldArray(_) => "array",
        AMQPValue::Timestamp(_) => "timestamp",
        AMQPValue::FieldTable(_) => "table",
        AMQPValue::ByteArray(_) => "binary",
        AMQPValue::Void => "void",
    }
}

/// The value in RabbitMQ's texts: as Erlang shows it, but for plain text.
pub fn shown(value: &AMQPValue) -> String {
    match value {
        AMQPValue::LongString(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        other => erlang_term(other),
    }
}

/// The value as Erlang's `~p` shows it, on one line.
pub fn erlang_term(value: &AMQPValue) -> String {
    let join = |terms: Vec<String>| format!("[{}]", terms.join(","));
    match value {
        AMQPValue::Boolean(flag) => flag.to_string(),
        AMQPValue::ShortShortInt(number) => number.to_string(),
        AMQPValue::ShortShortUInt(number) => number.to_string(),
        AMQPValue::ShortInt(number) => number.to_string(),
        AMQPValue::ShortUInt(number) => number.to_string(),
        AMQPValue::LongInt(number) => number.to_string(),
        AMQPValue::LongUInt(number) => number.to_string(),
        AMQPValue::LongLongInt(number) => number.to_string(),
        AMQPValue::Float(number) => erlang_float(f64::from(*number)),
        AMQPValue::Double(number) => erlang_float(*number),
        AMQPValue::Timestamp(number) => number.to_string(),
        AMQPValue::DecimalValue(decimal) => format!("{{{},{}}}", decimal.scale, decimal.value),
        AMQPValue::ShortString(text) => erlang_binary(text.as_str().as_bytes()),
        AMQPValue::LongString(text) => erlang_binary(text.as_bytes()),
        AMQPValue::ByteArray(bytes) => erlang_binary(bytes.as_slice()),
        AMQPValue::Void => "undefined".to_owned(),
        AMQPValue::FieldArray(values) => join(
            values
                .as_slice()
                .iter()
                .map(|value| format!("{{{},{}}}", type_name(value), erlang_term(value)))
                .collect(),
        ),
        AMQPValue::FieldTable(table) => join(
            table
                .inner()
                .iter()
                .map(|(key, value)| {
                    let key = erlang_binary(key.as_str().as_bytes());
                    format!("{{{key},{},{}}}", type_name(value), erlang_term(value))
                })
                .collect(),
        ),
    }
}

fn erlang_float(number: f64) -> String {
    let text = format!("{number:?}");
    match text.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0e{exponent}"),
        _ => text,
    }
}
