//! The two queues between a connection's task and JavaScript, and their bounds.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::batch::Batch;

/// Reading from the socket stops when this much waits for JavaScript. Enough to bridge a garbage collection at full
/// rate (1 GB/s for 4 ms), and little against what a process uses anyway.
const INBOX_HIGH_BYTES: usize = 4 << 20;
/// Batches grow to this size while JavaScript is busy: about 500 messages of 100 bytes, half a millisecond of work, so
/// that the event loop turns in between.
const BATCH_BYTES: usize = 64 << 10;
/// Above this JavaScript is told to hold back (`publish` returns false); it may still add, since publish cannot wait.
const OUTBOX_HIGH_BYTES: usize = 1 << 20;
/// Below this it is told to go on.
const OUTBOX_LOW_BYTES: usize = 256 << 10;

/// A panic while a queue was locked leaves it whole: every change is one push or one take.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From the socket to JavaScript.
#[derive(Default)]
pub struct Inbox {
    state: Mutex<InboxState>,
}

#[derive(Default)]
struct InboxState {
    batches: VecDeque<Batch>,
    bytes: usize,
    /// The task, when it stopped reading.
    stalled: Option<Waker>,
}

impl Inbox {
    /// Adds records behind those that wait already. True when JavaScript has to be woken.
    pub fn push(&self, batch: Batch) -> bool {
        let mut state = lock(&self.state);
        let wake = state.batches.is_empty();
        state.bytes += batch.len();
        match state.batches.back_mut() {
            Some(last) if last.len() + batch.len() <= BATCH_BYTES => last.append(batch),
            _ => state.batches.push_back(batch),
        }
        wake
    }

    /// Whether reading may go on; else the task is woken when there is room again.
    pub fn has_room(&self, waker: &Waker) -> bool {
        let mut state = lock(&self.state);
        if state.bytes < INBOX_HIGH_BYTES {
            return true;
        }
        state.stalled = Some(waker.clone());
        false
    }

    /// The next batch, and whether more wait behind it.
    pub fn take(&self) -> Option<(Batch, bool)> {
        let mut state = lock(&self.state);
        let batch = state.batches.pop_front()?;
        state.bytes -= batch.len();
        let waker = if state.bytes < INBOX_HIGH_BYTES / 2 {
            state.stalled.take()
        } else {
            None
        };
        let more = !state.batches.is_empty();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Some((batch, more))
    }
}

/// Orders of JavaScript, packed (`order`), and bodies too large to be packed.
#[derive(Default)]
pub struct Orders {
    pub packed: Vec<u8>,
    pub bodies: VecDeque<Vec<u8>>,
    /// JavaScript wants no more than what is here: flush and close.
    pub end: bool,
    /// JavaScript let go: close at once.
    pub abort: bool,
}

/// From JavaScript to the socket.
#[derive(Default)]
pub struct Outbox {
    state: Mutex<OutboxState>,
}

#[derive(Default)]
struct OutboxState {
    orders: Orders,
    spare: Vec<u8>,
    /// Bytes in `orders` and in the task's write buffer.
    bytes: usize,
    /// JavaScript was told to hold back.
    full: bool,
    /// JavaScript has ended the connection.
    ended: bool,
    idle: Option<Waker>,
    /// The task, when it takes no orders because the peer takes no bytes.
    stuck: Option<Waker>,
}

impl Outbox {
    /// Adds orders; false when JavaScript should hold back until it hears `Writable`.
    pub fn submit(&self, packed: &[u8], body: Option<&[u8]>) -> bool {
        let mut state = lock(&self.state);
        state.orders.packed.extend_from_slice(packed);
        state.bytes += packed.len();
        if let Some(body) = body {
            state.bytes += body.len();
            state.orders.bodies.push_back(body.to_vec());
        }
        state.full |= state.bytes > OUTBOX_HIGH_BYTES;
        let full = state.full;
        let waker = state.idle.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        !full
    }

