//! The properties of a message (section 4.2.6.1), read where they stand.
//!
//! Most messages need nothing from here but the check that the list is whole; the rest is read without copying. Only
//! dead lettering, BCC and direct reply-to write a list anew.

use amq_protocol::frame::WriteContext;
use amq_protocol::types::FieldTable;
use amq_protocol::types::generation::gen_field_table;
use amq_protocol::types::parsing::parse_field_table;

use crate::amqp::wire::content::{Arguments, put_short_string};
use crate::amqp::wire::table;

const HEADERS: usize = 2;
const DELIVERY_MODE: usize = 3;
const PRIORITY: usize = 4;
const REPLY_TO: usize = 6;
const EXPIRATION: usize = 7;
const TIMESTAMP: usize = 9;
const USER_ID: usize = 11;
/// content-type to cluster-id; the flag of the n-th is bit 15 - n.
const COUNT: usize = 14;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Properties<'a> {
    /// Each property as it stands, its length included; `None` when its flag is not set.
    raw: [Option<&'a [u8]>; COUNT],
    /// Whether the headers name CC or BCC.
    pub copies: bool,
}

impl<'a> Properties<'a> {
    /// Reads flags and list; `None` when they are not whole.
    pub fn read(bytes: &'a [u8]) -> Option<Properties<'a>> {
        let mut rest = Arguments(bytes);
        let flags = rest.short()?;
        let mut properties = Properties::default();
        // Bit 0 announces more flags, which AMQP 0-9-1 has no properties for.
        if flags & 3 != 0 {
            return None;
        }
        for index in 0..COUNT {
            if flags & (1 << (15 - index)) == 0 {
                continue;
            }
            let before = rest.0;
            match index {
                HEADERS => {
                    let len = rest.long()? as usize;
                    let (table, after) = rest.0.split_at_checked(len)?;
                    table::walk(table, |key| properties.copies |= key == b"CC" || key == b"BCC")?;
                    rest.0 = after;
                }
                DELIVERY_MODE | PRIORITY => {
                    rest.octet()?;
                }
                TIMESTAMP => {
                    rest.long_long()?;
                }
                _ => {
                    rest.short_string()?;
                }
            }
            properties.raw[index] = Some(&before[..before.len() - rest.0.len()]);
        }
        rest.0.is_empty().then_some(properties)
    }

    /// The headers; an empty table when there are none.
    pub fn headers(&self) -> FieldTable {
        self.raw[HEADERS]
            .and_then(|bytes| parse_field_table(bytes).ok())
            .map(|(_, table)| table)
            .unwrap_or_default()
    }

    pub fn priority(&self) -> u8 {
        self.raw[PRIORITY].map_or(0, |bytes| bytes[0])
    }

    pub fn persistent(&self) -> bool {
        self.raw[DELIVERY_MODE].is_some_and(|bytes| bytes[0] == 2)
    }

    pub fn reply_to(&self) -> Option<&'a [u8]> {
        self.raw[REPLY_TO].map(|bytes| &bytes[1..])
    }

    pub fn expiration(&self) -> Option<&'a [u8]> {
        self.raw[EXPIRATION].map(|bytes| &bytes[1..])
    }

    pub fn user_id(&self) -> Option<&'a [u8]> {
        self.raw[USER_ID].map(|bytes| &bytes[1..])
    }

    /// The headers as they stand, without their length.
    pub fn raw_headers(&self) -> &'a [u8] {
        self.raw[HEADERS].map_or(&[], |bytes| &bytes[4..])
    }

    /// The list written anew with other headers, which may be none, and perhaps without an expiration.
    pub fn with_headers(&self, headers: &FieldTable, keep_expiration: bool) -> Vec<u8> {
        let table = gen_field_table(headers)(WriteContext::from(Vec::new()));
        // A Vec takes every byte.
        let table = table.map(|table| table.into_inner().0).unwrap_or_default();
        self.with_raw_headers(table.get(4..).unwrap_or_default(), keep_expiration)
    }

    /// `with_headers` with headers that are written already, without their length.
    pub fn with_raw_headers(&self, headers: &[u8], keep_expiration: bool) -> Vec<u8> {
        let mut table = (headers.len() as u32).to_be_bytes().to_vec();
        table.extend_from_slice(headers);
        let mut changed = *self;
        changed.raw[HEADERS] = Some(&table);
        if !keep_expiration {
            changed.raw[EXPIRATION] = None;
        }
        changed.write()
    }

    /// The list written anew with another reply-to, at most 255 bytes.
    pub fn with_reply_to(&self, reply_to: &[u8]) -> Vec<u8> {
        let mut raw = Vec::new();
        put_short_string(&mut raw, reply_to);
        let mut changed = *self;
        changed.raw[REPLY_TO] = Some(&raw);
        changed.write()
    }

    fn write(&self) -> Vec<u8> {
        let mut flags = 0u16;
        for (index, property) in self.raw.iter().enumerate() {
            if property.is_some() {
                flags |= 1 << (15 - index);
            }
        }
        let mut out = flags.to_be_bytes().to_vec();
        for property in self.raw.iter().flatten() {
            out.extend_from_slice(property);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amq_protocol::protocol::basic::AMQPProperties;
    use amq_protocol::types::AMQPValue;

    fn encode(properties: &AMQPProperties) -> Vec<u8> {
        amq_protocol::protocol::basic::gen_properties(properties)(WriteContext::from(Vec::new()))
            .unwrap()
            .into_inner()
            .0
    }

    fn headers() -> FieldTable {
        let mut headers = FieldTable::default();
        headers.insert(
            "CC".into(),
            AMQPValue::FieldArray(vec![AMQPValue::LongString("a".into())].into()),
        );
        headers.insert("n".into(), AMQPValue::LongInt(5));
        headers
    }

    #[test]
    fn every_property_is_found_where_it_stands() {
        let wire = encode(
            &AMQPProperties::default()
                .with_content_type("text/plain".into())
                .with_headers(headers())
                .with_delivery_mode(2)
                .with_priority(7)
                .with_reply_to("back".into())
                .with_expiration("1000".into())
                .with_timestamp(5)
                .with_user_id("guest".into()),
        );
        let properties = Properties::read(&wire).unwrap();
        assert_eq!(properties.headers(), headers());
        assert!(properties.persistent() && properties.copies);
        assert_eq!(properties.priority(), 7);
        assert_eq!(properties.reply_to(), Some(&b"back"[..]));
        assert_eq!(properties.expiration(), Some(&b"1000"[..]));
        assert_eq!(properties.user_id(), Some(&b"guest"[..]));
        for end in 0..wire.len() {
            assert_eq!(Properties::read(&wire[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn a_list_written_anew_changes_only_what_was_asked_for() {
        let before = AMQPProperties::default()
            .with_headers(headers())
            .with_expiration("5".into())
            .with_app_id("app".into());
        let wire = encode(&before);
        let properties = Properties::read(&wire).unwrap();
        let mut other = FieldTable::default();
        other.insert("x".into(), AMQPValue::Boolean(true));
        let after = AMQPProperties::default()
            .with_headers(other.clone())
            .with_app_id("app".into());
        assert_eq!(properties.with_headers(&other, false), encode(&after));
        assert_eq!(
            properties.with_reply_to(b"here"),
            encode(&before.with_reply_to("here".into()))
        );
    }
}
