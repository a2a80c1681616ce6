//! The bridge to a RabbitMQ: queues here that empty into queues there (`forward`), and the other way round (`fetch`).
//!
//! One task per direction holds one lapin connection and a link per queue. A link acknowledges a message on the side it
//! came from only when the other side has it; when anything fails, all links of the direction end, what they had not
//! acknowledged goes back to its place, and the direction begins again after a pause. So every message arrives at least
//! once. The tasks end with the broker.

mod fetch;
mod forward;
mod local;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use amq_protocol::types::FieldTable;
use lapin::options::QueueDeclareOptions;
use lapin::{Connection, ConnectionProperties};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::broker::queue::QueueSpec;
use crate::broker::vhost::Vhost;
use crate::broker::vhost::memory::Memory;

/// Messages per queue that are on their way and not confirmed.
const IN_FLIGHT: u16 = 500;
/// The pause after a failure; it doubles with every further one up to `BACK_OFF_MAX`, and begins anew after a connection
/// that held for that long.
const BACK_OFF: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a connection is asked whether it still is one.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Queues and the RabbitMQ that has the other end of each, under the same name.
#[derive(Debug, Clone)]
pub struct Link {
    /// Of this broker.
    pub vhost: String,
    /// amqp: or amqps:, with credentials and vhost.
    pub url: String,
    pub queues: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Fetch,
}

/// What became of an attempt; the next follows after a failure.
#[derive(Debug, Clone)]
pub struct Report {
    pub direction: Direction,
    /// Why it failed; none when it is open.
    pub failure: Option<String>,
}

/// Why a direction begins again.
#[derive(Debug)]
enum Failure {
    Remote(lapin::Error),
    /// RabbitMQ did not take a message, or its queue is gone.
    Refused,
    /// The queue here is gone, or full.
    Local,
    Timeout,
    /// The connection is gone, and a call on it has not noticed.
    Lost,
}

impl From<lapin::Error> for Failure {
    fn from(error: lapin::Error) -> Failure {
        Failure::Remote(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Remote(error) => write!(f, "{error}"),
            Failure::Refused => f.write_str("a message was refused there"),
            Failure::Local => f.write_str("the queue here is gone or full"),
            Failure::Timeout => f.write_str("no answer in time"),
            Failure::Lost => f.write_str("the connection was lost"),
        }
    }
}

/// Runs one direction for as long as the broker does, and tells `report` of every change.
pub async fn run(
    direction: Direction,
    link: Link,
    vhost: Arc<Vhost>,
    memory: Arc<Memory>,
    report: impl Fn(Report),
) {
    let mut back_off = BACK_OFF;
    loop {
        let began = Instant::now();
        let opened = || {
            report(Report {
                direction,
                failure: None,
            });
        };
        if let Err(failure) = attempt(direction, &link, &vhost, &memory, opened).await {
            report(Report {
                direction,
                failure: Some(failure.to_string()),
            });
        }
        if began.elapsed() > BACK_OFF_MAX {
            back_off = BACK_OFF;
        }
        sleep(back_off).await;
        back_off = (back_off * 2).min(BACK_OFF_MAX);
    }
}

/// Connects and runs every link until the first fails.
async fn attempt(
    direction: Direction,
    link: &Link,
    vhost: &Arc<Vhost>,
    memory: &Arc<Memory>,
    opened: impl FnOnce(),
) -> Result<(), Failure> {
    let connecting = Connection::connect(&link.url, ConnectionProperties::default());
    let connection = timeout(CONNECT_TIMEOUT, connecting)
        .await
        .map_err(|_| Failure::Timeout)??;
    let run = async {
        let mut links = JoinSet::new();
        for queue in &link.queues {
            let (durable, arguments) = declare_here(vhost, queue).ok_or(Failure::Local)?;
            let declared = declare_there(&connection, queue, durable, arguments);
            timeout(CONNECT_TIMEOUT, declared)
                .await
                .map_err(|_| Failure::Timeout)??;
            let channel = connection.create_channel().await?;
            let (queue, vhost, memory) = (queue.clone(), vhost.clone(), memory.clone());
            links.spawn(async move {
                match direction {
                    Direction::Forward => forward::link(&channel, vhost, &memory, &queue).await,
                    Direction::Fetch => fetch::link(&channel, &vhost, &memory, &queue).await,
                }
            });
        }
        opened();
        // Dropping the set ends the other links.
        match links.join_next().await {
            Some(Ok(Err(failure))) => Err(failure),
            _ => Ok(()),
        }
    };
    let outcome = tokio::select! {
        outcome = run => outcome,
        () = lost(&connection) => Err(Failure::Lost),
    };
    let _ = timeout(CONNECT_TIMEOUT, connection.close(200, "".into())).await;
    outcome
}

/// Ends some time after the connection has. Of a call that is made while it is being lost lapin may tell nothing.
async fn lost(connection: &Connection) {
    while connection.status().connected() {
        sleep(LOOK_EVERY).await;
    }
    // A call that is told says why: it goes first.
    sleep(LOOK_EVERY).await;
}

/// Makes the queue here unless it is there, and says how it was declared.
fn declare_here(vhost: &Vhost, queue: &str) -> Option<(bool, FieldTable)> {
    // It has to fit a short string.
    amq_protocol::types::ShortString::try_new(queue).ok()?;
    vhost.with(|state| {
        let id = match state.queue_names.get(queue) {
            Some(id) => *id,
            None => state.add_queue(QueueSpec::durable(queue.into())).ok()?,
        };
        state
            .queues
            .get(id)
            .map(|queue| (queue.spec().durable, queue.spec().arguments.clone()))
    })
}

/// Makes the queue there unless it is there, as it is here; one that is there may be different.
async fn declare_there(
    connection: &Connection,
    queue: &str,
    durable: bool,
    arguments: FieldTable,
) -> Result<(), Failure> {
    let passive = QueueDeclareOptions {
        passive: true,
        ..Default::default()
    };
    let probe = connection.create_channel().await?;
    if probe
        .queue_declare(queue.into(), passive, FieldTable::default())
        .await
        .is_ok()
    {
        probe.close(200, "".into()).await?;
        return Ok(());
    }
    // The failed probe has cost its channel.
    let options = QueueDeclareOptions {
        durable,
        ..Default::default()
    };
    let channel = connection.create_channel().await?;
    channel.queue_declare(queue.into(), options, arguments).await?;
    channel.close(200, "".into()).await?;
    Ok(())
}
