//! Queues, exchanges, bindings and consumers: made, bound, deleted.

use std::sync::Arc;

use amq_protocol::protocol::basic;
use amq_protocol::types::FieldTable;

use super::slots::SlotId;
use super::state::State;
use crate::amqp::wire::method::AMQPClass;
use crate::broker::exchange::{Binding, Destination};
use crate::broker::protocol::exception::Outcome;
use crate::broker::publish::message::Name;
use crate::broker::queue::arguments::{QueueArguments, check_quorum};
use crate::broker::queue::{Queue, QueueSpec};

impl State {
    /// Adds a queue that does not exist yet.
    pub fn add_queue(&mut self, spec: QueueSpec) -> Outcome<SlotId> {
        let arguments = QueueArguments::read(&spec.arguments, &spec.name, &self.name)?;
        if arguments.quorum {
            check_quorum(&spec, &self.name)?;
        }
        let (name, owner, now) = (spec.name.clone(), spec.owner, self.now());
        let queue = Queue::new(spec, arguments, now, &self.memory);
        let id = self.queues.insert(queue);
        self.queue_names.insert(name, id);
        self.routing_epoch += 1;
        if let Some(session) = owner.and_then(|owner| self.sessions.get_mut(owner)) {
            session.exclusive_queues.push(id);
        }
        Ok(id)
    }

    /// Deletes a queue; its consumers are told.
    pub fn delete_queue(&mut self, id: SlotId) {
        let Some(mut queue) = self.queues.remove(id) else {
            return;
        };
        self.queue_names.remove(queue.name());
        self.routing_epoch += 1;
        if let Some(session) = queue.spec().owner.and_then(|owner| self.sessions.get_mut(owner)) {
            session.exclusive_queues.retain(|owned| *owned != id);
        }
        for consumer in &queue.consumers {
            self.cancel_by_broker(*consumer);
        }
        for binding in &queue.bound_to {
            if let Some(exchange) = self.exchanges.get_mut(&binding.source) {
                exchange.unbind(binding);
            }
            self.remove_unbound(&binding.source);
        }
        self.discarded.extend(queue.purge(&self.memory));
    }

    fn cancel_by_broker(&mut self, consumer_id: SlotId) {
        let Some(consumer) = self.consumers.remove(consumer_id) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(consumer.session) else {
            return;
        };
        let notify = session.capabilities.consumer_cancel_notify;
        if let Some(channel) = session.channel_mut(consumer.channel) {
            channel.consumers.remove(&consumer.tag);
            if notify {
                let cancel = basic::AMQPMethod::Cancel(basic::Cancel {
                    consumer_tag: (&*consumer.tag).into(),
                    nowait: true,
                });
                self.send(consumer.session, consumer.channel, AMQPClass::Basic(cancel));
            }
        }
    }

    /// Takes a consumer off its queue; what it has not acknowledged stays with its channel.
    pub fn remove_consumer(&mut self, id: SlotId) {
        let Some(consumer) = self.consumers.remove(id) else {
            return;
        };
        self.touch(consumer.queue);
        let Some(queue) = self.queues.get_mut(consumer.queue) else {
            return;
        };
        queue.consumers.retain(|other| *other != id);
        queue.exclusive_consumer = false;
        if queue.active_consumer == Some(id) {
            queue.active_consumer = queue.consumers.first().copied();
        }
        if queue.spec().auto_delete && queue.consumers.is_empty() {
            self.delete_queue(consumer.queue);
            return;
        }
        self.mark_dirty(consumer.queue);
    }

    /// Takes away every binding of an exchange that goes, and the exchanges that go with it.
    pub fn remove_exchange(&mut self, name: &str) {
        // A list and no recursion: a client may have made a chain of any length.
        let mut going = vec![Name::from(name)];
        while let Some(name) = going.pop() {
            self.take_exchange(&name, &mut going);
        }
    }

    /// Removes one exchange; those that have lost their last binding with it are added to `going`.
    fn take_exchange(&mut self, name: &str, going: &mut Vec<Name>) {
        let Some(exchange) = self.exchanges.remove(name) else {
            return;
        };
        self.routing_epoch += 1;
        for binding in exchange.bindings() {
            self.forget_binding(binding);
        }
        for binding in &exchange.bound_to {
            if let Some(exchange) = self.exchanges.get_mut(&binding.source) {
                exchange.unbind(binding);
            }
            if self.is_done(&binding.source) {
                going.push(binding.source.clone());
            }
        }
    }

    /// Binds a queue or an exchange to an exchange, both of which exist.
    pub fn bind(
        &mut self,
        source: &str,
        destination: Destination,
        routing_key: &str,
        arguments: &FieldTable,
    ) -> Outcome {
        let Some((source, _)) = self.exchanges.get_key_value(source) else {
            return Ok(());
        };
        let source = source.clone();
        let binding = Arc::new(Binding::new(source, destination, routing_key, arguments));
        if let Some(exchange) = self.exchanges.get_mut(&binding.source)
            && exchange.bind(&binding, arguments)?
        {
            let bound_to = match &binding.destination {
                Destination::Queue(queue) => self.queues.get_mut(*queue).map(|queue| &mut queue.bound_to),
                Destination::Exchange(name) => self
                    .exchanges
                    .get_mut(name)
                    .map(|exchange| &mut exchange.bound_to),
            };
            bound_to.map(|bound_to| bound_to.insert(binding));
        }
        self.routing_epoch += 1;
        Ok(())
    }

    pub fn unbind(&mut self, binding: &Binding) {
        if self
            .exchanges
            .get_mut(&binding.source)
            .is_some_and(|exchange| exchange.unbind(binding))
        {
            self.forget_binding(binding);
            self.remove_unbound(&binding.source);
        }
    }

    /// Takes a binding off its destination.
    fn forget_binding(&mut self, binding: &Binding) {
        match &binding.destination {
            Destination::Queue(queue) => {
                if let Some(queue) = self.queues.get_mut(*queue) {
                    queue.bound_to.remove(binding);
                }
            }
            Destination::Exchange(name) => {
                if let Some(exchange) = self.exchanges.get_mut(name) {
                    exchange.bound_to.remove(binding);
                }
            }
        }
    }

    /// Removes an auto-delete exchange that has lost its last binding.
    pub fn remove_unbound(&mut self, name: &str) {
        self.routing_epoch += 1;
        if self.is_done(name) {
            self.remove_exchange(name);
        }
    }

    /// An auto-delete exchange without bindings.
    fn is_done(&self, name: &str) -> bool {
        self.exchanges
            .get(name)
            .is_some_and(|exchange| exchange.auto_delete && !exchange.has_bindings())
    }
}
