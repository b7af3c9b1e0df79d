//! What a service may say of itself where it is registered: how long its words may be, and how many.

use std::collections::BTreeMap;

/// The longest name, id, address, version or tag, in bytes.
const MAX_WORD: usize = 255;

/// The most tags, and the most pairs of `meta`.
const MAX_COUNT: usize = 64;

/// The longest key of `meta`, and the longest value.
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 512;

/// What is wrong with a name, an id or an address.
pub(crate) fn check_word(word: &str) -> Result<(), String> {
    check_text(word, MAX_WORD)?;
    match word.trim().is_empty() {
        true => Err("it is empty".to_owned()),
        false => Ok(()),
    }
}

/// What is wrong with a text that may be empty.
pub(crate) fn check_version(version: &str) -> Result<(), String> {
    check_text(version, MAX_WORD)
}

/// What is wrong with tags.
pub(crate) fn check_tags(tags: &[String]) -> Result<(), String> {
    check_count(tags.len())?;
    tags.iter().try_for_each(|tag| check_word(tag))
}

/// What is wrong with `meta`.
pub(crate) fn check_meta(meta: &BTreeMap<String, String>) -> Result<(), String> {
    check_count(meta.len())?;
    meta.iter().try_for_each(|(key, value)| {
        check_word(key)?;
        check_text(key, MAX_KEY)?;
        check_text(value, MAX_VALUE)
    })
}

fn check_count(count: usize) -> Result<(), String> {
    match count > MAX_COUNT {
        true => Err(format!("there are {count} of them, and {MAX_COUNT} may be")),
        false => Ok(()),
    }
}

fn check_text(text: &str, most: usize) -> Result<(), String> {
    if text.len() > most {
        return Err(format!("one has {} bytes, and {most} may be", text.len()));
    }
    match text.chars().any(char::is_control) {
        true => Err("there is a control character in it".to_owned()),
        false => Ok(()),
    }
}

/// A host and perhaps a port: `orders.internal`, `10.0.0.5:8080`, `[fd00::5]:8080`, `fd00::5`.
pub(crate) fn parse_address(text: &str) -> Result<(String, Option<u16>), String> {
    check_word(text)?;
    if text.contains(char::is_whitespace) || text.contains('/') {
        return Err("it is neither a host nor an address".to_owned());
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or_default())),
            None => return Err("a bracket is not closed".to_owned()),
        },
        // More than one colon: those of an IPv6 address.
        None if text.matches(':').count() > 1 => (text, None),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err("there is no host in it".to_owned());
    }
    if host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_err() {
        return Err(format!("`{host}` is not an IPv6 address"));
    }
    let port = port.map(|port| match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("`{port}` is not a port")),
    });
    Ok((host.to_owned(), port.transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_perhaps_a_port() {
        let good = [
            ("orders.internal", "orders.internal", None),
            ("10.0.0.5:8080", "10.0.0.5", Some(8080)),
            ("[fd00::5]:8080", "fd00::5", Some(8080)),
            ("[fd00::5]", "fd00::5", None),
            ("fd00::5", "fd00::5", None),
        ];
        for (text, host, port) in good {
            assert_eq!(parse_address(text), Ok((host.to_owned(), port)), "{text}");
        }
        let bad = [
            "",
            " ",
            ":80",
            "a:",
            "a:0",
            "a:65536",
            "a:b",
            "[fd00::5",
            "[fd00::5]80",
            "a:b:c",
            "http://a",
            "a b",
            "a\nb",
        ];
        for text in bad {
            assert!(parse_address(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn words_tags_and_meta_are_bounded() {
        assert!(check_word("orders").is_ok() && check_version("").is_ok());
        for word in ["", " ", "a\u{7}", &"x".repeat(256)] {
            assert!(check_word(word).is_err(), "{word:?}");
        }
        let tags = |count| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        assert!(check_tags(&tags(64)).is_ok() && check_tags(&tags(65)).is_err());
        let meta =
            |key: usize, value: usize| BTreeMap::from([("k".repeat(key), "v".repeat(value))]);
        assert!(check_meta(&meta(128, 512)).is_ok());
        assert!(check_meta(&meta(129, 1)).is_err() && check_meta(&meta(1, 513)).is_err());
        assert!(check_meta(&meta(0, 1)).is_err());
    }
}
