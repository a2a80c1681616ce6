//! Acknowledgements that form a run leave as one frame with `multiple`, where that means the same.
//!
//! "All up to n" equals "each of m to n" only when nothing below m is unsettled. So a run starts at the lowest tag that
//! is not settled yet, and grows by the next tag each time, never beyond what has been delivered. Whatever makes that
//! uncertain (noAck consumers share the channel's tags, recover, an open-ended ack) turns the channel to single frames
//! for good.

use std::collections::{BTreeSet, HashMap};

use crate::amqp::wire::content::{Arguments, BASIC_ACK};
use crate::amqp::wire::method;

/// Tags settled out of order that a channel remembers; beyond, it sends single frames.
const AHEAD: usize = 4096;

#[derive(Default)]
pub struct AckRuns {
    channels: HashMap<u16, Channel>,
    /// Where a run is open.
    open: Vec<u16>,
}

struct Channel {
    /// Highest tag delivered.
    delivered: u64,
    /// Lowest tag not settled.
    low: u64,
    run: Option<(u64, u64)>,
    /// Settled tags above `low`.
    ahead: BTreeSet<u64>,
    single: bool,
}

impl Default for Channel {
    fn default() -> Self {
        Channel {
            delivered: 0,
            low: 1,
            run: None,
            ahead: BTreeSet::new(),
            single: false,
        }
    }
}

impl Channel {
    fn settle(&mut self, tag: u64) {
        // Acknowledgements are not noted any more, so refusals would pile up above a `low` that stands still.
        if self.single {
            self.ahead.clear();
            return;
        }
        if tag > self.low {
            self.ahead.insert(tag);
            self.single |= self.ahead.len() > AHEAD;
        } else if tag == self.low {
            self.low += 1;
        }
        self.close_gap();
    }

    fn settle_up_to(&mut self, tag: u64) {
        self.low = self.low.max(tag + 1);
        self.ahead = self.ahead.split_off(&self.low);
        self.close_gap();
    }

    fn close_gap(&mut self) {
        while self.ahead.remove(&self.low) {
            self.low += 1;
        }
    }

    fn flush(&mut self, channel: u16, out: &mut Vec<u8>) {
        if let Some((first, last)) = self.run.take() {
            put(out, channel, BASIC_ACK, last, u8::from(first != last));
            self.settle_up_to(last);
        }
    }
}

/// Appends basic.ack, basic.nack or basic.reject: all are a tag and an octet of bits.
pub fn put(out: &mut Vec<u8>, channel: u16, method_id: u16, tag: u64, bits: u8) {
    out.push(crate::amqp::wire::frame::METHOD);
    out.extend_from_slice(&channel.to_be_bytes());
    out.extend_from_slice(&[0, 0, 0, 13, 0, 60]);
    out.extend_from_slice(&method_id.to_be_bytes());
    out.extend_from_slice(&tag.to_be_bytes());
    out.push(bits);
    out.push(crate::amqp::wire::frame::END);
}

impl AckRuns {
    pub fn delivered(&mut self, channel: u16, tag: u64) {
        let channel = self.channels.entry(channel).or_default();
        channel.delivered = channel.delivered.max(tag);
    }

    /// One basic.ack of JavaScript. `tag` 0 with `multiple` means all.
    pub fn ack(&mut self, number: u16, tag: u64, multiple: bool, out: &mut Vec<u8>) {
        let channel = self.channels.entry(number).or_default();
        if multiple || channel.single || tag == 0 {
            channel.flush(number, out);
            put(out, number, BASIC_ACK, tag, u8::from(multiple));
            channel.single |= tag == 0;
            if multiple {
                channel.settle_up_to(tag);
            }
            return;
        }
        if let Some((first, last)) = channel.run {
            if tag == last + 1 && tag <= channel.delivered {
                channel.run = Some((first, tag));
                return;
            }
            channel.flush(number, out);
        }
        if tag == channel.low && tag <= channel.delivered {
            channel.run = Some((tag, tag));
            self.open.push(number);
        } else {
            put(out, number, BASIC_ACK, tag, 0);
            channel.settle(tag);
        }
    }

    /// basic.nack or basic.reject: never gathered.
    pub fn refuse(
        &mut self,
        number: u16,
        method_id: u16,
        tag: u64,
        multiple: bool,
        bits: u8,
        out: &mut Vec<u8>,
    ) {
        let channel = self.channels.entry(number).or_default();
        channel.flush(number, out);
        put(out, number, method_id, tag, bits);
        channel.single |= tag == 0;
        if multiple {
            channel.settle_up_to(tag);
        } else {
            channel.settle(tag);
        }
    }

    /// A publish may make the server close the channel, which would forget acknowledgements that come after it.
    pub fn before_publish(&mut self, number: u16, out: &mut Vec<u8>) {
        if self.open.is_empty() {
            return;
        }
        if let Some(channel) = self.channels.get_mut(&number) {
            channel.flush(number, out);
        }
    }

    /// Any other method goes out on this channel: acknowledgements given before it stay before it.
    pub fn before_method(&mut self, number: u16, payload: &[u8], out: &mut Vec<u8>) {
        if number == 0 {
            // What closes the connection closes every channel: nothing is heard after it.
            self.flush(out);
        }
        self.before_publish(number, out);
        match method::ids(payload) {
            // channel.open: the tags of a new channel start over.
            Some((20, 10)) => {
                self.channels.remove(&number);
            }
            Some((60, 20)) if consume_without_ack(payload) => self.single(number),
            Some((60, 70)) if get_without_ack(payload) => self.single(number),
            // recover; in a transaction a rollback takes acknowledgements back.
            Some((60, 100 | 110) | (90, _)) => self.single(number),
            _ => {}
        }
    }

