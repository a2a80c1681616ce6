//! The queue class.

use amq_protocol::protocol::queue::{
    AMQPMethod, Bind, BindOk, Declare, DeclareOk, Delete, DeleteOk, PurgeOk, Unbind, UnbindOk,
};

use super::{check_not_default, check_not_reserved, generated_name, stripped};
use crate::amqp::wire::method::AMQPClass;
use crate::broker::exchange::{Binding, Destination};
use crate::broker::protocol::exception::{
    Outcome, command_invalid, not_found, precondition_failed, resource_locked,
};
use crate::broker::publish::message::Name;
use crate::broker::publish::reply_to;
use crate::broker::queue::QueueSpec;
use crate::broker::queue::arguments::{Declared, check_equivalence};
use crate::broker::vhost::State;
use crate::broker::vhost::slots::SlotId;

impl State {
    pub fn queue_method(&mut self, session_id: SlotId, number: u16, method: AMQPMethod) -> Outcome {
        let (nowait, ok) = match method {
            AMQPMethod::Declare(mut declare) => {
                declare.queue = stripped(declare.queue);
                let nowait = declare.nowait;
                let ok = self.queue_declare(session_id, number, declare)?;
                (nowait, AMQPMethod::DeclareOk(ok))
            }
            AMQPMethod::Delete(mut delete) => {
                delete.queue = stripped(delete.queue);
                return self.queue_delete(session_id, number, &delete);
            }
            AMQPMethod::Purge(purge) => {
                let (id, _) = self.usable_queue(session_id, number, purge.queue.as_str())?;
                let mut count = 0;
                if let Some(queue) = self.queues.get_mut(id) {
                    count = queue.ready();
                    self.discarded.extend(queue.purge(&self.memory));
                }
                let ok = PurgeOk {
                    message_count: count as u32,
                };
                (purge.nowait, AMQPMethod::PurgeOk(ok))
            }
            AMQPMethod::Bind(mut bind) => {
                (bind.queue, bind.exchange) = (stripped(bind.queue), stripped(bind.exchange));
                let nowait = bind.nowait;
                self.queue_bind(session_id, number, bind)?;
                (nowait, AMQPMethod::BindOk(BindOk {}))
            }
            AMQPMethod::Unbind(mut unbind) => {
                (unbind.queue, unbind.exchange) = (stripped(unbind.queue), stripped(unbind.exchange));
                self.queue_unbind(session_id, number, &unbind)?;
                (false, AMQPMethod::UnbindOk(UnbindOk {}))
            }
            _ => return Err(command_invalid("unimplemented method")),
        };
        if !nowait {
            self.send(session_id, number, AMQPClass::Queue(ok));
        }
        Ok(())
    }

    fn queue_declare(&mut self, session_id: SlotId, number: u16, declare: Declare) -> Outcome<DeclareOk> {
        let name = declare.queue.as_str();
        if name == reply_to::QUEUE || reply_to::is_address(name.as_bytes()) {
            if name != reply_to::QUEUE && !self.awaits_reply(name.as_bytes()) {
                return Err(not_found("queue", name, &self.name));
            }
            return Ok(DeclareOk {
                queue: declare.queue,
                message_count: 0,
                consumer_count: 1,
            });
        }
        // Names of the broker's own are refused even to who has such a queue.
        if !declare.passive {
            check_not_reserved("queue", name)?;
        }
        let (id, name) = match self.queue_names.get_key_value(name) {
            Some((name, id)) => {
                let (id, name) = (*id, name.clone());
                if self.is_locked(id, session_id) {
                    return Err(resource_locked(&name, &self.name));
                }
                if !declare.passive {
                    self.check_declared(id, &declare)?;
                }
                (id, name)
            }
            None if declare.passive => return Err(not_found("queue", name, &self.name)),
            None => {
                let name: Name = match name {
                    "" => generated_name("amq.gen-").into(),
                    name => name.into(),
                };
                let owner = declare.exclusive.then_some(session_id);
                let spec = QueueSpec {
                    name: name.clone(),
                    durable: declare.durable,
                    auto_delete: declare.auto_delete,
                    owner,
                    arguments: declare.arguments,
                };
                (self.add_queue(spec)?, name)
            }
        };
        self.touch(id);
        self.rearm(id);
        if let Some(channel) = self.channel_mut(session_id, number) {
            channel.last_queue = Some(name.clone());
        }
        let queue = self.queues.get(id);
        Ok(DeclareOk {
            queue: (&*name).into(),
            message_count: queue.map_or(0, |queue| queue.ready() as u32),
            consumer_count: queue.map_or(0, |queue| queue.consumers.len() as u32),
        })
    }

