//! A virtual host: exchanges, queues, consumers and the sessions on them, behind one lock.
//!
//! A session takes the lock once for all that it has read and works on the state as plain data (`State`); what comes of
//! it for other sessions is written into their outgoing buffers at once, and they are woken when the lock is free again.
//! `docs/design/broker.md` says why.

pub mod channel;
mod fair_mutex;
pub mod memory;
mod routing;
pub mod session;
pub mod slots;
mod state;
mod timers;
mod topology;
pub mod work;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore};
use tokio::task::yield_now;

use crate::broker::clock::Clock;
use crate::broker::connection::outgoing::Outgoing;
use crate::broker::publish::message::Name;
use crate::broker::queue::entries::Entries;
use crate::runtime::runtime;
use fair_mutex::FairMutex;
use memory::Memory;
use slots::SlotId;
pub use state::State;

/// A pause after a panic in the timers: one that comes again each time is not to take the whole processor.
const PANIC_PAUSE_MILLISECONDS: u64 = 100;

pub struct Vhost {
    state: FairMutex<State>,
    /// One permit, for a session whose input does not fit one slice: sessions with little to do come between.
    pub backlog: Arc<Semaphore>,
    /// Notified when an earlier deadline was added, or when dead letters are left.
    pub timers_changed: Notify,
    /// Whether dead letters did not fit the last slice.
    leftovers: AtomicBool,
}

impl Vhost {
    pub fn new(name: Name, memory: Arc<Memory>) -> Vhost {
        Vhost::with_clock(name, memory, Clock::monotonic())
    }

    pub fn with_clock(name: Name, memory: Arc<Memory>, clock: Clock) -> Vhost {
        Vhost {
            state: FairMutex::new(State::new(name, memory, clock)),
            backlog: Arc::new(Semaphore::new(1)),
            timers_changed: Notify::new(),
            leftovers: AtomicBool::new(false),
        }
    }

    pub fn has_leftovers(&self) -> bool {
        self.leftovers.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock ends the session it happened in; the others go on with what is there.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on the state, does what is due after it and wakes whom it concerns.
    pub fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        state.dead_letter_budget = work::DEAD_LETTER_SLICE;
        state.work_done = 0;
        let result = work(&mut state);
        state.run_pending();
        let woken = state.take_woken();
        // The timer task goes on with the dead letters that are left.
        let leftovers = !state.dead_letters.is_empty();
        self.leftovers.store(leftovers, Ordering::Relaxed);
        let timers_changed = std::mem::take(&mut state.timers_changed) || leftovers;
        let discarded = std::mem::take(&mut state.discarded);
        drop(state);
        free(discarded);
        for wake in woken {
            wake.notify_one();
        }
        if timers_changed {
            self.timers_changed.notify_one();
        }
        result
    }

    /// `with` for destructors: a panic in there would end the process if it came while another is under way.
    pub fn with_in_drop(&self, work: impl FnOnce(&mut State)) {
        // What the panic leaves behind is what `lock` copes with. The hook has told of it.
        let _ = catch_unwind(AssertUnwindSafe(|| self.with(work)));
    }

    /// `State::fire_timers` for the timer task, which a panic is not to end: it goes on with the next queue.
    pub fn fire_timers(&self) -> Option<u64> {
        let fired = catch_unwind(AssertUnwindSafe(|| self.with(State::fire_timers)));
        fired.unwrap_or(Some(PANIC_PAUSE_MILLISECONDS))
    }

    /// `with` for a session, which takes what is outgoing for itself into `outgoing` (empty) on the way.
    pub fn with_session<R>(
        &self,
        session_id: SlotId,
        outgoing: &mut Outgoing,
        work: impl FnOnce(&mut State) -> R,
    ) -> R {
        self.with(|state| {
            let result = work(state);
            state.run_pending();
            if let Some(session) = state.sessions.get_mut(session_id)
                && outgoing.is_empty()
                && !session.outgoing.is_empty()
            {
                std::mem::swap(outgoing, &mut session.outgoing);
                state.resume(session_id);
            }
            if let Some(session) = state.sessions.get_mut(session_id) {
                session.account();
            }
            // What `resume` added goes out when this is written; the session looks again before it sleeps.
            if let Some(session) = state.sessions.get_mut(session_id)
                && session.outgoing.is_empty()
                && session.woken
            {
                session.woken = false;
                state.woken.retain(|id| *id != session_id);
            }
            result
        })
    }
}

/// Freed at once and in pieces: millions of messages take a second, which other tasks of the runtime would wait for.
const FREED_AT_ONCE: usize = 10_000;

fn free(mut discarded: Vec<Entries>) {
    if discarded.iter().map(Entries::len).sum::<usize>() <= FREED_AT_ONCE {
        return;
    }
    // Whatever has entries runs there.
    let Ok(runtime) = runtime() else { return };
    runtime.spawn(async move {
        while let Some(mut entries) = discarded.pop() {
            while !entries.is_empty() {
                entries.drop_some(FREED_AT_ONCE);
                yield_now().await;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Session(Arc<Vhost>);

    impl Drop for Session {
        fn drop(&mut self) {
            self.0.with_in_drop(|_| panic!("while it is being dropped"));
        }
    }

    #[test]
    fn a_panic_in_a_destructor_while_another_is_under_way_is_not_the_end() {
        let vhost = Arc::new(Vhost::new("/".into(), Arc::new(Memory::new(1))));
        let session = Session(vhost.clone());
        let ended = std::thread::spawn(move || {
            let _session = session;
            panic!("of the task");
        });
        assert!(ended.join().is_err());
        // And the others go on.
        vhost.with(|state| assert!(state.exchanges.contains_key("")));
    }
}
