//! One queue that empties into the queue of the same name there.

use std::collections::VecDeque;
use std::sync::Arc;

use amq_protocol::protocol::basic::parse_properties;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};

use lapin::{Channel, Confirmation, PublisherConfirm};

use super::local::Local;
use super::{Failure, IN_FLIGHT};
use crate::broker::vhost::Vhost;
use crate::broker::vhost::memory::Memory;

pub async fn link(
    channel: &Channel,
    vhost: Arc<Vhost>,
    memory: &Arc<Memory>,
    queue: &str,
) -> Result<(), Failure> {
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut local = Local::consume(vhost, memory, queue, IN_FLIGHT)?;
    let mut unconfirmed: VecDeque<(u64, PublisherConfirm)> = VecDeque::new();
    loop {
        tokio::select! {
            confirmed = first(&mut unconfirmed), if !unconfirmed.is_empty() => {
                // A returned message is confirmed too, and lost all the same.
                let Confirmation::Ack(None) = confirmed? else {
                    return Err(Failure::Refused);
                };
                if let Some((tag, _)) = unconfirmed.pop_front() {
                    local.ack(tag);
                }
            }
            delivery = local.delivery() => {
                let delivery = delivery?;
                // It was checked when it was published here.
                let (_, properties) = parse_properties(&delivery.properties[..]).map_err(|_| Failure::Local)?;
                let options = BasicPublishOptions { mandatory: true, ..Default::default() };
                let confirm =
                    channel.basic_publish("".into(), queue.into(), options, &delivery.body, properties).await?;
                unconfirmed.push_back((delivery.tag, confirm));
            }
        }
    }
}

async fn first(unconfirmed: &mut VecDeque<(u64, PublisherConfirm)>) -> lapin::Result<Confirmation> {
    match unconfirmed.front_mut() {
        Some((_, confirm)) => confirm.await,
        None => std::future::pending().await,
    }
}
