//! What lapin, an independent client, gets from the broker.

use futures_lite::StreamExt;
use lapin::options::*;
use lapin::types::FieldTable;
use lapin::{BasicProperties, Confirmation};

use super::*;

#[test]
fn messages_are_routed_confirmed_consumed_and_acknowledged() {
    run(async {
        let broker = broker();
        let (_connection, channel) = channel(&broker).await;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .unwrap();
        let queue = channel
            .queue_declare(
                "jobs".into(),
                QueueDeclareOptions::default(),
                FieldTable::default(),
            )
            .await
            .unwrap();
        channel
            .queue_bind(
                "jobs".into(),
                "amq.direct".into(),
                "key".into(),
                Default::default(),
                Default::default(),
            )
            .await
            .unwrap();
        for body in 0..100u8 {
            let confirmation = channel
                .basic_publish(
                    "amq.direct".into(),
                    "key".into(),
                    BasicPublishOptions::default(),
                    &[body],
                    BasicProperties::default().with_message_id(body.to_string().into()),
                )
                .await
                .unwrap()
                .await
                .unwrap();
            assert!(matches!(confirmation, Confirmation::Ack(None)));
        }
        let mut consumer = channel
            .basic_consume(
                queue.name().clone(),
                "tag".into(),
                Default::default(),
                Default::default(),
            )
            .await
            .unwrap();
        for body in 0..100u8 {
            let delivery = consumer.next().await.unwrap().unwrap();
            assert_eq!(delivery.data, [body]);
            assert_eq!(delivery.delivery_tag, u64::from(body) + 1);
            delivery.ack(BasicAckOptions::default()).await.unwrap();
        }
        let left = channel
            .queue_delete("jobs".into(), QueueDeleteOptions::default())
            .await
            .unwrap();
        assert_eq!(left, 0);
    });
}

#[test]
fn a_unix_socket_carries_the_same_protocol() {
    run(async {
        let path = temporary_path();
        let broker = start(Options {
            path: Some(path.clone()),
            ..Options::default()
        });
        let mut socket = tokio::net::UnixStream::connect(&path).await.unwrap();
        let greeting = super::malformed::greeting(&mut socket).await;
        assert_eq!(&greeting[7..11], [0, 10, 0, 10]);
        drop(broker);
    });
}

#[test]
fn an_unroutable_mandatory_message_comes_back_with_its_confirm() {
    run(async {
        let broker = broker();
        let (_connection, channel) = channel(&broker).await;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .unwrap();
        let options = BasicPublishOptions {
            mandatory: true,
            ..Default::default()
        };
        let confirmation = channel
            .basic_publish(
                "".into(),
                "nowhere".into(),
                options,
                b"body",
                BasicProperties::default(),
            )
            .await
            .unwrap()
            .await
            .unwrap();
        let Confirmation::Ack(Some(returned)) = confirmation else {
            panic!("{confirmation:?}");
        };
        assert_eq!(
            (returned.reply_code, returned.delivery.data.as_slice()),
            (312, &b"body"[..])
        );
    });
}

#[test]
fn prefetch_bounds_what_a_consumer_holds() {
    run(async {
        let broker = broker();
        let (_connection, channel) = channel(&broker).await;
        channel.basic_qos(3, BasicQosOptions::default()).await.unwrap();
        channel
            .queue_declare("q".into(), Default::default(), Default::default())
            .await
            .unwrap();
        for body in 0..10u8 {
            channel
                .basic_publish(
                    "".into(),
                    "q".into(),
                    Default::default(),
                    &[body],
                    Default::default(),
                )
                .await
                .unwrap();
        }
        let mut consumer = channel
            .basic_consume("q".into(), "".into(), Default::default(), Default::default())
            .await
            .unwrap();
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(consumer.next().await.unwrap().unwrap());
        }
        let passive = QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let queue = channel
            .queue_declare("q".into(), passive, Default::default())
            .await
            .unwrap();
        assert_eq!((queue.message_count(), queue.consumer_count()), (7, 1));
        held[0].ack(BasicAckOptions::default()).await.unwrap();
        assert_eq!(consumer.next().await.unwrap().unwrap().data, [3]);
    });
}

#[test]
fn a_wrong_password_and_a_wrong_vhost_are_refused() {
    run(async {
        let broker = broker();
        let wrong = url(&broker).replace("guest:guest", "guest:wrong");
        let refused = Connection::connect(&wrong, ConnectionProperties::default()).await;
        let (code, text) = reply(refused.map(|_| ()));
        assert_eq!(code, 403);
        assert_eq!(
            text,
            "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker \
             logfile."
        );
        let nowhere = url(&broker).replace("%2f", "nowhere");
        let refused = Connection::connect(&nowhere, ConnectionProperties::default()).await;
        assert_eq!(
            reply(refused.map(|_| ())),
            (530, "NOT_ALLOWED - vhost nowhere not found".into())
        );
    });
}

#[test]
fn an_exclusive_queue_is_its_connections_own_and_goes_with_it() {
    run(async {
        let broker = broker();
        let (first, own) = channel(&broker).await;
        let (_second, other) = channel(&broker).await;
        let exclusive = QueueDeclareOptions {
            exclusive: true,
            ..Default::default()
        };
        own.queue_declare("mine".into(), exclusive, Default::default())
            .await
            .unwrap();
        let refused = other.basic_get("mine".into(), Default::default()).await;
        assert_eq!(reply(refused.map(|_| ())).0, 405);
        first.close(200, "".into()).await.unwrap();
        let (_third, third) = channel(&broker).await;
        let refused = third.basic_get("mine".into(), Default::default()).await;
        assert_eq!(
            reply(refused.map(|_| ())),
            (404, "NOT_FOUND - no queue 'mine' in vhost '/'".into())
        );
    });
}

#[test]
fn a_closing_broker_tells_its_clients_why() {
    run(async {
        let broker = broker();
        let (_connection, channel) = channel(&broker).await;
        broker.close();
        broker.closed().await;
        let gone = channel.basic_get("q".into(), Default::default()).await;
        assert!(gone.is_err());
        assert!(TcpStream::connect(broker.address().unwrap()).await.is_err());
    });
}
