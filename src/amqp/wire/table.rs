//! Field tables (section 4.2.5.5) walked in place, before the recursive codec sees them: one that is nested a thousand
//! deep would take the thread's stack, and with it the process.

use super::content::Arguments;

/// Tables within tables deeper than this are refused.
const DEPTH: usize = 64;

/// Calls `entry` with the keys of a table (without its length); `None` when it is not whole or nested too deep.
pub fn walk<'a>(table: &'a [u8], mut entry: impl FnMut(&'a [u8])) -> Option<()> {
    let mut rest = Arguments(table);
    while !rest.0.is_empty() {
        entry(rest.short_string()?);
        walk_value(&mut rest, 0)?;
    }
    Some(())
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
    fn a_table_that_is_not_whole_is_refused() {
        let table = nested(b'F', 3);
        for end in 1..table.len() {
            assert_eq!(walk(&table[..end], |_| {}), None, "cut at {end}");
        }
        assert_eq!(walk(&[1, b'a', b'?'], |_| {}), None);
    }
}
