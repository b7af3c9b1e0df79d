//! What is wrong with settings that their types allow.

use crate::{
    Line, MaxAge, SecurityHeadersConfig,
    config::API,
    set::{EMBEDDER, OPENER, PERMISSIONS_POLICY, RESOURCE},
};
use chassis::{
    axum::http::{HeaderName, header},
    prelude::*,
};
use std::collections::BTreeMap;

/// Says what is wrong.
pub(crate) fn validate(config: &SecurityHeadersConfig, found: &mut Violations) {
    let mut refuse = |path: &str, message: &str, help: &str| {
        found.refuse(path, message).with_help(help);
    };
    let policies = (&config.content_security_policy, &config.permissions_policy);
    lines("", policies, &config.extra, &mut refuse);
    for (index, one) in config.routes.iter().enumerate() {
        let (policy, permissions) = (&one.content_security_policy, &one.permissions_policy);
        let policies = (
            policy.as_ref().unwrap_or(&Line::OFF),
            permissions.as_ref().unwrap_or(&Line::OFF),
        );
        lines(
            &format!("routes[{index}]."),
            policies,
            &one.extra,
            &mut refuse,
        );
    }
    for (index, name) in config.remove.iter().enumerate() {
        let path = format!("remove[{index}]");
        match name.parse::<HeaderName>() {
            Err(_) => refuse(&path, &format!("`{name}` is no header name"), NAME),
            Ok(name) if TAKEN.contains(&name) => {
                refuse(&path, "without it nobody could read the answer", NAME);
            }
            Ok(_) => {}
        }
    }
    let hsts = &config.hsts;
    if hsts.preload && !(hsts.include_subdomains && hsts.max_age >= MaxAge::days(365)) {
        refuse(
            "hsts.preload",
            "browsers ship with it only for a year or more, and with all subdomains",
            "write `max_age: 365d, include_subdomains: true` as well, or leave it out",
        );
    }
}

const NAME: &str = "write letters, digits and hyphens, such as `X-Powered-By`";

fn lines(
    at: &str,
    (policy, permissions): (&Line, &Line),
    extra: &BTreeMap<String, Line>,
    refuse: &mut impl FnMut(&str, &str, &str),
) {
    let mut line = |path: String, line: &Line, check: fn(&str) -> Option<Wrong>| {
        let Some(text) = line.text() else { return };
        let is_plain = |byte: u8| (b' '..=b'~').contains(&byte);
        if text.trim().is_empty() || !text.bytes().all(is_plain) {
            let message = "it can't stand in a header";
            refuse(&path, message, "write one line of visible ASCII, or `off`");
        } else if let Some((message, help)) = check(text) {
            refuse(&path, &message, &help);
        }
    };
    let path = |key: &str| format!("{at}{key}");
    line(path("content_security_policy"), policy, in_policy);
    line(path("permissions_policy"), permissions, in_permissions);
    for (name, value) in extra {
        line(path(&format!("extra.{name}")), value, |_| None);
    }
    for name in extra.keys() {
        let path = format!("{at}extra.{name}");
        match name.parse::<HeaderName>() {
            Err(_) => refuse(&path, "it is no header name", NAME),
            Ok(name) if TAKEN.contains(&name) => {
                let message = "it has a meaning of its own, and is not for all answers";
                refuse(&path, message, "leave it to the handlers");
            }
            Ok(name) => {
                if let Some((_, key)) = OWN.iter().find(|(own, _)| *own == name) {
                    let help = format!("write it under `{key}`");
                    refuse(&path, "it has a setting of its own", &help);
                }
            }
        }
    }
}

/// What is wrong, and what to write.
type Wrong = (String, String);

/// Words that mean something only in quotes; without, they are the names of hosts, and the policy is another one than it seems.
const QUOTED: [&str; 9] = [
    "none",
    "self",
    "unsafe-inline",
    "unsafe-eval",
    "unsafe-hashes",
    "wasm-unsafe-eval",
    "strict-dynamic",
    "report-sample",
    "inline-speculation-rules",
];

fn in_policy(text: &str) -> Option<Wrong> {
    if text == API {
        return None;
    }
    let directives = text.split(';').map(str::trim);
    for directive in directives.filter(|directive| !directive.is_empty()) {
        let mut words = directive.split_ascii_whitespace();
        let name = words.next().unwrap_or_default();
        if !name
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
        {
            let message = format!("`{name}` is no directive");
            let help = "write `default-src 'self'; frame-ancestors 'none'`, `api` or `off`";
            return Some((message, help.to_owned()));
        }
        if let Some(word) = words.find(|word| QUOTED.contains(word)) {
            let message = format!("`{word}` in `{name}` is the name of a host");
            return Some((message, format!("write it in single quotes: `'{word}'`")));
        }
    }
    None
}

fn in_permissions(text: &str) -> Option<Wrong> {
    // What stands in brackets has no commas.
    let wrong = text.split(',').map(str::trim).find(|one| {
        let is_feature = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_*.".contains(&byte)
        };
        match one.split_once('=') {
            Some((name, allowed)) => !name.bytes().all(is_feature) || allowed.is_empty(),
            None => true,
        }
    })?;
    let message = format!("`{wrong}` is not a feature and who may use it");
    Some((message, "write `camera=(), geolocation=(self)`".to_owned()))
}

/// Each of these has a setting.
const OWN: [(HeaderName, &str); 9] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "frame_options"),
    (header::REFERRER_POLICY, "referrer_policy"),
    (header::CONTENT_SECURITY_POLICY, "content_security_policy"),
    (header::STRICT_TRANSPORT_SECURITY, "hsts"),
    (PERMISSIONS_POLICY, "permissions_policy"),
    (OPENER, "cross_origin_opener_policy"),
    (RESOURCE, "cross_origin_resource_policy"),
    (EMBEDDER, "cross_origin_embedder_policy"),
];

/// What frames an answer, says what it is, or belongs to one caller.
const TAKEN: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::DATE,
    header::LOCATION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::VARY,
    header::WWW_AUTHENTICATE,
];
