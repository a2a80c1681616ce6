//! Orders of JavaScript, packed one behind another: what `lib/amqplib/orders.js` writes.
//!
//! An order is a run of 32-bit words in the machine's byte order: word 0 is kind, flags and channel; strings and bodies
//! are padded to whole words. What is malformed is dropped whole (it cannot come from our own writer): reading it never
//! leaves the buffer.

pub const PUBLISH: u8 = 1;
pub const ACK: u8 = 2;
pub const NACK: u8 = 3;
pub const REJECT: u8 = 4;
pub const METHOD: u8 = 5;

/// publish: exchange, routing key and bits are those of the channel's last publish.
pub const SAME_ROUTE: u8 = 1;
/// publish: so are the properties.
pub const SAME_PROPERTIES: u8 = 2;
/// publish: the body is not here but next in the list of bodies.
pub const BODY_APART: u8 = 4;

pub const MULTIPLE: u8 = 1;
pub const REQUEUE: u8 = 2;

#[derive(Debug, PartialEq, Eq)]
pub enum Order<'a> {
    Publish {
        flags: u8,
        channel: u16,
        /// Arguments of basic.publish as they stand on the wire.
        route: &'a [u8],
        properties: &'a [u8],
        body: &'a [u8],
    },
    /// ack, nack, reject
    Settle {
        kind: u8,
        flags: u8,
        channel: u16,
        tag: u64,
    },
    Method {
        channel: u16,
        payload: &'a [u8],
    },
}

pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    fn word(&mut self) -> Option<u32> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_ne_bytes(*word))
    }

    fn bytes(&mut self, length: u32) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(bytes)
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Order<'a>;

    fn next(&mut self) -> Option<Order<'a>> {
        let whole = self.0.len();
        let head = self.word()?;
        let (kind, flags, channel) = (head as u8, (head >> 8) as u8, (head >> 16) as u16);
        let order = match kind {
            PUBLISH => {
                let (route, properties, body) = (self.word()?, self.word()?, self.word()?);
                Order::Publish {
                    flags,
                    channel,
                    route: self.bytes(route)?,
                    properties: self.bytes(properties)?,
                    body: self.bytes(if flags & BODY_APART != 0 { 0 } else { body })?,
                }
            }
            ACK | NACK | REJECT => {
                let (low, high) = (self.word()?, self.word()?);
                Order::Settle {
                    kind,
                    flags,
                    channel,
                    tag: u64::from(high) << 32 | u64::from(low),
                }
            }
            METHOD => {
                let length = self.word()?;
                Order::Method {
                    channel,
                    payload: self.bytes(length)?,
                }
            }
            _ => {
                self.0 = &[];
                return None;
            }
        };
        let padding = (whole - self.0.len()).next_multiple_of(4) - (whole - self.0.len());
        self.bytes((padding.min(self.0.len())) as u32)?;
        Some(order)
    }
}