    fn single(&mut self, number: u16) {
        self.channels.entry(number).or_default().single = true;
    }

    /// Sends what is gathered: no more orders for now.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        for number in self.open.drain(..) {
            if let Some(channel) = self.channels.get_mut(&number) {
                channel.flush(number, out);
            }
        }
    }
}

fn consume_without_ack(payload: &[u8]) -> bool {
    let mut arguments = Arguments(&payload[4..]);
    arguments.short();
    arguments.short_string();
    arguments.short_string();
    arguments.octet().is_none_or(|bits| bits & 2 != 0)
}

fn get_without_ack(payload: &[u8]) -> bool {
    let mut arguments = Arguments(&payload[4..]);
    arguments.short();
    arguments.short_string();
    arguments.octet().is_none_or(|bits| bits & 1 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The acknowledgements in `out` as (tag, multiple).
    fn sent(out: &[u8]) -> Vec<(u64, bool)> {
        out.chunks(21)
            .map(|ack| {
                let mut arguments = Arguments(&ack[11..]);
                (
                    arguments.long_long().unwrap(),
                    arguments.octet().unwrap() & 1 != 0,
                )
            })
            .collect()
    }

    fn run(delivered: u64, tags: &[u64]) -> Vec<(u64, bool)> {
        let (mut runs, mut out) = (AckRuns::default(), Vec::new());
        runs.delivered(1, delivered);
        for &tag in tags {
            runs.ack(1, tag, false, &mut out);
        }
        runs.flush(&mut out);
        sent(&out)
    }

    #[test]
    fn a_run_from_the_lowest_tag_is_one_frame() {
        assert_eq!(run(5, &[1, 2, 3, 4, 5]), [(5, true)]);
        assert_eq!(run(5, &[1]), [(1, false)]);
    }

    #[test]
    fn a_run_above_an_unsettled_tag_stays_single() {
        assert_eq!(run(5, &[2, 3, 4]), [(2, false), (3, false), (4, false)]);
        assert_eq!(
            run(5, &[2, 3, 1, 4, 5]),
            [(2, false), (3, false), (1, false), (5, true)]
        );
    }

    #[test]
    fn a_tag_that_was_not_delivered_or_is_settled_goes_out_as_it_is() {
        assert_eq!(run(2, &[1, 2, 3]), [(2, true), (3, false)]);
        assert_eq!(run(2, &[1, 1, 2]), [(1, false), (1, false), (2, false)]);
    }

    #[test]
    fn no_ack_on_the_channel_ends_gathering() {
        let (mut runs, mut out) = (AckRuns::default(), Vec::new());
        let consume = [0, 60, 0, 20, 0, 0, 1, b'q', 0, 2, 0, 0, 0, 0];
        runs.before_method(1, &consume, &mut out);
        runs.delivered(1, 3);
        for tag in 1..=3 {
            runs.ack(1, tag, false, &mut out);
        }
        assert_eq!(sent(&out), [(1, false), (2, false), (3, false)]);
    }

    #[test]
    fn a_refusal_keeps_its_place() {
        let (mut runs, mut out) = (AckRuns::default(), Vec::new());
        runs.delivered(1, 5);
        runs.ack(1, 1, false, &mut out);
        runs.ack(1, 2, false, &mut out);
        runs.refuse(1, 120, 3, false, 2, &mut out);
        runs.ack(1, 4, false, &mut out);
        runs.ack(1, 5, false, &mut out);
        runs.flush(&mut out);
        assert_eq!(sent(&out), [(2, true), (3, false), (5, true)]);
    }

    #[test]
    fn refusals_on_a_channel_of_single_frames_are_not_remembered() {
        let (mut runs, mut out) = (AckRuns::default(), Vec::new());
        runs.before_method(1, &[0, 60, 0, 110, 1], &mut out);
        runs.delivered(1, 10_000);
        for tag in (1..=10_000).step_by(2) {
            runs.ack(1, tag, false, &mut out);
            runs.refuse(1, 120, tag + 1, false, 0, &mut out);
        }
        assert_eq!(runs.channels[&1].ahead.len(), 0);
    }

    #[test]
    fn a_transaction_ends_gathering() {
        let (mut runs, mut out) = (AckRuns::default(), Vec::new());
        runs.delivered(1, 3);
        runs.before_method(1, &[0, 90, 0, 10], &mut out);
        for tag in 1..=2 {
            runs.ack(1, tag, false, &mut out);
        }
        runs.flush(&mut out);
        assert_eq!(sent(&out), [(1, false), (2, false)]);
    }

    /// Whatever the order, each tag is settled by exactly the same frames' meaning: replayed on a model broker.
    #[test]
    fn a_model_broker_settles_the_same_tags() {
        let mut seed = 7_u64;
        let mut random = move |below: u64| {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (seed >> 33) % below
        };
        for _ in 0..500 {
            let count = 1 + random(20);
            let mut tags: Vec<u64> = (1..=count).collect();
            for _ in 0..random(4) {
                let (a, b) = (random(count) as usize, random(count) as usize);
                tags.swap(a, b);
            }
            let acked = &tags[..random(count) as usize];
            let mut unsettled: BTreeSet<u64> = (1..=count).collect();
            for (tag, multiple) in run(count, acked) {
                assert!(unsettled.contains(&tag), "{acked:?}");
                unsettled.retain(|&other| if multiple { other > tag } else { other != tag });
            }
            let expected: BTreeSet<u64> = (1..=count).filter(|tag| !acked.contains(tag)).collect();
            assert_eq!(unsettled, expected, "{acked:?}");
        }
    }
}
