//! The thread that makes the children which are to die with us: PR_SET_PDEATHSIG fires when the *thread* that made the child
//! ends, and this one never does.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};

use super::command::Command;
use super::launch::{Launched, keep_exit_statuses, launch_here, with_signals_blocked};
use super::stdio::StdioTable;
use crate::event_loop::Errno;

struct Job {
    command: Command,
    stdio: StdioTable,
    reply: SyncSender<Result<Launched, Errno>>,
}

static JOBS: Mutex<Option<Sender<Job>>> = Mutex::new(None);

/// As `launch`.
///
/// # Errors
/// As `launch`; EAGAIN when there is no thread to be had.
pub fn launch_lastingly(command: Command, stdio: StdioTable) -> Result<Launched, Errno> {
    keep_exit_statuses();
    let (reply, replied) = sync_channel(1);
    let job = Job {
        command,
        stdio,
        reply,
    };
    // The thread drops no sender and never ends, so neither fails.
    jobs()?.send(job).map_err(|_| -libc::EAGAIN)?;
    replied.recv().map_err(|_| -libc::EAGAIN)?
}

fn jobs() -> Result<Sender<Job>, Errno> {
    let mut jobs = JOBS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(jobs) = &*jobs {
        return Ok(jobs.clone());
    }
    let (sender, receiver) = channel::<Job>();
    let work = move || {
        for Job {
            command,
            stdio,
            reply,
        } in receiver
        {
            let _ = reply.send(launch_here(command, &stdio));
        }
    };
    std::thread::Builder::new()
        .name("oxipc-spawn".into())
        .stack_size(64 * 1024)
        // Signals of the process are for its other threads.
        .spawn(|| with_signals_blocked(work))
        .map_err(|_| -libc::EAGAIN)?;
    *jobs = Some(sender.clone());
    Ok(sender)
}
