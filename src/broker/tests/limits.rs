//! What is bounded: deliveries to a client that does not read, channels, frames.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::malformed::{opened, raw};
use super::*;
use crate::amqp::wire::frame;

#[test]
fn a_consumer_that_does_not_read_leaves_its_messages_in_the_queue() {
    run(async {
        let broker = broker();
        let (_connection, channel) = channel(&broker).await;
        channel
            .queue_declare("q".into(), Default::default(), Default::default())
            .await
            .unwrap();
        let mut lazy = opened(&broker).await;
        let consume = [&[0, 60, 0, 20, 0, 0, 1, b'q', 1, b't', 2][..], &[0; 4]].concat();
        lazy.write_all(&raw(frame::METHOD, 1, &consume)).await.unwrap();
        let body = vec![1; 100_000];
        for _ in 0..400 {
            channel
                .basic_publish(
                    "".into(),
                    "q".into(),
                    Default::default(),
                    &body,
                    Default::default(),
                )
                .await
                .unwrap();
        }
        let passive = lapin::options::QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        // 40 MB were sent; the socket's buffers and ours hold some, the queue holds the rest.
        let queue = channel
            .queue_declare("q".into(), passive, Default::default())
            .await
            .unwrap();
        assert!(queue.message_count() > 200, "{} left", queue.message_count());
        let mut left = 400usize * 100_000;
        let mut bytes = vec![0; 1 << 20];
        while left > 0 {
            left = left.saturating_sub(lazy.read(&mut bytes).await.unwrap());
        }
    });
}
