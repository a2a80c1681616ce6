//! Bytes that no client would send: each ends the connection as the protocol says, and the broker goes on.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use amq_protocol::protocol::connection::{AMQPMethod, Open, StartOk, TuneOk};
use amq_protocol::types::{AMQPValue, FieldTable};

use super::*;
use crate::amqp::wire::frame;
use crate::amqp::wire::method::{self, AMQPClass};

/// Sends the protocol header and gives back the answer's frame.
pub async fn greeting(socket: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Vec<u8> {
    socket.write_all(frame::PROTOCOL_HEADER).await.unwrap();
    read_frame(socket).await.unwrap()
}

pub async fn read_frame(socket: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut bytes = vec![0; frame::PREFIX_BYTES];
    socket.read_exact(&mut bytes).await.ok()?;
    let size = u32::from_be_bytes(bytes[3..7].try_into().unwrap()) as usize;
    bytes.resize(frame::PREFIX_BYTES + size + 1, 0);
    socket.read_exact(&mut bytes[frame::PREFIX_BYTES..]).await.ok()?;
    Some(bytes)
}

async fn send(socket: &mut TcpStream, method: AMQPMethod) {
    let mut bytes = Vec::new();
    method::encode(&mut bytes, 0, &AMQPClass::Connection(method));
    socket.write_all(&bytes).await.unwrap();
}

/// A socket after the handshake, with channel 1 open, that wants to be told when it is blocked.
pub async fn opened(broker: &Broker) -> TcpStream {
    opened_with(broker, 10).await
}

async fn opened_with(broker: &Broker, channel_max: u16) -> TcpStream {
    let mut socket = socket(broker).await;
    greeting(&mut socket).await;
    let mut capabilities = FieldTable::default();
    capabilities.insert("connection.blocked".into(), AMQPValue::Boolean(true));
    let mut client_properties = FieldTable::default();
    client_properties.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
    let start_ok = StartOk {
        client_properties,
        mechanism: "PLAIN".into(),
        response: "\0guest\0guest".into(),
        locale: "en_US".into(),
    };
    send(&mut socket, AMQPMethod::StartOk(start_ok)).await;
    read_frame(&mut socket).await.unwrap();
    let tune_ok = TuneOk {
        channel_max,
        frame_max: 4096,
        heartbeat: 0,
    };
    send(&mut socket, AMQPMethod::TuneOk(tune_ok)).await;
    let virtual_host = "/".into();
    send(&mut socket, AMQPMethod::Open(Open { virtual_host })).await;
    read_frame(&mut socket).await.unwrap();
    socket
        .write_all(&raw(frame::METHOD, 1, &[0, 20, 0, 10, 0]))
        .await
        .unwrap();
    read_frame(&mut socket).await.unwrap();
    socket
}

pub fn raw(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::put(&mut bytes, kind, channel, |out| out.extend_from_slice(payload));
    bytes
}

/// The code and text of the close that answers `bytes`.
async fn answer(broker: &Broker, bytes: &[u8]) -> (u16, String) {
    let mut socket = opened(broker).await;
    socket.write_all(bytes).await.unwrap();
    let frame = read_frame(&mut socket).await.unwrap();
    match method::decode(&frame[frame::PREFIX_BYTES..frame.len() - 1]).unwrap() {
        AMQPClass::Connection(AMQPMethod::Close(close)) => (close.reply_code, close.reply_text.to_string()),
        AMQPClass::Channel(amq_protocol::protocol::channel::AMQPMethod::Close(close)) => {
            (close.reply_code, close.reply_text.to_string())
        }
        other => panic!("{other:?}"),
    }
}

const PUBLISH: [u8; 10] = [0, 60, 0, 40, 0, 0, 0, 1, b'a', 0];

fn header(body_size: u64, properties: &[u8]) -> Vec<u8> {
    let mut payload = vec![0, 60, 0, 0];
    payload.extend_from_slice(&body_size.to_be_bytes());
    payload.extend_from_slice(properties);
    payload
}

#[test]
fn a_wrong_protocol_header_is_answered_with_ours() {
    run(async {
        let broker = broker();
        for header in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"AMQP\0\x01\0\0",
            b"AMQP\x01\x01\x08\0",
            &[0; 64],
        ] {
            let mut socket = socket(&broker).await;
            socket.write_all(header).await.unwrap();
            let mut answer = Vec::new();
            socket.read_to_end(&mut answer).await.unwrap();
            assert_eq!(answer, frame::PROTOCOL_HEADER);
        }
    });
}

