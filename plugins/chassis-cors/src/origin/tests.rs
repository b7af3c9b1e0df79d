//! Which origins are allowed: what must hold whatever somebody sends.

use super::*;
use proptest::prelude::*;

fn read(text: &str) -> AllowedOrigin {
    text.parse().unwrap_or_else(|told| panic!("{told}"))
}

#[test]
fn an_origin_is_allowed_as_a_browser_sends_it() {
    for (allowed, sent) in [
        ("https://app.example.com", "https://app.example.com"),
        ("HTTPS://App.Example.com:443", "https://app.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://192.0.2.7:8443", "https://192.0.2.7:8443"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("https://*.example.com", "https://app.example.com"),
        ("https://*.example.com", "https://a.b.example.com"),
        ("https://*.example.com:8443", "https://app.example.com:8443"),
        ("http://*.localhost:3000", "http://shop.localhost:3000"),
        ("null", "null"),
        ("*", "https://anybody.example"),
        ("*", "null"),
    ] {
        assert!(read(allowed).allows(sent), "{allowed} of {sent}");
    }
}

#[test]
fn no_other_is() {
    for (allowed, sent) in [
        ("https://example.com", "http://example.com"),
        ("https://example.com", "https://example.com:8443"),
        ("https://example.com", "https://app.example.com"),
        ("https://example.com", "https://example.com.evil.org"),
        ("https://example.com", "https://example.com@evil.org"),
        ("https://example.com", "https://example.com/"),
        ("https://example.com", "https://example.com."),
        ("https://example.com", "https://example.com:"),
        ("https://example.com", "https://example.com:+443"),
        ("https://example.com", "null"),
        ("https://example.com", ""),
        ("http://localhost:3000", "http://localhost:30000"),
        ("https://*.example.com", "https://example.com"),
        ("https://*.example.com", "https://evilexample.com"),
        ("https://*.example.com", "https://.example.com"),
        ("https://*.example.com", "https://..example.com"),
        ("https://*.example.com", "https://evil.org/.example.com"),
        ("https://*.example.com", "https://evil.org?.example.com"),
        ("https://*.example.com", "https://evil.org#.example.com"),
        ("https://*.example.com", "https://evil.org@a.example.com"),
        ("https://*.example.com", "https://evil.org:443.example.com"),
        ("https://*.example.com", "https://evil.org\\.example.com"),
        ("https://*.example.com", "https://app.example.com.evil.org"),
        ("https://*.example.com", "https://app.example.com:8443"),
        ("https://*.example.com", "http://app.example.com"),
        ("https://*.example.com", "null"),
        ("https://*.example.com", "https://*.example.com"),
        ("https://*.example.com", "https://\u{fc}.example.com"),
        ("null", "NULL"),
        ("null", "https://null"),
    ] {
        assert!(!read(allowed).allows(sent), "{allowed} of {sent}");
    }
}

#[test]
fn what_is_no_origin_is_told_with_what_to_write() {
    for (text, told) in [
        ("app.example.com", "write `https://app.example.com`"),
        ("", "write `https://app.example.com`"),
        (
            "https://example.com/",
            "it has a path; write `https://example.com`",
        ),
        (
            "https://example.com/a?b",
            "it has a path; write `https://example.com`",
        ),
        ("https://*", "subdomains; write `https://*.example.com`"),
        ("https://*.*.example.com", "subdomains"),
        ("https://app*.example.com", "subdomains"),
        ("https://example.com:*", "subdomains"),
        ("https://*.com", "whoever has a name below `com`"),
        ("https://*.0.0.1", "addresses have no subdomains"),
        ("https://*.[::1]", "addresses have no subdomains"),
        ("https://", "`http://localhost:3000`"),
        ("https://user@example.com", "`http://localhost:3000`"),
        ("https://example.com:99999", "`http://localhost:3000`"),
        ("https://b\u{fc}cher.example", "in ASCII"),
        ("1https://example.com", "`http://localhost:3000`"),
    ] {
        let said = text.parse::<AllowedOrigin>().expect_err(text);
        assert!(said.contains(told), "{text}: {said}");
    }
}

/// Labels of hosts, with some of those that matter.
fn host() -> impl Strategy<Value = String> {
    let label = prop_oneof![
        "[a-z0-9]{1,8}",
        Just("example".to_owned()),
        Just("evilexample".to_owned()),
        Just("com".to_owned()),
    ];
    prop::collection::vec(label, 1..5).prop_map(|labels| labels.join("."))
}

/// Texts that look like an origin, or like a way around one.
fn sent() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![Just("https"), Just("http"), Just("HTTPS"), Just("")];
    let between = prop_oneof![
        Just(""),
        Just("."),
        Just("/"),
        Just("@"),
        Just("?"),
        Just("#"),
        Just(":"),
        Just("\\"),
        Just("%2e"),
        Just(" "),
        Just("\0"),
    ];
    let end = prop_oneof![
        Just(""),
        Just("."),
        Just("/"),
        Just(":443"),
        Just(":8443"),
        Just(":"),
        Just(".evil.org")
    ];
    (scheme, host(), between, host(), end).prop_map(|(scheme, one, between, other, end)| {
        format!("{scheme}://{one}{between}{other}{end}")
    })
}

proptest! {
    /// A wildcard lets in nobody who does not own a name below its host: by another way of telling than the one of the code.
    #[test]
    fn a_wildcard_never_allows_a_foreign_host(sent in prop_oneof![sent(), ".{0,40}"]) {
        let ours = read("https://*.example.com");
        if ours.allows(&sent) {
            let lower = sent.to_ascii_lowercase();
            let host = lower.strip_prefix("https://").expect("another scheme");
            let host = host.strip_suffix(":443").unwrap_or(host);
            let below = host.strip_suffix(".example.com").expect("another host");
            prop_assert!(!below.is_empty());
            prop_assert!(below.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
        }
    }

    #[test]
    fn one_origin_allows_itself_and_no_other(one in host(), other in host(), port in any::<Option<u16>>()) {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let allowed = read(&format!("https://{one}{port}"));
        let own = format!("https://{one}{port}");
        let foreign = format!("https://{other}{port}");
        prop_assert!(allowed.allows(&own));
        prop_assert_eq!(allowed.allows(&foreign), one == other);
    }

    /// Several let in whom one of them lets in, though most are found without being taken apart.
    #[test]
    fn several_allow_what_one_of_them_does(
        more in prop::collection::vec(host(), 0..4), other in sent(), which in any::<prop::sample::Index>(), as_is in any::<bool>(),
    ) {
        let texts = more.iter().map(|host| format!("https://{host}"));
        let texts = texts.chain(["https://*.example.com".to_owned(), "null".to_owned()]);
        let mut texts: Vec<_> = texts.chain([other.clone()]).collect();
        let sent = match as_is {
            true => which.get(&texts).clone(),
            false => other,
        };
        texts.pop_if(|last| last.parse::<AllowedOrigin>().is_err() || !as_is);
        let one_does = texts.iter().any(|text| read(text).allows(&sent));
        let all = Origins::new(texts.iter().map(|text| read(text)).collect());
        if let Ok(value) = HeaderValue::from_str(&sent) {
            prop_assert_eq!(all.allow(&value), one_does);
        }
    }

    #[test]
    fn what_is_shown_is_read_again(sent in sent()) {
        if let Ok(allowed) = sent.parse::<AllowedOrigin>() {
            prop_assert_eq!(read(&allowed.to_string()), allowed);
        }
    }
}