    fn check_declared(&self, id: SlotId, declare: &Declare) -> Outcome {
        let Some(queue) = self.queues.get(id) else {
            return Ok(());
        };
        let asked = Declared {
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            exclusive: declare.exclusive,
            arguments: &declare.arguments,
        };
        let current = Declared {
            durable: queue.spec().durable,
            auto_delete: queue.spec().auto_delete,
            exclusive: queue.spec().owner.is_some(),
            arguments: &queue.spec().arguments,
        };
        check_equivalence(asked, current, queue.name(), &self.name)
    }

    fn queue_delete(&mut self, session_id: SlotId, number: u16, delete: &Delete) -> Outcome {
        let found = match self.usable_queue(session_id, number, delete.queue.as_str()) {
            Ok(found) => Some(found),
            // RabbitMQ: deleting what is not there succeeds.
            Err(exception) if exception.code == 404 && !delete.queue.as_str().is_empty() => None,
            Err(exception) => return Err(exception),
        };
        let mut message_count = 0;
        if let Some((id, name)) = &found
            && let Some(queue) = self.queues.get(*id)
        {
            if delete.if_unused && !queue.consumers.is_empty() {
                return Err(precondition_failed(&format!(
                    "queue '{name}' in vhost '{}' in use",
                    self.name
                )));
            }
            if delete.if_empty && queue.ready() > 0 {
                return Err(precondition_failed(&format!(
                    "queue '{name}' in vhost '{}' not empty",
                    self.name
                )));
            }
            message_count = queue.ready() as u32;
        }
        if !delete.nowait {
            let ok = AMQPMethod::DeleteOk(DeleteOk { message_count });
            self.send(session_id, number, AMQPClass::Queue(ok));
        }
        // As in RabbitMQ the answer comes before the cancellation of the consumers.
        if let Some((id, _)) = found {
            self.delete_queue(id);
        }
        Ok(())
    }

    fn queue_bind(&mut self, session_id: SlotId, number: u16, bind: Bind) -> Outcome {
        let (exchange, mut key) = (bind.exchange.as_str(), bind.routing_key.as_str());
        if bind.queue.as_str().is_empty() {
            self.last_queue(session_id, number)?;
        }
        check_not_default(exchange)?;
        if !self.exchanges.contains_key(exchange) {
            return Err(not_found("exchange", exchange, &self.name));
        }
        let (id, name) = self.usable_queue(session_id, number, bind.queue.as_str())?;
        // Section 1.7.2.3: with neither a queue nor a key named, the queue's name is the key.
        if key.is_empty() && bind.queue.as_str().is_empty() {
            key = &name;
        }
        self.bind(exchange, Destination::Queue(id), key, &bind.arguments)
    }

    fn queue_unbind(&mut self, session_id: SlotId, number: u16, unbind: &Unbind) -> Outcome {
        let (exchange, mut key) = (unbind.exchange.as_str(), unbind.routing_key.as_str());
        if unbind.queue.as_str().is_empty() {
            self.last_queue(session_id, number)?;
        }
        check_not_default(exchange)?;
        let (id, name) = match self.queue_named(session_id, number, unbind.queue.as_str()) {
            Ok(found) => found,
            // RabbitMQ: unbinding what is not bound succeeds.
            Err(exception) if exception.code == 404 && !unbind.queue.as_str().is_empty() => return Ok(()),
            Err(exception) => return Err(exception),
        };
        if key.is_empty() && unbind.queue.as_str().is_empty() {
            key = &name;
        }
        let binding = Binding::new(exchange.into(), Destination::Queue(id), key, &unbind.arguments);
        let Some(source) = self.exchanges.get(exchange) else {
            return Ok(());
        };
        // The queue's owner counts only where there is something to unbind.
        if source.is_bound(&binding) && self.is_locked(id, session_id) {
            return Err(resource_locked(&name, &self.name));
        }
        self.unbind(&binding);
        Ok(())
    }
}