#[test]
fn every_broken_frame_is_answered_with_its_code() {
    run(async {
        let broker = broker();
        let two = |first: Vec<u8>, second: Vec<u8>| [first, second].concat();
        let publish = || raw(frame::METHOD, 1, &PUBLISH);
        let cases = [
            (
                vec![9, 0, 1, 0, 0, 0, 1, 0, 0xce],
                501,
                "FRAME_ERROR - type 9, all octets = <<0>>: unknown_frame",
            ),
            (
                vec![1, 0, 1, 0, 0, 0, 1, 0, 0xcd],
                501,
                "FRAME_ERROR - type 1, all octets = <<0>>: {invalid_frame_end_marker,205}",
            ),
            (
                vec![1, 0, 1, 0xff, 0xff, 0xff, 0xff],
                501,
                "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,4294967295,4088}",
            ),
            (
                raw(frame::METHOD, 1, &[0, 50, 0, 10, 0, 0]),
                501,
                "FRAME_ERROR - cannot decode <<0,0>>",
            ),
            (
                raw(frame::METHOD, 1, &[0, 60, 0, 40, 0]),
                501,
                "FRAME_ERROR - cannot decode <<0>>",
            ),
            (
                raw(frame::METHOD, 1, &[0, 60, 0, 80, 0]),
                501,
                "FRAME_ERROR - cannot decode <<0>>",
            ),
            (
                raw(frame::METHOD, 1, &[0, 20, 0, 99]),
                503,
                "COMMAND_INVALID - unknown method 20.99",
            ),
            (
                raw(frame::METHOD, 1, &[0]),
                503,
                "COMMAND_INVALID - unknown method 0.0",
            ),
            (
                raw(frame::METHOD, 1, &[]),
                503,
                "COMMAND_INVALID - unknown method 0.0",
            ),
            (
                raw(frame::METHOD, 1, &[0, 20, 0, 10, 0]),
                504,
                "CHANNEL_ERROR - second 'channel.open' seen",
            ),
            (
                raw(frame::METHOD, 2, &PUBLISH),
                504,
                "CHANNEL_ERROR - expected 'channel.open'",
            ),
            (
                raw(frame::BODY, 2, &[1]),
                504,
                "CHANNEL_ERROR - expected 'channel.open'",
            ),
            (
                raw(frame::HEADER, 1, &header(0, &[0, 0])),
                505,
                "UNEXPECTED_FRAME - expected method frame, got non method frame instead",
            ),
            (
                raw(frame::BODY, 0, &[1]),
                505,
                "UNEXPECTED_FRAME - expected method frame, got non method frame instead",
            ),
            (
                two(publish(), publish()),
                505,
                "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead",
            ),
            (
                two(publish(), raw(frame::BODY, 1, &[1])),
                505,
                "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead",
            ),
            (
                two(publish(), raw(frame::HEADER, 1, &[0, 60])),
                501,
                "FRAME_ERROR - cannot decode \"<\"",
            ),
            (
                two(
                    two(publish(), raw(frame::HEADER, 1, &header(1, &[0, 0]))),
                    raw(frame::BODY, 1, &[1, 2]),
                ),
                501,
                "FRAME_ERROR - content body is larger than its header says",
            ),
            (
                two(
                    publish(),
                    raw(frame::HEADER, 1, &header(0, &[0x20, 0, 0, 0, 0, 9])),
                ),
                541,
                "INTERNAL_ERROR",
            ),
            (
                two(publish(), raw(frame::HEADER, 1, &header(u64::MAX, &[0, 0]))),
                406,
                "PRECONDITION_FAILED - message size 18446744073709551615 is larger than configured max size \
                 134217728",
            ),
        ];
        for (bytes, code, text) in cases {
            let answer = answer(&broker, &bytes).await;
            // The shortest header frame's octets are text and not text by turns; the code is what counts there.
            let text = if text.ends_with('"') {
                answer.1.clone()
            } else {
                text.to_owned()
            };
            assert_eq!(answer, (code, text), "for {bytes:?}");
        }
        let (_connection, channel) = channel(&broker).await;
        channel
            .queue_declare("alive".into(), Default::default(), Default::default())
            .await
            .unwrap();
    });
}

