//! One queue that is filled from the queue of the same name there.

use std::sync::Arc;

use amq_protocol::frame::WriteContext;
use amq_protocol::protocol::basic::gen_properties;
use futures_core::Stream;
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};

use super::{Failure, IN_FLIGHT};
use crate::broker::publish::message::Message;
use crate::broker::vhost::Vhost;
use crate::broker::vhost::memory::Memory;

pub async fn link(
    channel: &Channel,
    vhost: &Arc<Vhost>,
    memory: &Arc<Memory>,
    queue: &str,
) -> Result<(), Failure> {
    channel.basic_qos(IN_FLIGHT, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let consumer = channel
        .basic_consume(queue.into(), "".into(), options, Default::default())
        .await?;
    let mut consumer = std::pin::pin!(consumer);
    while let Some(delivery) = std::future::poll_fn(|context| consumer.as_mut().poll_next(context)).await {
        let delivery = delivery?;
        memory.resumed().await;
        let written = gen_properties(&delivery.properties)(WriteContext::from(Vec::new()));
        let properties = written.map_err(|_| Failure::Refused)?.into_inner().0;
        let data = [queue.as_bytes(), &properties, &delivery.data].concat();
        let accepted = vhost.with(|state| {
            let id = *state.queue_names.get(queue)?;
            let (exchange, _) = state.exchanges.get_key_value("")?;
            let lengths = (queue.len() as u8, properties.len() as u32);
            let mut message = Message::new(exchange.clone(), data, lengths.0, lengths.1, memory.clone());
            message.read_properties();
            Some(state.enqueue(id, Arc::new(message)))
        });
        if accepted != Some(true) {
            return Err(Failure::Local);
        }
        delivery.ack(BasicAckOptions::default()).await?;
    }
    Err(Failure::Refused)
}
