//! Memory as clients notice it: publishers are blocked, and nothing stays when messages go.

use lapin::options::BasicGetOptions;

use super::*;

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
