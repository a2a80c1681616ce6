//! Field tables (section 4.2.5.5) walked in place, before the recursive codec sees them: one that is nested a thousand
//! deep would take the thread's stack, and with it the process.

use super::content::Arguments;

/// Tables within tables deeper than this are refused.
const DEPTH: usize = 256;

/// Calls `entry` with the keys of a table (without its length); `None` when it is not whole, nested too deep, or has numbers
/// that are none: Erlang has neither infinity nor NaN, and RabbitMQ refuses them.
pub fn walk<'a>(table: &'a [u8], mut entry: impl FnMut(&'a [u8])) -> Option<()> {
    let mut rest = Arguments(table);
    while !rest.0.is_empty() {
        entry(rest.short_string()?);
        walk_value(&mut rest, 0)?;
    }
    Some(())
}

/// A key with its value as it stands, the type in front.
pub type Entry<'a> = (&'a [u8], &'a [u8]);

/// The entries of a table (without its length), in their order.
pub fn entries(table: &[u8]) -> Option<Vec<Entry<'_>>> {
    let mut rest = Arguments(table);
    let mut entries = Vec::new();
    while !rest.0.is_empty() {
        let key = rest.short_string()?;
        entries.push((key, value(&mut rest)?));
    }
    Some(entries)
}

/// The values of an array (without its length), in their order.
pub fn values(array: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = Arguments(array);
    let mut values = Vec::new();
    while !rest.0.is_empty() {
        values.push(value(&mut rest)?);
    }
    Some(values)
}

fn value<'a>(rest: &mut Arguments<'a>) -> Option<&'a [u8]> {
    let before = rest.0;
    walk_value(rest, 0)?;
    Some(&before[..before.len() - rest.0.len()])
}

/// Passes over a table that begins with its length.
pub fn skip(rest: &mut Arguments<'_>) -> Option<()> {
    let len = rest.long()? as usize;
    let (table, after) = rest.0.split_at_checked(len)?;
    walk(table, |_| {})?;
    rest.0 = after;
    Some(())
}

fn walk_value(rest: &mut Arguments<'_>, depth: usize) -> Option<()> {
    // The types that the codec knows: what is passed over here must be no table there.
    let size = match rest.octet()? {
        b't' | b'b' | b'B' => 1,
        b's' | b'u' | b'U' => 2,
        b'f' if !f32::from_be_bytes(*rest.0.first_chunk()?).is_finite() => return None,
        b'd' if !f64::from_be_bytes(*rest.0.first_chunk()?).is_finite() => return None,
        b'I' | b'i' | b'f' => 4,
        b'l' | b'L' | b'd' | b'T' => 8,
        b'D' => 5,
        b'V' => 0,
        b'S' | b'x' => rest.long()? as usize,
        kind @ (b'F' | b'A') => {
            if depth == DEPTH {
                return None;
            }
            let len = rest.long()? as usize;
            let (inner, after) = rest.0.split_at_checked(len)?;
            let mut values = Arguments(inner);
            while !values.0.is_empty() {
                if kind == b'F' {
                    values.short_string()?;
                }
                walk_value(&mut values, depth + 1)?;
            }
            rest.0 = after;
            0
        }
        _ => return None,
    };
    rest.0 = rest.0.get(size..)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table in a table, `depth` deep, or arrays when `kind` is `A`.
    fn nested(kind: u8, depth: usize) -> Vec<u8> {
        let mut value = vec![b'V'];
        for _ in 0..depth {
            let inner = if kind == b'F' {
                [&[0][..], &value].concat()
            } else {
                value
            };
            value = vec![kind];
            value.extend_from_slice(&(inner.len() as u32).to_be_bytes());
            value.extend_from_slice(&inner);
        }
        [&[0][..], &value].concat()
    }

    #[test]
    fn a_table_nested_without_end_is_refused() {
        for kind in [b'F', b'A'] {
            assert_eq!(walk(&nested(kind, DEPTH), |_| {}), Some(()));
            assert_eq!(walk(&nested(kind, DEPTH + 1), |_| {}), None);
            assert_eq!(walk(&nested(kind, 20_000), |_| {}), None);
        }
    }

    #[test]
    fn the_deepest_table_fits_the_stack_of_the_recursive_codec() {
        use amq_protocol::frame::WriteContext;
        use amq_protocol::types::generation::gen_field_table;
        use amq_protocol::types::parsing::parse_field_table;
        let whole = |kind| {
            let table = nested(kind, DEPTH);
            [&(table.len() as u32).to_be_bytes()[..], &table].concat()
        };
        let work = move || {
            for kind in [b'F', b'A'] {
                let bytes = whole(kind);
                let (_, table) = parse_field_table(&bytes[..]).unwrap();
                let written = gen_field_table(&table)(WriteContext::from(Vec::new()));
                assert!(table == table.clone() && written.unwrap().into_inner().0 == bytes);
            }
        };
        // Half of what the runtime's threads have.
        let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(work);
        thread.unwrap().join().unwrap();
    }

    #[test]
    fn infinity_and_nan_are_refused() {
        for number in [f64::INFINITY, f64::NAN] {
            let double = [&[1, b'n', b'd'][..], &number.to_be_bytes()].concat();
            assert_eq!(walk(&double, |_| {}), None);
            let float = [&[1, b'n', b'f'][..], &(number as f32).to_be_bytes()].concat();
            assert_eq!(walk(&float, |_| {}), None);
        }
    }

    #[test]
    fn a_table_that_is_not_whole_is_refused() {
        let table = nested(b'F', 3);
        for end in 1..table.len() {
            assert_eq!(walk(&table[..end], |_| {}), None, "cut at {end}");
        }
        assert_eq!(walk(&[1, b'a', b'?'], |_| {}), None);
    }
}
