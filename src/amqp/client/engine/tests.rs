//! An engine against scripted peers, through both ends of a connection.

use std::sync::mpsc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::super::connection::Connection;
use super::super::order;
use super::super::scripted_peer::{kinds, listen, open, options, records};
use super::*;
use crate::amqp::wire::{content, frame};

/// basic.deliver with its content, cut into body frames of `piece` bytes.
fn delivery(channel: u16, tag: u64, body: &[u8], piece: usize) -> Vec<u8> {
    let mut out = Vec::new();
    frame::put(&mut out, frame::METHOD, channel, |out| {
        out.extend_from_slice(&[0, 60, 0, 60, 1, b'c']);
        out.extend_from_slice(&tag.to_be_bytes());
        out.extend_from_slice(&[0, 0, 1, b'q']);
    });
    content::put(&mut out, channel, &[0, 0], body, piece as u32 + 8);
    out
}

#[test]
fn messages_arrive_whole_however_they_are_cut() {
    let port = listen(|mut stream| async move {
        open(&mut stream).await;
        let mut wire = Vec::new();
        for tag in 1..=5 {
            wire.extend(delivery(1, tag, &[7; 100], 30));
            wire.extend(delivery(2, tag, &[8; 20_000], 4096));
        }
        for piece in wire.chunks(777) {
            stream.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let records = records(port);
    let deliveries = kinds(&records).into_iter().filter(|&kind| kind == 1).count();
    assert_eq!(deliveries, 10);
}

#[test]
fn a_peer_that_ends_or_sends_nonsense_is_an_end() {
    for nonsense in [&b""[..], b"\x09garbage", b"\x01\0\0\0\0\0\x01\0\0"] {
        let port = listen(move |mut stream| async move {
            open(&mut stream).await;
            stream.write_all(nonsense).await.unwrap();
        });
        assert_eq!(kinds(&records(port)), [7, 8], "{nonsense:?}");
    }
}

#[test]
fn frames_out_of_order_are_told_and_forgotten() {
    let port = listen(|mut stream| async move {
        open(&mut stream).await;
        let whole = delivery(1, 1, b"x", 4096);
        let head = whole.len() - 9;
        let mut wire = whole[head..].to_vec();
        wire.extend_from_slice(&whole[..head]);
        wire.extend_from_slice(&whole);
        wire.extend_from_slice(&whole);
        stream.write_all(&wire).await.unwrap();
    });
    // A body of nothing; a delivery in place of a body, then its header and body; a whole message.
    assert_eq!(kinds(&records(port)), [7, 11, 11, 11, 11, 1, 8]);
}

/// METHOD orders: head, length, payload.
fn order_of(size: usize) -> Vec<u8> {
    let mut order = (u32::from(order::METHOD) | 1 << 16).to_ne_bytes().to_vec();
    order.extend_from_slice(&(size as u32).to_ne_bytes());
    order.resize(order.len() + size, 0);
    order
}

/// Bytes that come before the stream ends or is reset.
async fn count_rest(stream: &mut tokio::net::TcpStream) -> usize {
    let (mut bytes, mut count) = (vec![0; 1 << 20], 0);
    while let Ok(more @ 1..) = stream.read(&mut bytes).await {
        count += more;
    }
    count
}

/// An end loses nothing that was submitted before: of a peer that reads only once it is read, or that goes on sending.
#[test]
fn an_end_is_told_when_the_peer_has_all() {
    const SENT: usize = 20 << 20;
    for heartbeats in [0, 2000] {
        let (tell, told) = mpsc::channel();
        let port = listen(move |mut stream| async move {
            open(&mut stream).await;
            if heartbeats == 0 {
                stream
                    .write_all(&delivery(1, 1, &vec![7; SENT], 4096))
                    .await
                    .unwrap();
            }
            for _ in 0..heartbeats {
                stream.write_all(&frame::HEARTBEAT_FRAME).await.unwrap();
                tokio::task::yield_now().await;
            }
            tell.send(count_rest(&mut stream).await).unwrap();
        });
        let (wake, woken) = mpsc::channel();
        let connection = Connection::open(options(port), move || {
            let _ = wake.send(());
        });
        woken.recv().unwrap();
        let size = if heartbeats == 0 { SENT } else { 100_000 };
        connection.submit(&order_of(size), None);
        connection.end();
        assert!(told.recv_timeout(Duration::from_secs(30)).unwrap() > size);
    }
}

#[test]
fn a_connection_let_go_closes_though_its_peer_does_not_read() {
    let (tell, told) = mpsc::channel();
    let (let_go, go_on) = oneshot::channel();
    let port = listen(|mut stream| async move {
        open(&mut stream).await;
        go_on.await.unwrap();
        // All that the sockets hold, then the end: without it this would be 20 MB.
        tell.send(count_rest(&mut stream).await).unwrap();
    });
    let (wake, woken) = mpsc::channel();
    let connection = Connection::open(options(port), move || {
        let _ = wake.send(());
    });
    woken.recv().unwrap();
    let order = order_of(20 << 20);
    connection.submit(&order, None);
    while !connection.shared.outbox.is_stuck() {
        std::thread::yield_now();
    }
    drop(connection);
    let_go.send(()).unwrap();
    assert!(told.recv_timeout(Duration::from_secs(30)).unwrap() < order.len());
}

/// A large order takes the way through the task, a small one leaves directly when that is done.
#[test]
fn what_leaves_directly_overtakes_nothing() {
    const ORDERS: u32 = 2000;
    // METHOD orders: head, length, payload; every ninth is too large to leave directly.
    let order = |number: u32| {
        let size = if number.is_multiple_of(9) { 6000 } else { 40 };
        let mut payload = vec![0; size];
        payload[4..8].copy_from_slice(&number.to_be_bytes());
        let mut order = (u32::from(order::METHOD) | 1 << 16).to_ne_bytes().to_vec();
        order.extend_from_slice(&(size as u32).to_ne_bytes());
        order.extend(payload);
        order
    };
    let (tell, told) = mpsc::channel();
    let port = listen(move |mut stream| async move {
        open(&mut stream).await;
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            bytes.extend_from_slice(&buffer[..count]);
            while let Some(cut) = frame::cut(&bytes, 0).unwrap() {
                tell.send(u32::from_be_bytes(cut.payload[4..8].try_into().unwrap()))
                    .unwrap();
                bytes.drain(..cut.wire_len());
            }
        }
    });
    let (wake, woken) = mpsc::channel();
    let connection = Connection::open(options(port), move || {
        let _ = wake.send(());
    });
    woken.recv().unwrap();
    for number in 0..ORDERS {
        connection.submit(&order(number), None);
    }
    for number in 0..ORDERS {
        assert_eq!(told.recv_timeout(Duration::from_secs(30)), Ok(number));
    }
}

/// Whatever a peer sends, the task ends with a record and without a panic. 300 connections, truncated and damaged.
#[test]
fn damaged_streams_end_in_order() {
    let mut seed = 42_u64;
    let mut random = move || {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 33) as usize
    };
    for round in 0..300 {
        let mut wire = Vec::new();
        for tag in 1..=3 {
            wire.extend(delivery(1, tag, &vec![9; random() % 300], 1 + random() % 100));
        }
        for _ in 0..=random() % 4 {
            let at = random() % wire.len();
            wire[at] = random() as u8;
        }
        wire.truncate(random() % (wire.len() + 1));
        if round % 3 == 0 {
            wire.splice(
                0..0,
                (0..random() % 64).map(|_| random() as u8).collect::<Vec<_>>(),
            );
        }
        let handshake = round % 5 != 0;
        let port = listen(move |mut stream| async move {
            if handshake {
                open(&mut stream).await;
            } else {
                let mut header = [0; 8];
                stream.read_exact(&mut header).await.unwrap();
            }
            // The engine may have seen enough before it has all.
            let _ = stream.write_all(&wire).await;
        });
        assert_eq!(kinds(&records(port)).last(), Some(&8));
    }
}
