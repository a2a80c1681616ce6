//! Waiting for the end of processes that are not our children.

use std::cell::{Cell, RefCell};
use std::os::fd::AsRawFd;
use std::rc::{Rc, Weak};

use crate::event_loop::{Loop, Poll, PollObserver, Readiness};
use crate::process::{self, kill_remaining};

/// Calls back once when every one of some processes has ended. Keeps the loop alive until then.
pub struct Departure {
    members: RefCell<Vec<Rc<Member>>>,
    left: Cell<usize>,
    done: Cell<Option<Box<dyn FnOnce()>>>,
}

struct Member {
    /// Before `process`: libuv aborts on a watched descriptor that has been closed.
    poll: RefCell<Option<Poll>>,
    process: process::Member,
    departure: Weak<Departure>,
}

impl Departure {
    /// `done` runs at once when there is nobody to wait for.
    pub fn watch(
        home: &Rc<Loop>,
        processes: Vec<process::Member>,
        done: impl FnOnce() + 'static,
    ) -> Rc<Self> {
        let departure = Rc::new(Departure {
            members: RefCell::default(),
            left: Cell::new(1),
            done: Cell::new(Some(Box::new(done))),
        });
        for process in processes {
            let fd = process.as_raw_fd();
            let member = Rc::new(Member {
                process,
                poll: RefCell::default(),
                departure: Rc::downgrade(&departure),
            });
            let observer: Weak<dyn PollObserver> = Rc::downgrade(&member) as Weak<dyn PollObserver>;
            if let Ok(poll) = Poll::new(home, fd, observer)
                && poll.watch(true, false).is_ok()
            {
                *member.poll.borrow_mut() = Some(poll);
                departure.left.set(departure.left.get() + 1);
                departure.members.borrow_mut().push(member);
            }
        }
        departure.leave();
        departure
    }

    /// Ends by force whoever is left.
    pub fn force(&self) {
        for member in self.members.borrow().iter() {
            if member.poll.borrow().is_some() {
                kill_remaining(&member.process);
            }
        }
    }

    fn leave(&self) {
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0
            && let Some(done) = self.done.take()
        {
            done();
        }
    }
}

impl PollObserver for Member {
    fn ready(&self, _: Readiness) {
        if let Some(poll) = self.poll.borrow_mut().take() {
            poll.close();
            if let Some(departure) = self.departure.upgrade() {
                departure.leave();
            }
        }
    }
}
