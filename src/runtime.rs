//! The one tokio runtime of the process: AMQP connections and the broker run on it, whichever environment asked.

use std::io;
use std::panic::catch_unwind;
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Runtime};

/// Two: one thread can carry a client while the other carries the broker it talks to; more would take processors from
/// JavaScript, which is what the user's program is made of.
const WORKER_THREADS: usize = 2;

static RUNTIME: Mutex<Option<&'static Runtime>> = Mutex::new(None);

/// The runtime, started by the first call. It lives until the process ends: its threads hold no JavaScript.
///
/// # Errors
/// EMFILE, ENFILE: no descriptors left; EAGAIN: no threads. A later call tries again.
pub fn runtime() -> io::Result<&'static Runtime> {
    let mut known = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = *known {
        return Ok(runtime);
    }
    let runtime: &'static Runtime = Box::leak(Box::new(start()?));
    *known = Some(runtime);
    Ok(runtime)
}

/// tokio panics when a thread is refused, so whether there are any is asked first. What takes them away in between is caught.
fn start() -> io::Result<Runtime> {
    probe_threads()?;
    let build = || {
        Builder::new_multi_thread()
            .worker_threads(WORKER_THREADS)
            .thread_name("oxipc")
            .enable_all()
            .build()
    };
    catch_unwind(build).unwrap_or_else(|_| Err(io::Error::from_raw_os_error(libc::EAGAIN)))
}

fn probe_threads() -> io::Result<()> {
    let mut probes = Vec::new();
    for _ in 0..WORKER_THREADS {
        let (release, wait) = channel::<()>();
        let thread = thread::Builder::new().spawn(move || {
            // The end of the sender ends it.
            let _ = wait.recv();
        })?;
        probes.push((release, thread));
    }
    for (release, thread) in probes {
        drop(release);
        let _ = thread.join();
    }
    Ok(())
}
