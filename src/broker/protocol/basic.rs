//! The basic class, less what is sent per message.

use amq_protocol::protocol::basic::{
    AMQPMethod, Cancel, CancelOk, Consume, ConsumeOk, GetEmpty, QosOk, RecoverOk,
};

use super::generated_name;
use crate::amqp::wire::content::{Arguments, BASIC, BASIC_GET_OK, put_short_string};
use crate::amqp::wire::frame;
use crate::amqp::wire::method::AMQPClass;
use crate::broker::protocol::exception::{
    Outcome, access_refused, command_invalid, not_allowed, not_implemented, precondition_failed,
};
use crate::broker::publish::message::Name;
use crate::broker::publish::reply_to;
use crate::broker::queue::arguments::consumer_priority;
use crate::broker::queue::consumers::Consumer;
use crate::broker::vhost::State;
use crate::broker::vhost::channel::{ReplyConsumer, Unacked};
use crate::broker::vhost::memory::Share;
use crate::broker::vhost::slots::SlotId;

impl State {
    pub fn basic_method(
        &mut self,
        session_id: SlotId,
        number: u16,
        method: AMQPMethod,
        payload: &[u8],
    ) -> Outcome {
        match method {
            AMQPMethod::Qos(qos) => {
                // The codec passes over prefetch-size, which RabbitMQ refuses.
                let size = Arguments(&payload[4..]).long().unwrap_or(0);
                if size != 0 {
                    return Err(not_implemented(&format!("prefetch_size!=0 ({size})")));
                }
                self.basic_qos(session_id, number, qos.prefetch_count, qos.global);
                self.send(session_id, number, AMQPClass::Basic(AMQPMethod::QosOk(QosOk {})));
                Ok(())
            }
            AMQPMethod::Consume(consume) => self.basic_consume(session_id, number, consume),
            AMQPMethod::Cancel(cancel) => {
                self.basic_cancel(session_id, number, cancel);
                Ok(())
            }
            AMQPMethod::Get(get) => self.basic_get(session_id, number, get.queue.as_str(), get.no_ack),
            AMQPMethod::Recover(recover) if !recover.requeue => Err(not_implemented("requeue=false")),
            AMQPMethod::Recover(_) => {
                self.recover(session_id, number);
                self.send(
                    session_id,
                    number,
                    AMQPClass::Basic(AMQPMethod::RecoverOk(RecoverOk {})),
                );
                Ok(())
            }
            AMQPMethod::RecoverAsync(recover) if !recover.requeue => Err(not_implemented("requeue=false")),
            AMQPMethod::RecoverAsync(_) => {
                self.recover(session_id, number);
                Ok(())
            }
            // The answer to our basic.cancel, from clients that do not honour its no-wait.
            AMQPMethod::CancelOk(_) => Ok(()),
            _ => Err(command_invalid("unimplemented method")),
        }
    }

    /// In RabbitMQ's reading: global means all consumers of the channel together, else each consumer started from now on,
    /// and no bound for all together any more.
    fn basic_qos(&mut self, session_id: SlotId, number: u16, prefetch_count: u16, global: bool) {
        let Some(channel) = self.channel_mut(session_id, number) else {
            return;
        };
        if global {
            channel.prefetch_channel = prefetch_count;
        } else {
            channel.prefetch = prefetch_count;
            channel.prefetch_channel = 0;
        }
        self.mark_consumed(session_id, number);
    }

    fn basic_consume(&mut self, session_id: SlotId, number: u16, consume: Consume) -> Outcome {
        let mut tag: Name = consume.consumer_tag.as_str().into();
        let Some(channel) = self.channel_mut(session_id, number) else {
            return Ok(());
        };
        let taken = |tag: &Name| {
            channel.consumers.contains_key(tag)
                || channel
                    .reply_consumer
                    .as_ref()
                    .is_some_and(|consumer| consumer.tag == *tag)
        };
        if taken(&tag) {
            return Err(not_allowed(&format!("attempt to reuse consumer tag '{tag}'")));
        }
        if tag.is_empty() {
            tag = generated_name("amq.ctag-").into();
        }
        if consume.queue.as_str() == reply_to::QUEUE {
            if channel.reply_consumer.is_some() {
                return Err(precondition_failed("reply consumer already set"));
            }
            if !consume.no_ack {
                return Err(precondition_failed("reply consumer cannot acknowledge"));
            }
            channel.reply_consumer = Some(ReplyConsumer {
                tag: tag.clone(),
                secret: reply_to::secret(),
            });
        } else {
            self.add_consumer(session_id, number, &tag, &consume)?;
        }
        if !consume.nowait {
            let ok = AMQPMethod::ConsumeOk(ConsumeOk {
                consumer_tag: (&*tag).into(),
            });
            self.send(session_id, number, AMQPClass::Basic(ok));
        }
        Ok(())
    }