    /// Bytes of orders, and of frames that are not written.
    pub fn waiting(&self) -> usize {
        lock(&self.state).bytes
    }

    pub fn end(&self, abort: bool) {
        let mut state = lock(&self.state);
        state.orders.end = true;
        state.orders.abort |= abort;
        state.ended = true;
        let wakers = [state.idle.take(), abort.then(|| state.stuck.take()).flatten()];
        drop(state);
        for waker in wakers.into_iter().flatten() {
            waker.wake();
        }
    }

    /// Whether JavaScript let go; else the task, which has more to write than it can, is woken when it does.
    pub fn aborted(&self, waker: &Waker) -> bool {
        let mut state = lock(&self.state);
        state.stuck = Some(waker.clone());
        state.orders.abort
    }

    /// Takes what waits; when nothing does, the next order wakes the task.
    pub fn take(&self, waker: &Waker) -> Option<Orders> {
        let mut state = lock(&self.state);
        let orders = &state.orders;
        if orders.packed.is_empty() && !orders.end {
            state.idle = Some(waker.clone());
            return None;
        }
        let spare = std::mem::take(&mut state.spare);
        let orders = std::mem::replace(
            &mut state.orders,
            Orders {
                packed: spare,
                ..Orders::default()
            },
        );
        // An end stays in force: the task asks again after it has written all.
        state.orders.end = false;
        if orders.end && orders.packed.is_empty() {
            state.idle = Some(waker.clone());
        }
        Some(orders)
    }

    /// Whether orders (or an end) wait for the task.
    pub fn is_waiting(&self) -> bool {
        let state = lock(&self.state);
        !state.orders.packed.is_empty() || state.ended
    }

    /// Wakes the task: there is something for it that is not an order.
    pub fn kick(&self) {
        let waker = lock(&self.state).idle.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    #[cfg(test)]
    pub fn is_stuck(&self) -> bool {
        lock(&self.state).stuck.is_some()
    }

    /// Gives the buffer of taken orders back, and `written` bytes as gone. True when JavaScript may go on.
    pub fn written(&self, buffer: Option<Vec<u8>>, unsent: usize) -> bool {
        let mut state = lock(&self.state);
        if let Some(mut buffer) = buffer
            && buffer.capacity() <= OUTBOX_HIGH_BYTES
        {
            buffer.clear();
            state.spare = buffer;
        }
        state.bytes =
            unsent + state.orders.packed.len() + state.orders.bodies.iter().map(Vec::len).sum::<usize>();
        let resume = state.full && state.bytes < OUTBOX_LOW_BYTES;
        if resume {
            state.full = false;
        }
        resume
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javascript_is_told_to_hold_back_and_to_go_on() {
        let outbox = Outbox::default();
        assert!(outbox.submit(&[0; 16], None));
        assert!(!outbox.submit(&[0; 16], Some(&[0; OUTBOX_HIGH_BYTES])));
        let orders = outbox.take(Waker::noop()).unwrap();
        assert_eq!((orders.packed.len(), orders.bodies.len()), (32, 1));
        assert!(!outbox.written(None, OUTBOX_LOW_BYTES));
        assert!(outbox.written(None, OUTBOX_LOW_BYTES - 1));
        assert!(!outbox.written(None, 0));
        assert!(outbox.submit(&[0; 16], None));
    }

    #[test]
    fn reading_stops_when_javascript_lags() {
        let inbox = Inbox::default();
        let mut pushed = 0;
        while inbox.has_room(Waker::noop()) {
            let mut batch = Batch::default();
            batch.method(1, &[0; BATCH_BYTES]);
            pushed += batch.len();
            inbox.push(batch);
        }
        assert!(pushed < INBOX_HIGH_BYTES + 2 * BATCH_BYTES);
        while let Some((_, more)) = inbox.take() {
            if !more {
                break;
            }
        }
        assert!(inbox.has_room(Waker::noop()));
    }
}
