//! Publisher confirms: runs of accepted messages go out as one `multiple` ack when a batch of input is done.

use crate::amqp::wire::content::{BASIC, BASIC_ACK, BASIC_NACK};
use crate::amqp::wire::frame;
use crate::broker::vhost::State;
use crate::broker::vhost::channel::{Confirm, Mode};
use crate::broker::vhost::slots::SlotId;

impl State {
    /// Notes what became of a publish.
    pub fn confirm(&mut self, session_id: SlotId, number: u16, sequence: u64, accepted: bool) {
        let Some(session) = self.sessions.get_mut(session_id) else {
            return;
        };
        let Some(channel) = session.channel_mut(number) else {
            return;
        };
        if !accepted {
            if let Mode::Confirm(confirm) = &mut channel.mode {
                let earlier = confirm.take_up_to(sequence - 1);
                confirm.answered = sequence;
                let out = session.outgoing.buffer();
                put_ack(out, number, earlier);
                put(out, number, BASIC_NACK, sequence, false);
            }
            self.wake(session_id);
            return;
        }
        if !channel.confirm_pending {
            channel.confirm_pending = true;
            session.pending_confirms.push(number);
        }
    }

    /// Sends the confirms that are owed.
    pub fn flush_confirms(&mut self, session_id: SlotId) {
        let Some(session) = self.sessions.get_mut(session_id) else {
            return;
        };
        if session.pending_confirms.is_empty() {
            return;
        }
        let mut pending_confirms = std::mem::take(&mut session.pending_confirms);
        for number in pending_confirms.drain(..) {
            let Some(channel) = session.channel_mut(number) else {
                continue;
            };
            channel.confirm_pending = false;
            if let Mode::Confirm(confirm) = &mut channel.mode {
                let run = confirm.take_up_to(confirm.last);
                put_ack(session.outgoing.buffer(), number, run);
            }
        }
        session.pending_confirms = pending_confirms;
        self.wake(session_id);
    }
}

impl Confirm {
    /// Counts everything up to `sequence` as answered; how many these are and which is the last.
    fn take_up_to(&mut self, sequence: u64) -> (u64, u64) {
        let count = sequence.saturating_sub(self.answered);
        self.answered = self.answered.max(sequence);
        (count, sequence)
    }
}

fn put_ack(out: &mut Vec<u8>, number: u16, (count, last): (u64, u64)) {
    if count > 0 {
        put(out, number, BASIC_ACK, last, count > 1);
    }
}

fn put(out: &mut Vec<u8>, number: u16, method: u16, sequence: u64, multiple: bool) {
    frame::put(out, frame::METHOD, number, |out| {
        out.extend_from_slice(&BASIC.to_be_bytes());
        out.extend_from_slice(&method.to_be_bytes());
        out.extend_from_slice(&sequence.to_be_bytes());
        out.push(u8::from(multiple));
    });
}
