//! Memory as clients notice it: publishers are blocked, and nothing stays when messages go.

use lapin::options::BasicGetOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::malformed::{opened, raw};

use super::*;
use crate::amqp::wire::frame;

#[test]
fn publishers_wait_while_memory_is_full_and_consumers_go_on() {
    run(async {
        let broker = start(Options {
            tcp: tcp(),
            memory_high_watermark: 1_000_000,
            ..Options::default()
        });
        let (_publishing, publisher) = channel(&broker).await;
        let (_consuming, consumer) = channel(&broker).await;
        publisher
            .queue_declare("q".into(), Default::default(), Default::default())
            .await
            .unwrap();
        // lapin holds publishes back while it is told to.
        let publishing = tokio::spawn(async move {
            let body = vec![0; 10_000];
            for _ in 0..300 {
                publisher
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
        });
        // Every message arrives in the end, though three times the limit was sent.
        let mut got = 0;
        while got < 300 {
            let options = BasicGetOptions { no_ack: true };
            match consumer.basic_get("q".into(), options).await.unwrap() {
                Some(_) => got += 1,
                None => tokio::task::yield_now().await,
            }
        }
        publishing.await.unwrap();
    });
}

/// Waits until nobody has the exclusive queue any more.
async fn declared_again(broker: &Broker, queue: &str) {
    loop {
        let (_connection, probe) = channel(broker).await;
        let exclusive = lapin::options::QueueDeclareOptions {
            exclusive: true,
            ..Default::default()
        };
        // Refused (405) while another connection has it.
        if probe
            .queue_declare(queue.into(), exclusive, Default::default())
            .await
            .is_ok()
        {
            return;
        }
    }
}

#[test]
fn a_blocked_client_that_goes_is_noticed_though_it_left_bytes_unread() {
    run(async {
        let broker = start(Options {
            tcp: tcp(),
            memory_high_watermark: 10_000,
            ..Options::default()
        });
        let mut client = opened(&broker).await;
        // queue.declare of "mine", exclusive, without an answer; then a message larger than the limit, and another.
        let declare = [&[0, 50, 0, 10, 0, 0, 4][..], b"mine", &[0b10100, 0, 0, 0, 0]].concat();
        client.write_all(&raw(frame::METHOD, 1, &declare)).await.unwrap();
        let publish = [&[0, 60, 0, 40, 0, 0, 0, 4][..], b"mine", &[0]].concat();
        let header = [&[0, 60, 0, 0][..], &20_000_u64.to_be_bytes(), &[0, 0]].concat();
        let message = [
            raw(frame::METHOD, 1, &publish),
            raw(frame::HEADER, 1, &header),
            raw(frame::BODY, 1, &[0; 20_000]),
        ]
        .concat();
        client.write_all(&message).await.unwrap();
        // Its answer says that the message has been taken: from here on the client is to wait.
        let passive = [&[0, 50, 0, 10, 0, 0, 4][..], b"mine", &[0b00001, 0, 0, 0, 0]].concat();
        client.write_all(&raw(frame::METHOD, 1, &passive)).await.unwrap();
        let mut answer = [0; 64];
        assert!(client.read(&mut answer).await.unwrap() > 0);
        client.write_all(&message).await.unwrap();
        // As much as goes in: most of it is never read.
        let _ = client.try_write(&vec![0; 1 << 20]);
        drop(client);
        declared_again(&broker, "mine").await;
    });
}

#[test]
fn a_message_that_never_becomes_whole_holds_others_back_until_its_client_goes() {
    run(async {
        let broker = start(Options {
            tcp: tcp(),
            memory_high_watermark: 100_000,
            ..Options::default()
        });
        let mut client = opened(&broker).await;
        let publish = [&[0, 60, 0, 40, 0, 0, 0, 1][..], b"q", &[0]].concat();
        let header = [&[0, 60, 0, 0][..], &1_000_000_u64.to_be_bytes(), &[0, 0]].concat();
        client
            .write_all(&[raw(frame::METHOD, 1, &publish), raw(frame::HEADER, 1, &header)].concat())
            .await
            .unwrap();
        let (connection, publisher) = channel(&broker).await;
        publisher
            .queue_declare("q".into(), Default::default(), Default::default())
            .await
            .unwrap();
        publisher.confirm_select(Default::default()).await.unwrap();
        let mut confirmed = 0;
        // The first may be read before the header is; the client's first publish counts once it has been.
        while !connection.status().blocked() && confirmed < 1000 {
            publisher
                .basic_publish(
                    "".into(),
                    "q".into(),
                    Default::default(),
                    &[0; 10],
                    Default::default(),
                )
                .await
                .unwrap();
            confirmed += 1;
            tokio::task::yield_now().await;
        }
        assert!(connection.status().blocked(), "{confirmed} messages passed");
        drop(client);
        while connection.status().blocked() {
            tokio::task::yield_now().await;
        }
    });
}
