//! What is known of a request before any plugin sees it: its id, who sent it, its route, its generation.

use super::{params::Params, table::Handling};
use crate::{
    error::{Error, code},
    scope::Scope,
};
use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, request::Parts};
use ipnet::IpNet;
use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// What the chassis knows of a request; it travels in the request's extensions.
pub(crate) struct RequestContext {
    pub(crate) scope: Scope,
    pub(crate) handling: Arc<Handling>,
    pub(crate) params: Option<Params>,
    pub(crate) request_id: RequestId,
    pub(crate) client: ClientAddr,
    pub(crate) peer: SocketAddr,
}

impl RequestContext {
    pub(crate) fn of(parts: &Parts) -> Result<&Arc<Self>, Error> {
        parts.extensions.get().ok_or_else(|| {
            Error::new(
                code::INTERNAL,
                "this extractor works only in a request that a chassis serves",
            )
        })
    }
}

/// The id of a request: the caller's `X-Request-Id` if it is 1 to 64 letters, digits, `-`, `_` or `.`, else a new
/// one. It is in every log line of the request, and in the response's `X-Request-Id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub(crate) Arc<str>);

impl RequestId {
    /// The id as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The caller's id, or a new one.
pub(crate) fn request_id(headers: &HeaderMap) -> RequestId {
    let given = headers
        .get(&X_REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    match given {
        Some(id) if is_plain(id) => RequestId(id.into()),
        _ => RequestId(new_id()),
    }
}

/// Whether an id can stand in a log line and a header without harm.
fn is_plain(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// 16 hexadecimal digits: unique in this process, and with a random start in each.
fn new_id() -> Arc<str> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    static SEED: OnceLock<u64> = OnceLock::new();
    let seed = *SEED.get_or_init(|| RandomState::new().hash_one(0));
    // A bijection of 64 bits (the finaliser of SplitMix64): ids do not repeat, and do not count aloud.
    let mut id = seed.wrapping_add(
        NEXT.fetch_add(1, Relaxed)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15),
    );
    id = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    id = (id ^ (id >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    id ^= id >> 31;
    let mut text = [0; 16];
    for (digit, place) in text.iter_mut().zip((0..16).rev()) {
        *digit = b"0123456789abcdef"[(id >> (place * 4)) as usize & 15];
    }
    str::from_utf8(&text).unwrap_or_default().into()
}

/// The address a request came from. Behind a proxy that `server.trusted_proxies` lists it is the one that this
/// proxy names in `X-Forwarded-For`; anybody else's `X-Forwarded-For` is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// The client's address: from the right of `X-Forwarded-For`, the first that is not a trusted proxy.
pub(crate) fn client_of(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> ClientAddr {
    // An IPv4 client on a dual-stack listener shows as `::ffff:1.2.3.4`.
    let peer = peer.ip().to_canonical();
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    if !is_trusted(&peer) {
        return ClientAddr(peer);
    }
    let values = headers.get_all("x-forwarded-for").into_iter();
    let hops: Vec<&str> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        let Ok(hop) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        client = hop.to_canonical();
        if !is_trusted(&client) {
            break;
        }
    }
    ClientAddr(client)
}

macro_rules! from_context {
    ($($type:ty: $field:ident;)*) => {$(
        impl<S: Send + Sync> FromRequestParts<S> for $type {
            type Rejection = Error;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
                Ok(RequestContext::of(parts)?.$field.clone())
            }
        }
    )*};
}

from_context! {
    Scope: scope;
    RequestId: request_id;
    ClientAddr: client;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        client_of(format!("{peer}:1").parse().unwrap(), &headers, &trusted)
            .0
            .to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(client("9.9.9.9", &["1.1.1.1"], &["10.0.0.0/8"]), "9.9.9.9");
        assert_eq!(client("10.0.0.1", &["1.1.1.1"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(
            client(
                "10.0.0.1",
                &["6.6.6.6, 1.1.1.1", "10.0.0.2"],
                &["10.0.0.0/8"]
            ),
            "1.1.1.1"
        );
        assert_eq!(
            client("10.0.0.1", &["1.1.1.1, nonsense"], &["10.0.0.0/8"]),
            "10.0.0.1"
        );
        assert_eq!(client("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn ids_are_unique_and_callers_ids_are_checked() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| new_id()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(
            is_plain("a-b_c.D9") && !is_plain("") && !is_plain("a b") && !is_plain(&"a".repeat(65))
        );
    }
}