    fn add_consumer(&mut self, session_id: SlotId, number: u16, tag: &Name, consume: &Consume) -> Outcome {
        let (queue_id, name) = self.usable_queue(session_id, number, consume.queue.as_str())?;
        let quorum = self
            .queues
            .get(queue_id)
            .is_some_and(|queue| queue.arguments().quorum);
        let priority = consumer_priority(&consume.arguments, &name, &self.name, quorum)?;
        let global = self
            .channel(session_id, number)
            .is_some_and(|channel| channel.prefetch_channel != 0);
        if quorum && global {
            return Err(not_implemented(&format!(
                "queue '{name}' in vhost '{}' does not support global qos",
                self.name
            )));
        }
        let State {
            queues,
            consumers,
            sessions,
            name: vhost,
            memory,
            ..
        } = self;
        let Some(queue) = queues.get_mut(queue_id) else {
            return Ok(());
        };
        // Who is the single active consumer is the queue's choice, so nobody can have it alone.
        let shared = !queue.consumers.is_empty() || queue.arguments().single_active_consumer;
        if queue.exclusive_consumer || (consume.exclusive && shared) {
            return Err(access_refused(&format!(
                "queue '{name}' in vhost '{vhost}' in exclusive use"
            )));
        }
        let Some(channel) = sessions
            .get_mut(session_id)
            .and_then(|session| session.channel_mut(number))
        else {
            return Ok(());
        };
        let id = consumers.insert(Consumer {
            session: session_id,
            channel: number,
            tag: tag.clone(),
            queue: queue_id,
            no_ack: consume.no_ack,
            priority,
            prefetch: channel.prefetch,
            unacked: 0,
            _share: Share::new(memory, 2 * size_of::<Consumer>() + tag.len()),
        });
        channel.consumers.insert(tag.clone(), id);
        let at = queue
            .consumers
            .iter()
            .position(|other| {
                consumers
                    .get(*other)
                    .is_some_and(|other| other.priority < priority)
            })
            .unwrap_or(queue.consumers.len());
        queue.consumers.insert(at, id);
        queue.exclusive_consumer = consume.exclusive;
        if queue.arguments().single_active_consumer && queue.active_consumer.is_none() {
            queue.active_consumer = Some(id);
        }
        // Delivered after consume-ok is written.
        self.mark_dirty(queue_id);
        Ok(())
    }

    fn basic_cancel(&mut self, session_id: SlotId, number: u16, cancel: Cancel) {
        let Some(channel) = self.channel_mut(session_id, number) else {
            return;
        };
        let tag = cancel.consumer_tag.as_str();
        if channel
            .reply_consumer
            .as_ref()
            .is_some_and(|consumer| &*consumer.tag == tag)
        {
            channel.reply_consumer = None;
        }
        let consumer = channel.consumers.remove(tag);
        if !cancel.nowait {
            let ok = AMQPMethod::CancelOk(CancelOk {
                consumer_tag: cancel.consumer_tag,
            });
            self.send(session_id, number, AMQPClass::Basic(ok));
        }
        if let Some(id) = consumer {
            self.remove_consumer(id);
        }
    }

    fn basic_get(&mut self, session_id: SlotId, number: u16, queue: &str, no_ack: bool) -> Outcome {
        let (queue_id, _) = self.usable_queue(session_id, number, queue)?;
        self.touch(queue_id);
        self.expire(queue_id);
        let entry = self.queues.get_mut(queue_id).and_then(|queue| queue.pop());
        let Some(entry) = entry else {
            self.send(
                session_id,
                number,
                AMQPClass::Basic(AMQPMethod::GetEmpty(GetEmpty {})),
            );
            return Ok(());
        };
        self.expire(queue_id);
        let left = self.queues.get(queue_id).map_or(0, |queue| queue.ready() as u32);
        let Some(session) = self.sessions.get_mut(session_id) else {
            return Ok(());
        };
        let frame_max = session.frame_max;
        let Some(channel) = session.channel_mut(number) else {
            return Ok(());
        };
        let tag = channel.next_tag();
        let (message, redelivered) = (entry.message.clone(), entry.redelivered);
        if !no_ack {
            channel.hold(Unacked {
                tag,
                queue: queue_id,
                consumer: None,
                entry: Some(entry),
            });
        }
        frame::put(session.outgoing.buffer(), frame::METHOD, number, |out| {
            out.extend_from_slice(&BASIC.to_be_bytes());
            out.extend_from_slice(&BASIC_GET_OK.to_be_bytes());
            out.extend_from_slice(&tag.to_be_bytes());
            out.push(u8::from(redelivered));
            put_short_string(out, message.exchange.as_bytes());
            put_short_string(out, message.routing_key());
            out.extend_from_slice(&left.to_be_bytes());
        });
        session.outgoing.put_content(number, &message, frame_max);
        Ok(())
    }
}
