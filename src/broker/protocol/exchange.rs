//! The exchange class.

use amq_protocol::protocol::exchange::{
    AMQPMethod, Bind, BindOk, Declare, DeclareOk, Delete, DeleteOk, Unbind, UnbindOk,
};
use amq_protocol::types::AMQPValue;

use super::{check_not_default, check_not_reserved, stripped};
use crate::amqp::wire::method::AMQPClass;
use crate::broker::exchange::{Binding, Destination, Exchange, Kind};
use crate::broker::protocol::exception::{
    Outcome, access_refused, command_invalid, not_found, precondition_failed,
};
use crate::broker::queue::arguments::{check_argument, check_flag, type_name};
use crate::broker::vhost::State;
use crate::broker::vhost::slots::SlotId;

const ALTERNATE: &str = "alternate-exchange";

impl State {
    pub fn exchange_method(&mut self, session_id: SlotId, number: u16, method: AMQPMethod) -> Outcome {
        let (nowait, ok) = match method {
            AMQPMethod::Declare(mut declare) => {
                declare.exchange = stripped(declare.exchange);
                let nowait = declare.nowait;
                self.exchange_declare(declare)?;
                (nowait, AMQPMethod::DeclareOk(DeclareOk {}))
            }
            AMQPMethod::Delete(mut delete) => {
                delete.exchange = stripped(delete.exchange);
                let nowait = delete.nowait;
                self.exchange_delete(&delete)?;
                (nowait, AMQPMethod::DeleteOk(DeleteOk {}))
            }
            AMQPMethod::Bind(mut bind) => {
                (bind.destination, bind.source) = (stripped(bind.destination), stripped(bind.source));
                let nowait = bind.nowait;
                self.exchange_bind(bind)?;
                (nowait, AMQPMethod::BindOk(BindOk {}))
            }
            AMQPMethod::Unbind(mut unbind) => {
                (unbind.destination, unbind.source) = (stripped(unbind.destination), stripped(unbind.source));
                let nowait = unbind.nowait;
                self.exchange_unbind(&unbind)?;
                (nowait, AMQPMethod::UnbindOk(UnbindOk {}))
            }
            _ => return Err(command_invalid("unimplemented method")),
        };
        if !nowait {
            self.send(session_id, number, AMQPClass::Exchange(ok));
        }
        Ok(())
    }

    pub fn exchange_declare(&mut self, declare: Declare) -> Outcome {
        let name = declare.exchange.as_str();
        check_not_default(name)?;
        if declare.passive {
            return match self.exchanges.contains_key(name) {
                true => Ok(()),
                false => Err(not_found("exchange", name, &self.name)),
            };
        }
        let kind = Kind::from_name(declare.kind.as_str()).ok_or_else(|| {
            // RabbitMQ knows the empty name, for none of its types.
            let unknown = if declare.kind.as_str().is_empty() {
                "invalid"
            } else {
                "unknown"
            };
            command_invalid(&format!("{unknown} exchange type '{}'", declare.kind))
        })?;
        let resource = format!("exchange '{name}' in vhost '{}'", self.name);
        if let Some(current) = self.exchanges.get(name) {
            if current.kind != kind {
                return Err(precondition_failed(&format!(
                    "inequivalent arg 'type' for {resource}: received '{}' but current is '{}'",
                    kind.name(),
                    current.kind.name()
                )));
            }
            check_flag("durable", declare.durable, current.durable, &resource)?;
            check_flag("auto_delete", declare.auto_delete, current.auto_delete, &resource)?;
            check_flag("internal", declare.internal, current.internal, &resource)?;
            return check_argument(ALTERNATE, &declare.arguments, &current.arguments, &resource);
        }
        check_not_reserved("exchange", name)?;
        let mut exchange = Exchange::new(kind, declare.durable, &self.memory);
        exchange.auto_delete = declare.auto_delete;
        exchange.internal = declare.internal;
        exchange.alternate = match declare.arguments.inner().get(ALTERNATE) {
            None => None,
            Some(AMQPValue::LongString(text)) => Some(text.to_string().into()),
            Some(other) => {
                return Err(precondition_failed(&format!(
                    "invalid type '{}' for arg '{ALTERNATE}' in {resource}",
                    type_name(other)
                )));
            }
        };
        exchange.arguments = declare.arguments;
        exchange.account();
        self.exchanges.insert(name.into(), exchange);
        self.routing_epoch += 1;
        Ok(())
    }

    fn exchange_delete(&mut self, delete: &Delete) -> Outcome {
        let name = delete.exchange.as_str();
        check_not_default(name)?;
        if name.starts_with("amq.") {
            return Err(access_refused(&format!(
                "deletion of system exchange '{name}' in vhost '{}' not allowed",
                self.name
            )));
        }
        if delete.if_unused && self.exchanges.get(name).is_some_and(Exchange::has_bindings) {
            return Err(precondition_failed(&format!(
                "exchange '{name}' in vhost '{}' in use",
                self.name
            )));
        }
        self.remove_exchange(name);
        Ok(())
    }

    pub fn exchange_bind(&mut self, bind: Bind) -> Outcome {
        check_not_default(bind.source.as_str())?;
        check_not_default(bind.destination.as_str())?;
        for name in [bind.source.as_str(), bind.destination.as_str()] {
            if !self.exchanges.contains_key(name) {
                return Err(not_found("exchange", name, &self.name));
            }
        }
        let key = bind.routing_key.as_str();
        let Some((destination, _)) = self.exchanges.get_key_value(bind.destination.as_str()) else {
            return Ok(());
        };
        let destination = Destination::Exchange(destination.clone());
        self.bind(bind.source.as_str(), destination, key, &bind.arguments)
    }

    fn exchange_unbind(&mut self, unbind: &Unbind) -> Outcome {
        check_not_default(unbind.source.as_str())?;
        check_not_default(unbind.destination.as_str())?;
        let destination = Destination::Exchange(unbind.destination.as_str().into());
        let source = unbind.source.as_str().into();
        self.unbind(&Binding::new(
            source,
            destination,
            unbind.routing_key.as_str(),
            &unbind.arguments,
        ));
        Ok(())
    }
}
