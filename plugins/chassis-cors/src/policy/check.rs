//! What is wrong with policies that their types allow.

use super::PolicyConfig;
use chassis::{RoutePattern, axum::http::HeaderName, prelude::*};
use std::time::Duration;

/// Longer than any browser keeps the answer to a preflight.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Says what is wrong.
pub(crate) fn validate(policies: &[PolicyConfig], found: &mut Violations) {
    let is_everywhere = |policy: &PolicyConfig| policy.routes.contains(&RoutePattern::all());
    let last = policies.iter().position(is_everywhere);
    for (index, policy) in policies.iter().enumerate() {
        if let Some(last) = last.filter(|last| *last < index) {
            let message = format!("nobody ever comes to it: `policies[{last}]` is for all routes");
            found
                .refuse(&format!("policies[{index}].routes"), message)
                .with_help("the first that is for a route counts: put it in front of that one");
        }
        let mut refuse = |at: String, message: &str, help: &str| {
            let path = format!("policies[{index}].{at}");
            found.refuse(&path, message).with_help(help);
        };
        origins(policy, &mut refuse);
        names(policy, &mut refuse);
        if policy.max_age > LONGEST {
            refuse("max_age".into(), "it is more than 24h", "write at most 24h");
        }
    }
}

fn origins(policy: &PolicyConfig, refuse: &mut impl FnMut(String, &str, &str)) {
    for (at, origin) in policy.origins.iter().enumerate() {
        let path = format!("origins[{at}]");
        if policy.credentials && origin.is_all() {
            let message = "with `credentials` no browser takes `*` for all: every page could act for whoever visits it";
            refuse(
                path,
                message,
                "name the origins, or write `credentials: false`",
            );
        } else if policy.credentials && origin.is_null() {
            let message = "any page can have the origin `null`: with `credentials` it could act for whoever visits it";
            refuse(
                path,
                message,
                "name the origins, or write `credentials: false`",
            );
        } else if origin.is_all() && policy.origins.len() > 1 {
            let message = "it allows all, so the others mean nothing";
            refuse(path, message, "leave it out, or leave out all others");
        } else if policy.origins[..at].contains(origin) {
            refuse(path, "it stands there already", "leave it out");
        }
    }
}

fn names(policy: &PolicyConfig, refuse: &mut impl FnMut(String, &str, &str)) {
    let lists = [
        ("methods", &policy.methods),
        ("headers", &policy.headers),
        ("expose", &policy.expose),
    ];
    for (list, names) in lists {
        for (at, name) in names.iter().enumerate() {
            let path = format!("{list}[{at}]");
            if name == "*" {
                if policy.credentials {
                    let message = "with `credentials` no browser takes `*` for all";
                    refuse(path, message, "name them, or write `credentials: false`");
                }
            } else if list == "methods" {
                if !is_method(name) {
                    let message = format!("`{name}` is no method");
                    let upper = name.to_ascii_uppercase();
                    let help = match is_method(&upper) {
                        true => format!("case matters; write `{upper}`"),
                        false => "write `GET`, or `\"*\"` for all".to_owned(),
                    };
                    refuse(path, &message, &help);
                }
            } else if name.parse::<HeaderName>().is_err() {
                let message = format!("`{name}` is no header name");
                refuse(
                    path,
                    &message,
                    "write letters, digits and hyphens, such as `X-Correlation-ID`",
                );
            }
        }
    }
}

fn is_method(name: &str) -> bool {
    !name.bytes().any(|byte| byte.is_ascii_lowercase()) && name.parse::<Method>().is_ok()
}
