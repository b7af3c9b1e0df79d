//! Who may ask. A loopback address does not keep browsers out: any page that they show can send requests to it.

use crate::{
    credentials::{Credentials, Holder},
    error::{Error, Result, code},
    http::{Body, Request},
};
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

/// No endpoint needs more.
const MAX_BODY: usize = 64 << 10;

/// Longer than any honest client on the same machine needs to send that.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Who is let in at all.
pub(crate) struct Guard {
    credentials: Option<Arc<Credentials>>,
    /// Whether every name is one of ours: other machines know this one by names that nobody here knows. A page in a browser
    /// has no token, whatever name it asks for.
    any_host: bool,
}

impl Guard {
    /// For a listener at this address.
    pub(crate) fn new(address: Option<SocketAddr>, credentials: Option<Arc<Credentials>>) -> Self {
        let is_local = address.is_none_or(|address| address.ip().is_loopback());
        Self {
            any_host: credentials.is_some() && !is_local,
            credentials,
        }
    }

    /// Whose request it is, if tokens are asked for. Before anything of it is read.
    pub(super) fn let_in(&self, request: &Request) -> Result<Option<Holder>> {
        if !self.any_host {
            check_host(request)?;
        }
        let credentials = self.credentials.as_ref();
        credentials
            .map(|credentials| credentials.bearer(request.headers()))
            .transpose()
    }

    /// Somebody has no token that is known; how many that makes, if it is time to tell.
    pub(super) fn refuse(&self) -> Option<u64> {
        self.credentials.as_ref()?.refuse()
    }
}

/// Whether a method changes nothing.
pub(super) fn is_safe(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    )
}

/// Lets a request of somebody who may ask pass, with its body read, or says why not.
pub(super) async fn check(request: Request) -> Result<Request> {
    let (parts, body) = request.into_parts();
    if is_safe(&parts.method) {
        return Ok(Request::from_parts(parts, Body::empty()));
    }
    check_site(&parts.headers)?;
    if !body.is_end_stream() {
        let body = tokio::time::timeout(BODY_TIMEOUT, read(body))
            .await
            .map_err(|_| {
                Error::new(
                    code::BAD_REQUEST,
                    "the body of the request did not arrive in time",
                )
            })??;
        check_media_type(&parts.headers, &body)?;
        return Ok(Request::from_parts(parts, Body::from(body)));
    }
    Ok(Request::from_parts(parts, Body::empty()))
}

/// DNS rebinding: a page of `evil.example` whose name is made to resolve to 127.0.0.1 may read what it gets from
/// here. Its requests still say `Host: evil.example`.
fn check_host(request: &Request) -> Result<()> {
    let named = request
        .headers()
        .get_all(header::HOST)
        .iter()
        .map(|host| host.to_str().unwrap_or(""));
    let targeted = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    let mut hosts = named.chain(targeted).peekable();
    // A request that names nobody was not sent by a browser, but by nobody who speaks HTTP/1.1 either.
    if hosts.peek().is_some() && hosts.all(is_local) {
        return Ok(());
    }
    Err(Error::new(
        code::FORBIDDEN,
        "the header `Host` does not name this machine",
    )
    .with_help("ask for `localhost` or for a loopback address, like `127.0.0.1`"))
}

/// `localhost`, `x.localhost` or a loopback address, with or without a port.
fn is_local(authority: &str) -> bool {
    let Some(host) = without_port(authority) else {
        return false;
    };
    if let Some(v6) = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        return matches!(v6.parse(), Ok(IpAddr::V6(ip)) if ip.to_canonical().is_loopback());
    }
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback(),
        // Outside of brackets it is no host.
        Ok(IpAddr::V6(_)) => false,
        Err(_) => {
            let host = host.to_ascii_lowercase();
            host == "localhost" || host.ends_with(".localhost")
        }
    }
}

fn without_port(authority: &str) -> Option<&str> {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let host = match authority.rsplit_once(':') {
        // The colon is one of an IPv6 address.
        Some((_, rest)) if rest.ends_with(']') => authority,
        Some((host, port)) if is_port(port) => host,
        Some(_) => return None,
        None => authority,
    };
    let is_char =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
    host.chars().all(is_char).then_some(host)
}

/// Cross-site request forgery: a page need not read the answer to do harm.
fn check_site(headers: &HeaderMap) -> Result<()> {
    let refuse = |message: &str| {
        Err(Error::new(code::FORBIDDEN, message)
            .with_help("send it from the same origin, or not from a browser"))
    };
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    // What browsers will call other relations one day is not known; these two are harmless.
    if text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return refuse("the request comes from another site");
    }
    if let Some(origin) = text(header::ORIGIN.as_str()) {
        let host = text(header::HOST.as_str()).unwrap_or("");
        let from = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        if !from.is_some_and(|from| from.eq_ignore_ascii_case(host)) {
            return refuse("the header `Origin` names another host than `Host`");
        }
    }
    Ok(())
}

async fn read(body: Body) -> Result<Bytes> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Error::new(
            code::BODY_TOO_LARGE,
            "the body of the request is larger than 64KiB",
        )),
        Err(error) => Err(Error::new(
            code::BAD_REQUEST,
            format!("the body can't be read: {error}"),
        )),
    }
}

/// A form or a plain text can be sent by any page without asking; JSON can't.
fn check_media_type(headers: &HeaderMap, body: &Bytes) -> Result<()> {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let media_type = media_type.split(';').next().unwrap_or("").trim();
    // A form of a page can send neither.
    let json = ["application/json", "application/merge-patch+json"];
    if body.is_empty()
        || json
            .iter()
            .any(|json| media_type.eq_ignore_ascii_case(json))
    {
        return Ok(());
    }
    Err(Error::new(
        code::UNSUPPORTED_MEDIA_TYPE,
        "the body is not `application/json`",
    )
    .with_help("send no body, or JSON with `Content-Type: application/json`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        let local = [
            "localhost",
            "LocalHost:8081",
            "orders.localhost",
            "127.0.0.1",
            "127.9.9.9:1",
            "[::1]",
            "[::1]:8081",
            "[::ffff:127.0.0.1]",
        ];
        for host in local {
            assert!(is_local(host), "{host}");
        }
        let foreign = [
            "",
            "evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "127.0.0.1.evil.example",
            "127.0.0.1:",
            "localhost:x",
            "user@localhost",
            "localhost:1@evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "[::2]",
            "::1",
            "[::1",
            "127.1",
            "[::1]x",
            "evil.example/localhost",
        ];
        for host in foreign {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn a_foreign_origin_is_refused() {
        let check = |pairs: &[(&'static str, &'static str)]| {
            let header = |(name, value): &(&'static str, &'static str)| {
                (
                    http::HeaderName::from_static(name),
                    http::HeaderValue::from_static(value),
                )
            };
            check_site(&pairs.iter().map(header).collect()).is_ok()
        };
        let host = ("host", "127.0.0.1:8081");
        assert!(check(&[host]));
        assert!(check(&[
            host,
            ("origin", "http://127.0.0.1:8081"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(check(&[host, ("sec-fetch-site", "none")]));
        assert!(!check(&[host, ("origin", "http://127.0.0.1:3000")]));
        assert!(!check(&[host, ("origin", "null")]));
        assert!(!check(&[host, ("origin", "http://evil.example")]));
        assert!(!check(&[host, ("sec-fetch-site", "same-site")]));
        assert!(!check(&[host, ("sec-fetch-site", "cross-site")]));
    }
}