#[test]
fn the_highest_channel_gives_back_its_messages() {
    run(async {
        let broker = start(Options {
            tcp: tcp(),
            channel_max: 0,
            ..Options::default()
        });
        let (_connection, channel) = channel(&broker).await;
        channel
            .queue_declare("q".into(), Default::default(), Default::default())
            .await
            .unwrap();
        channel
            .basic_publish(
                "".into(),
                "q".into(),
                Default::default(),
                b"m",
                Default::default(),
            )
            .await
            .unwrap();
        let mut socket = opened_with(&broker, 0).await;
        socket
            .write_all(&raw(frame::METHOD, 65535, &[0, 20, 0, 10, 0]))
            .await
            .unwrap();
        read_frame(&mut socket).await.unwrap();
        let get = [0, 60, 0, 70, 0, 0, 1, b'q', 0];
        loop {
            socket.write_all(&raw(frame::METHOD, 65535, &get)).await.unwrap();
            let answer = read_frame(&mut socket).await.unwrap();
            if method::ids(&answer[frame::PREFIX_BYTES..]) == Some((60, 71)) {
                break;
            }
        }
        drop(socket);
        // It is requeued as soon as the broker notices; the test's patience is what bounds this.
        loop {
            let options = lapin::options::BasicGetOptions { no_ack: true };
            if channel.basic_get("q".into(), options).await.unwrap().is_some() {
                break;
            }
        }
    });
}

#[test]
fn a_table_nested_without_end_does_not_take_the_process() {
    run(async {
        let broker = broker();
        let mut table = Vec::new();
        for left in (0..20_000u32).rev() {
            table.extend_from_slice(&[0, b'F']);
            table.extend_from_slice(&(left * 6).to_be_bytes());
        }
        let whole = |arguments: &[u8]| {
            let mut payload = vec![0, 10, 0, 11];
            payload.extend_from_slice(arguments);
            raw(frame::METHOD, 0, &payload)
        };
        let sized = [&(table.len() as u32).to_be_bytes()[..], &table].concat();
        let properties = whole(&[&sized[..], b"\x05PLAIN\0\0\0\x0c\0guest\0guest\x05en_US"].concat());
        let response = whole(&[&[0; 4], &b"\x08AMQPLAIN"[..], &sized, b"\x05en_US"].concat());
        for start_ok in [properties, response] {
            let mut socket = socket(&broker).await;
            greeting(&mut socket).await;
            socket.write_all(&start_ok).await.unwrap();
            let _ = socket.shutdown().await;
            let mut rest = Vec::new();
            let _ = socket.read_to_end(&mut rest).await;
        }
        channel(&broker).await;
    });
}

/// A generator whose numbers are the same in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let count = self.next() % most;
        (0..count).map(|_| self.next() as u8).collect()
    }
}

#[test]
fn random_bytes_end_the_connection_and_nothing_else() {
    run(async {
        let broker = broker();
        let (_connection, channel) = channel(&broker).await;
        let mut random = Random(0x6f78_6970_6300_0001);
        for round in 0..300u64 {
            let mut bytes = random.bytes(300);
            if round % 2 == 0 {
                // Frames that are whole, with arguments that are not: every class and method there is.
                let class = [10, 20, 30, 40, 50, 60, 85, 90][(random.next() % 8) as usize];
                let mut payload = vec![
                    0,
                    class,
                    0,
                    (random.next() % 13) as u8 * 10 + (random.next() % 3) as u8,
                ];
                payload.extend_from_slice(&bytes);
                bytes = raw(1 + (random.next() % 3) as u8, (round % 4 / 2) as u16, &payload);
            }
            let mut socket = opened(&broker).await;
            // It may be closed before all is written.
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
            let mut rest = Vec::new();
            let _ = socket.read_to_end(&mut rest).await;
        }
        channel
            .queue_declare("alive".into(), Default::default(), Default::default())
            .await
            .unwrap();
    });
}

#[test]
fn before_it_has_logged_in_a_client_sends_small_frames_only() {
    run(async {
        let broker = start(Options {
            tcp: tcp(),
            frame_max: u32::MAX,
            ..Options::default()
        });
        let mut socket = socket(&broker).await;
        greeting(&mut socket).await;
        // The beginning says already that the rest would be too much.
        let mut large = vec![frame::METHOD, 0, 0];
        large.extend_from_slice(&(frame::MIN_FRAME_MAX + 1).to_be_bytes());
        socket.write_all(&large).await.unwrap();
        assert_eq!(read_frame(&mut socket).await, None);
    });
}
