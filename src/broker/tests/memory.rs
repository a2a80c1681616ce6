//! Memory as clients notice it: publishers are blocked, and nothing stays when messages go.

use lapin::options::BasicGetOptions;
use tokio::io::{AsyncRead, AsyncWriteExt};

use super::malformed::{opened, raw, read_frame};

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

/// Reads connection.blocked and nothing else.
async fn told_blocked(client: &mut (impl AsyncRead + Unpin)) {
    let reason = b"low on memory";
    let blocked = [&[0, 10, 0, 60, reason.len() as u8][..], reason].concat();
    assert_eq!(read_frame(client).await.unwrap(), raw(frame::METHOD, 0, &blocked));
}

async fn told_unblocked(client: &mut (impl AsyncRead + Unpin)) {
    let unblocked = raw(frame::METHOD, 0, &[0, 10, 0, 61]);
    assert_eq!(read_frame(client).await.unwrap(), unblocked);
}

/// The method and the header of a publish of `len` bytes on channel 1.
fn announced(queue: &str, len: usize) -> Vec<u8> {
    let key = [&[queue.len() as u8][..], queue.as_bytes()].concat();
    let method = [&[0, 60, 0, 40, 0, 0, 0][..], &key, &[0]].concat();
    let header = [&[0, 60, 0, 0][..], &(len as u64).to_be_bytes(), &[0, 0]].concat();
    [raw(frame::METHOD, 1, &method), raw(frame::HEADER, 1, &header)].concat()
}

/// The whole of it.
fn publish(queue: &str, len: usize) -> Vec<u8> {
    let mut frames = announced(queue, len);
    // The largest frame is 4096 bytes.
    for part in vec![0; len].chunks(4000) {
        frames.extend(raw(frame::BODY, 1, part));
    }
    frames
}

#[test]
fn who_fills_memory_is_told_at_once_and_who_published_before_may_go_on_with_all_else() {
    run(async {
        let broker = start(Options {
            tcp: tcp(),
            memory_high_watermark: 100_000,
            ..Options::default()
        });
        let (_connection, earlier) = channel(&broker).await;
        let declared = earlier
            .queue_declare("q".into(), Default::default(), Default::default())
            .await;
        assert!(declared.is_ok());
        let options = Default::default();
        earlier.confirm_select(Default::default()).await.unwrap();
        let confirm = earlier
            .basic_publish("".into(), "q".into(), options, &[0; 10], Default::default())
            .await
            .unwrap();
        confirm.await.unwrap();
        let unsettled = earlier.basic_get("q".into(), Default::default()).await.unwrap();

        let mut client = opened(&broker).await;
        client.write_all(&publish("q", 30_000)).await.unwrap();
        client.write_all(&publish("q", 30_000)).await.unwrap();
        client.write_all(&publish("q", 40_000)).await.unwrap();
        // Nothing more is sent.
        told_blocked(&mut client).await;

        let tag = unsettled.unwrap().delivery_tag;
        earlier.basic_ack(tag, Default::default()).await.unwrap();
        let purged = earlier.queue_purge("q".into(), Default::default()).await.unwrap();
        assert_eq!(purged, 3);
        told_unblocked(&mut client).await;
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
            memory_high_watermark: 20_000,
            ..Options::default()
        });
        let mut client = opened(&broker).await;
        // queue.declare of "mine", exclusive, without an answer; then a message larger than the limit, and another.
        let declare = [&[0, 50, 0, 10, 0, 0, 4][..], b"mine", &[0b10100, 0, 0, 0, 0]].concat();
        client.write_all(&raw(frame::METHOD, 1, &declare)).await.unwrap();
        let message = publish("mine", 40_000);
        client.write_all(&message).await.unwrap();
        // The message has been taken: from here on the client is to wait.
        told_blocked(&mut client).await;
        // What the kernel takes without anybody reading it: else it would keep the client's end back, too.
        client.write_all(&message).await.unwrap();
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
        client.write_all(&announced("q", 1_000_000)).await.unwrap();
        // The first may be read before the header is; what nobody reads any more waits.
        let (mut reading, mut writing) = opened(&broker).await.into_split();
        let publishing = async {
            loop {
                writing.write_all(&publish("nowhere", 10)).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = publishing => {}
            () = told_blocked(&mut reading) => {}
        }
        drop(client);
        told_unblocked(&mut reading).await;
    });
}
