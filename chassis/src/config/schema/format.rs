//! The `format` of a text, as far as it can be told without a parser: what is let through may still be
//! wrong, what is refused is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the text should be, if it is not. A format that is not known here is a remark.
pub(super) fn broken(format: &str, text: &str) -> Option<&'static str> {
    let (holds, expected) = match format {
        "uri" => (is_uri(text), "a URI, as `https://example.com/`"),
        "email" => (is_email(text), "an e-mail address, as `a@example.com`"),
        "hostname" => (is_hostname(text), "the name of a host, as `example.com`"),
        "ip" => (text.parse::<IpAddr>().is_ok(), "an IP address"),
        "ipv4" => (
            text.parse::<Ipv4Addr>().is_ok(),
            "an IPv4 address, as `10.0.0.1`",
        ),
        "ipv6" => (
            text.parse::<Ipv6Addr>().is_ok(),
            "an IPv6 address, as `fd00::1`",
        ),
        "uuid" => (is_uuid(text), "a UUID"),
        "date" => (is_date(text), "a date, as `2026-01-31`"),
        "date-time" => (
            is_date_time(text),
            "a date with a time, as `2026-01-31T12:00:00Z`",
        ),
        _ => return None,
    };
    (!holds).then_some(expected)
}

fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && !rest.is_empty()
        && !rest
            .contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c))
}

fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.rsplit_once('@') else {
        return false;
    };
    let quoted = name.len() > 2 && name.starts_with('"') && name.ends_with('"');
    let plain = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '@');
    (quoted || plain) && (host.starts_with('[') || is_hostname(host))
}

fn is_hostname(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.concat().chars().all(|c| c.is_ascii_hexdigit())
}

fn is_date(text: &str) -> bool {
    let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=12).contains(&month) && (1..=days).contains(&day)
}

fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't', ' ']) else {
        return false;
    };
    let Some(at) = time.find(['Z', 'z', '+', '-']) else {
        return false;
    };
    let (time, offset) = time.split_at(at);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let zone = match offset.split_at(1) {
        ("+" | "-", offset) => is_time(offset, &[23, 59]),
        (_, rest) => rest.is_empty(),
    };
    // A minute may have a leap second.
    is_date(date)
        && is_time(time, &[23, 59, 60])
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && zone
}

/// Two digits each, with these as the highest.
fn is_time(text: &str, highest: &[u32]) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == highest.len()
        && parts
            .iter()
            .zip(highest)
            .all(|(part, most)| digits(part, 2).is_some_and(|part| part <= *most))
}

fn digits(text: &str, count: usize) -> Option<u32> {
    let all = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok())?
}
