//! Small things about names and times, for error messages and settings.

use std::{
    fmt::Display,
    time::{Duration, SystemTime},
};

/// The candidates nearest to `name`, best first, at most three; none that are far off, or much farther than the best.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + name.len().max(candidate.len()) / 3)
        .collect();
    near.sort_unstable();
    near.dedup();
    let best = near.first().map_or(0, |(distance, _)| *distance);
    near.into_iter()
        .take_while(|(distance, _)| *distance <= best + 1)
        .map(|(_, candidate)| candidate)
        .take(3)
        .collect()
}

/// Whether one was written for the other by a slip of the hand: then it may be put right without asking. Between short
/// words, what is one letter away is another word.
pub(crate) fn is_slip(name: &str, meant: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().replace(['_', '-', ' '], "");
    let is_long = name.len().min(meant.len()) >= 4;
    plain(name) == plain(meant) || is_long && strsim::damerau_levenshtein(name, meant) == 1
}

/// `` did you mean `a`, `b`? `` or nothing.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let near = nearest(name, candidates);
    (!near.is_empty()).then(|| format!("did you mean {}?", quoted(near)))
}

/// `` `a`, `b` ``
pub(crate) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names
        .into_iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The text with each control character as an escape: it can neither move the cursor nor begin a line.
pub(crate) fn visible(text: &str) -> String {
    let shown = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(shown).collect()
}

/// Reads `250ms`, `30s`, `5m`, `2h`; a bare number is an error that says which unit to write.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number
        .parse()
        .map_err(|_| format!("`{text}` is not a duration; write `30s`"))?;
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "" => {
            return Err(match nanoseconds(number) {
                Some(time) => format!("`{text}` has no unit{IN_NANOSECONDS}`{time}`"),
                None => format!("`{text}` has no unit; write `{text}s` or `{text}ms`"),
            });
        }
        _ => return Err(not_a_unit(number, unit, &["ms", "s", "m", "h"])),
    };
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is too long a time"))
}

/// What stands before the time that a number may mean.
pub(crate) const IN_NANOSECONDS: &str = "; in nanoseconds it would be ";

/// The time that a number means if it is Go's way to write one. In seconds it would be 11 days or more.
fn nanoseconds(number: u64) -> Option<String> {
    let is_one = number >= 1_000_000 && number.is_multiple_of(1_000_000);
    is_one.then(|| show_duration(Duration::from_nanos(number)))
}

/// Reads `512B`, `16KiB`, `2MiB`, `1GiB`; a bare number is an error that says which unit to write.
pub(crate) fn parse_size(text: &str) -> Result<usize, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: usize = number
        .parse()
        .map_err(|_| format!("`{text}` is not a size; write `2MiB`"))?;
    let factor = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "" => {
            return Err(format!(
                "`{text}` has no unit; write `{text}B` or `{text}KiB`"
            ));
        }
        _ => {
            return Err(not_a_unit(number, unit, &["B", "KiB", "MiB", "GiB"]));
        }
    };
    number
        .checked_mul(factor)
        .ok_or_else(|| format!("`{text}` is too large"))
}

/// The text is named as a whole: it is left out as a whole where it must not be told.
fn not_a_unit(number: impl Display, found: &str, known: &[&str]) -> String {
    let unit = found.trim();
    match known.contains(&unit) {
        true => format!("`{number}{found}` has a space in it; write `{number}{unit}`"),
        false => {
            let known = known.join(", ");
            format!("the unit of `{number}{found}` is not known; write one of {known}")
        }
    }
}

/// `250ms`, `30s`, `5m`, `2h`: what [`parse_duration`] reads.
pub(crate) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => "0s".to_owned(),
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        _ if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
        _ if millis.is_multiple_of(1_000) => format!("{}s", millis / 1_000),
        _ => format!("{millis}ms"),
    }
}

/// `512B`, `16KiB`, `2MiB`, `1GiB`, in the largest unit that shows it whole: what [`parse_size`] reads.
pub(crate) fn show_size(bytes: u64) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units
        .into_iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
    {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor),
        None => format!("{bytes}B"),
    }
}

/// `postgres://user:***@host/`: a text without the passwords of the URLs in it, nor the tokens that stand for one.
pub(crate) fn mask_credentials(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        masked.extend([before, "://"]);
        // Only as far as the next, so that a text of many takes no longer than its length.
        let segment = after.split("://").next().unwrap_or_default();
        let url = segment.split([' ', '\t', '\n', '"', '\'']).next();
        let user = user_of(url.unwrap_or_default());
        match user.split_once(':') {
            Some((name, password)) if !password.is_empty() => masked.extend([name, ":***"]),
            _ if user.is_empty() => {}
            _ => masked.push_str("***"),
        }
        rest = &after[user.len()..];
    }
    masked + rest
}

/// What stands before the `@` of a URL, from after its `://`. In a password there may be a `/` that should be escaped.
fn user_of(url: &str) -> &str {
    let authority = url.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some((user, _)) = authority.rsplit_once('@') {
        return user;
    }
    let port = authority.split_once(':').map(|(_, port)| port);
    let is_host = port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    if is_host {
        return "";
    }
    url.rsplit_once('@').map_or("", |(user, _)| user)
}

/// A time as it stands in an answer: in milliseconds since 1970.
pub(crate) fn unix_millis<S: serde::Serializer>(
    time: &SystemTime,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.serialize_u64(millis_since_1970(*time))
}

/// A time as a number.
pub(crate) fn millis_since_1970(time: SystemTime) -> u64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_unit() {
        for (text, expected) in [
            ("30 s", "`30 s` has a space in it; write `30s`"),
            (
                "2 days",
                "the unit of `2 days` is not known; write one of ms, s, m, h",
            ),
            (
                "30sec",
                "the unit of `30sec` is not known; write one of ms, s, m, h",
            ),
        ] {
            assert_eq!(parse_duration(text).unwrap_err(), expected);
        }
        for (text, expected) in [
            ("10 MiB", "`10 MiB` has a space in it; write `10MiB`"),
            (
                "10MB",
                "the unit of `10MB` is not known; write one of B, KiB, MiB, GiB",
            ),
        ] {
            assert_eq!(parse_size(text).unwrap_err(), expected);
        }
    }

    #[test]
    fn credentials_in_urls() {
        for (text, masked) in [
            ("postgres://app:pw@db/x", "postgres://app:***@db/x"),
            ("a://u:p@h b://v:q@i", "a://u:***@h b://v:***@i"),
            ("postgres://app:pa/s@s@db/x", "postgres://app:***@db/x"),
            ("https://token@host/", "https://***@host/"),
            ("https://host:80/a@b", "https://host:80/a@b"),
            ("https://host/@scope", "https://host/@scope"),
            ("user@host, no url", "user@host, no url"),
        ] {
            assert_eq!(mask_credentials(text), masked);
        }
        // However many there are.
        let many = "://".repeat(300_000);
        assert_eq!(mask_credentials(&many), many);
    }

    #[test]
    fn slips() {
        for (name, meant, is) in [
            ("max_bdy", "max_body", true),
            ("max-body", "max_body", true),
            ("MyPlugin", "my-plugin", true),
            ("port", "host", false),
            ("tls", "ttl", false),
        ] {
            assert_eq!(is_slip(name, meant), is, "{name}");
        }
    }
}
