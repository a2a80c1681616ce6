//! A peer for tests: opens connections as a broker does and otherwise sends what a test says.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::connection::Connection;
use super::options::{Address, ConnectOptions};
use crate::amqp::wire::frame;

pub fn options(port: u16) -> ConnectOptions {
    ConnectOptions {
        address: Address::Tcp(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))]),
        local_address: None,
        local_port: None,
        attempt_timeout: Duration::from_millis(250),
        timeout: Some(Duration::from_secs(10)),
        no_delay: true,
        keep_alive: None,
        tls: None,
        mechanism: "PLAIN".into(),
        response: b"\0guest\0guest".to_vec(),
        client_properties: vec![0; 4],
        locale: "en_US".into(),
        virtual_host: "/".into(),
        frame_max: 131_072,
        channel_max: 0,
        heartbeat: Some(0),
        max_frame_size: None,
    }
}

/// A method frame on channel 0 of class connection.
pub fn method(id: u16, arguments: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::put(&mut out, frame::METHOD, 0, |out| {
        out.extend_from_slice(&[0, 10]);
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(arguments);
    });
    out
}

pub fn start() -> Vec<u8> {
    let mut arguments = vec![0, 9, 0, 0, 0, 0, 0, 0, 0, 5];
    arguments.extend_from_slice(b"PLAIN\0\0\0\x05en_US");
    method(10, &arguments)
}

/// Listens for one connection, which `talk` serves on the shared runtime.
pub fn listen<F>(talk: impl FnOnce(TcpStream) -> F + Send + 'static) -> u16
where
    F: Future<Output = ()> + Send,
{
    let (tell, port) = mpsc::channel();
    crate::runtime::runtime().unwrap().spawn(async move {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        tell.send(listener.local_addr().unwrap().port()).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        talk(stream).await;
    });
    port.recv().unwrap()
}

/// The broker's side of the handshake.
pub async fn open(stream: &mut TcpStream) {
    stream.read_exact(&mut [0; 8]).await.unwrap();
    stream.write_all(&start()).await.unwrap();
    skip_frame(stream).await; // start-ok
    let tune = method(30, &[0x07, 0xff, 0, 2, 0, 0, 0, 0]);
    stream.write_all(&tune).await.unwrap();
    skip_frame(stream).await; // tune-ok
    skip_frame(stream).await; // open
    stream.write_all(&method(41, &[0])).await.unwrap();
}

async fn skip_frame(stream: &mut TcpStream) {
    let mut head = [0; 7];
    stream.read_exact(&mut head).await.unwrap();
    let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
    let mut rest = vec![0; length as usize + 1];
    stream.read_exact(&mut rest).await.unwrap();
}

/// All records until the connection has ended.
pub fn records(port: u16) -> Vec<u8> {
    let (wake, woken) = mpsc::channel();
    let connection = Connection::open(options(port), move || {
        let _ = wake.send(());
    });
    let mut all = Vec::new();
    loop {
        while let Some((batch, _)) = connection.take() {
            all.extend_from_slice(&batch.records);
            if kinds(&all).last() == Some(&8) {
                return all;
            }
        }
        woken.recv_timeout(Duration::from_secs(30)).unwrap();
    }
}

/// The kinds of packed records, in order.
pub fn kinds(records: &[u8]) -> Vec<u8> {
    split(records).map(|record| record[0]).collect()
}

/// Packed records, one by one; the first octet is the kind.
pub fn split(mut records: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let words = u32::from_ne_bytes(records.get(4..8)?.try_into().unwrap());
        let (first, rest) = records.split_at(words as usize * 4);
        records = rest;
        Some(first)
    })
}
