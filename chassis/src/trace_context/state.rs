//! `tracestate`: what systems of tracing have written into a trace, handed on unread, within limits.

use std::sync::Arc;

/// The most members of a list.
const MAX_MEMBERS: usize = 32;

/// The most bytes of all of them.
const MAX_BYTES: usize = 512;

/// The bytes of a member that has to go before others do.
const LONG_MEMBER: usize = 128;

/// The list that some headers are together; none if it is empty, malformed or of too many members. One that is too long is
/// cut as the standard says (3.3.1.5): of the long members the last go first, and then the last of all.
pub(super) fn read<'h>(headers: impl Iterator<Item = &'h [u8]>) -> Option<Arc<str>> {
    let mut keys: Vec<&[u8]> = Vec::new();
    let mut members: Vec<&str> = Vec::new();
    for header in headers {
        for member in header.split(|&byte| byte == b',') {
            let member = member.trim_ascii();
            if member.is_empty() {
                continue;
            }
            let equals = member.iter().position(|&byte| byte == b'=')?;
            let (key, value) = (&member[..equals], &member[equals + 1..]);
            if !is_key(key) || !is_value(value) || keys.contains(&key) {
                return None;
            }
            keys.push(key);
            members.push(str::from_utf8(member).ok()?);
            if keys.len() > MAX_MEMBERS {
                return None;
            }
        }
    }
    while length(&members) > MAX_BYTES {
        let long = members
            .iter()
            .rposition(|member| member.len() > LONG_MEMBER);
        match long {
            Some(long) => _ = members.remove(long),
            None => _ = members.pop(),
        }
    }
    (!members.is_empty()).then(|| members.join(",").into())
}

/// How long the list of them is, with the commas.
fn length(members: &[&str]) -> usize {
    let all: usize = members.iter().map(|member| member.len() + 1).sum();
    all.saturating_sub(1)
}

fn is_key(key: &[u8]) -> bool {
    let is_first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_later = |byte: &u8| is_first(byte) || b"_-*/@".contains(byte);
    key.len() <= 256 && key.first().is_some_and(is_first) && key.iter().all(is_later)
}

fn is_value(value: &[u8]) -> bool {
    // Blanks at its end are none of it: the member was trimmed.
    let is_char = |byte: &u8| matches!(byte, b' '..=b'~') && !b",=".contains(byte);
    (1..=256).contains(&value.len()) && value.iter().all(is_char)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(headers: &[&str]) -> Option<String> {
        let list = read(headers.iter().map(|header| header.as_bytes()));
        list.map(|list| list.to_string())
    }

    #[test]
    fn headers_are_one_list() {
        let list = read_all(&["a=1 x, b@c=2", "", " , 0d/*_-=~"]);
        assert_eq!(list.as_deref(), Some("a=1 x,b@c=2,0d/*_-=~"));
        assert_eq!(read_all(&[]), None);
        assert_eq!(read_all(&[" , "]), None);
    }

    #[test]
    fn what_is_malformed_is_dropped_as_a_whole() {
        let many = |count: usize| (0..count).map(|n| format!("k{n}=v,")).collect::<String>();
        assert!(read_all(&[&many(32)]).is_some());
        let dropped = [
            &many(33),
            "a=1,b",
            "a=1,a=2",
            "A=1",
            "=1",
            "a=",
            "a=1=2",
            "-a=1",
            "a=\u{e4}",
            "a=1\tb",
        ];
        for list in dropped {
            assert_eq!(read_all(&[list]), None, "{list}");
        }
    }

    #[test]
    fn of_what_is_too_long_long_members_go_first_and_then_the_last() {
        let member = |key: &str, length: usize| format!("{key}={}", "x".repeat(length - 2));
        let cut = |lengths: &[usize]| {
            let keys = ["a", "b", "c", "d", "e"].iter();
            let all: Vec<_> = keys.zip(lengths).map(|(k, l)| member(k, *l)).collect();
            let read = read_all(&[&all.join(",")]).unwrap();
            let keys: Vec<&str> = read.split(',').map(|member| &member[..1]).collect();
            keys.concat()
        };
        assert_eq!(cut(&[257, 254]), "ab", "512 bytes");
        assert_eq!(cut(&[257, 255]), "a");
        assert_eq!(cut(&[129, 128, 128, 128]), "bcd");
        assert_eq!(cut(&[128, 128, 128, 128]), "abc");
        assert_eq!(cut(&[10, 200, 128, 200, 10]), "abce");
    }
}
