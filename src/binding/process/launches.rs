//! The launches of one environment that are under way on other threads, and the wake-up that ends them here.

use std::cell::{OnceCell, RefCell};
use std::rc::{Rc, Weak};

use super::child::Events;
use crate::event_loop::{Loop, Wake, WakeObserver, Waker};

#[derive(Default)]
pub struct Launches {
    wake: OnceCell<Wake>,
    under_way: RefCell<Vec<Rc<Events>>>,
    this: OnceCell<Weak<Launches>>,
}

impl Launches {
    pub fn new() -> Rc<Self> {
        let launches = Rc::new(Launches::default());
        launches.this.get_or_init(|| Rc::downgrade(&launches));
        launches
    }

    /// What a thread wakes us with; `None` when the loop is ending.
    pub(super) fn waker(&self, home: &Rc<Loop>) -> Option<Waker> {
        if self.wake.get().is_none() {
            let observer: Weak<dyn WakeObserver> = self.this.get()?.clone() as Weak<dyn WakeObserver>;
            let wake = Wake::new(home, observer).ok()?;
            wake.set_ref(false);
            let _ = self.wake.set(wake);
        }
        self.wake.get().map(Wake::waker)
    }

    pub(super) fn add(&self, events: &Rc<Events>) {
        self.under_way.borrow_mut().push(events.clone());
        self.update();
    }

    /// Lets go of what is under way when the environment ends: each holds the environment, which holds us.
    pub fn end(&self) {
        drop(self.under_way.take());
    }

    /// The loop stays alive for launches of children that are referenced.
    pub(super) fn update(&self) {
        if let Some(wake) = self.wake.get() {
            let wanted = self
                .under_way
                .borrow()
                .iter()
                .any(|events| events.is_referenced());
            wake.set_ref(wanted);
        }
    }
}

impl WakeObserver for Launches {
    fn woken(&self) {
        let all = self.under_way.take();
        let (settled, waiting): (Vec<_>, Vec<_>) = all.into_iter().partition(|events| events.is_settled());
        self.under_way.borrow_mut().extend(waiting);
        for events in settled {
            events.report_start();
        }
        self.update();
    }
}
