//! The broker as its clients see it: lapin over real sockets, and bytes that no client would send.

mod clients;
mod limits;
mod malformed;
mod memory;
mod socket_file;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lapin::{Channel, Connection, ConnectionProperties};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Broker, Options, TcpAddress};
use crate::runtime::runtime;

/// Long enough for a busy machine; no test waits it out unless it fails.
const PATIENCE: Duration = Duration::from_secs(20);

fn tcp() -> Option<TcpAddress> {
    Some(TcpAddress {
        host: [127, 0, 0, 1].into(),
        port: 0,
    })
}

fn start(options: Options) -> Broker {
    Broker::start(options, |_| {})
        .map_err(|error| error.to_string())
        .unwrap()
}

fn broker() -> Broker {
    start(Options {
        tcp: tcp(),
        ..Options::default()
    })
}

/// Runs a test on the shared runtime, and not for ever.
fn run<T>(test: impl Future<Output = T>) -> T {
    runtime()
        .unwrap()
        .block_on(async { timeout(PATIENCE, test).await.unwrap() })
}

fn url(broker: &Broker) -> String {
    format!("amqp://guest:guest@{}/%2f", broker.address().unwrap())
}

async fn connect(broker: &Broker) -> Connection {
    Connection::connect(&url(broker), ConnectionProperties::default())
        .await
        .unwrap()
}

async fn channel(broker: &Broker) -> (Connection, Channel) {
    let connection = connect(broker).await;
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

async fn socket(broker: &Broker) -> TcpStream {
    let socket = TcpStream::connect(broker.address().unwrap()).await.unwrap();
    // Two small writes in a row would otherwise wait for the acknowledgement of the first.
    socket.set_nodelay(true).unwrap();
    socket
}

/// A path in the temporary folder that nobody else has.
fn temporary_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("oxipc-broker-test-{}-{next}.sock", std::process::id()))
}

/// The reply code and text of an error of lapin's.
fn reply<T: std::fmt::Debug>(result: lapin::Result<T>) -> (u16, String) {
    match result.unwrap_err().kind() {
        lapin::ErrorKind::ProtocolError(error) => (error.get_id(), error.get_message().to_string()),
        other => panic!("{other:?}"),
    }
}
