//! What is known of a request before any plugin sees it: its id, who sent it, its route, its generation.

use super::{params::Params, table::Handling};
use crate::{
    auth::Principal,
    error::{Error, code},
    scope::Scope,
};
use http::{HeaderMap, request::Parts};
use ipnet::IpNet;
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
};
use tokio::time::Instant;

/// What is known of a request as soon as it has arrived.
#[derive(Clone)]
pub(crate) struct Arrived {
    /// When its head had arrived.
    pub(crate) at: Instant,
    /// Whether only the head of the answer was asked for; an around may ask for more inside.
    pub(crate) is_head: bool,
    pub(crate) scope: Scope,
    pub(crate) client: ClientAddr,
    /// Whether the client came by https, as a trusted proxy says.
    pub(crate) is_secure: bool,
    pub(crate) peer: SocketAddr,
}

/// What the chassis knows of a request; it travels in the request's extensions.
#[derive(Clone)]
pub(crate) struct RequestContext {
    pub(crate) arrived: Arrived,
    pub(crate) handling: Arc<Handling>,
    pub(crate) params: Option<Params>,
    /// Who sent it, once somebody had to know.
    pub(crate) principal: OnceLock<Arc<Principal>>,
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

/// The address a request came from. Behind a proxy that `server.trusted_proxies` lists it is the one that this
/// proxy names in `X-Forwarded-For`; anybody else's `X-Forwarded-For` is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// The client's address, from the right of `X-Forwarded-For` the first that is not a trusted proxy; and whether the client came by
/// https, as `X-Forwarded-Proto` says.
#[inline]
pub(crate) fn client_of(
    peer: SocketAddr,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> (ClientAddr, bool) {
    // An IPv4 client on a dual-stack listener shows as `::ffff:1.2.3.4`.
    let peer = peer.ip().to_canonical();
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    if !is_trusted(&peer) {
        return (ClientAddr(peer), false);
    }
    named_by_proxies(peer, headers, is_trusted)
}

#[cold]
fn named_by_proxies(
    peer: IpAddr,
    headers: &HeaderMap,
    is_trusted: impl Fn(&IpAddr) -> bool,
) -> (ClientAddr, bool) {
    let mut client = peer;
    // How many proxies have passed it on.
    let mut passed = 0;
    for hop in entries(headers, "x-forwarded-for").into_iter().rev() {
        let Ok(hop) = hop.parse::<IpAddr>() else {
            break;
        };
        client = hop.to_canonical();
        passed += 1;
        if !is_trusted(&client) {
            break;
        }
    }
    // Of proxies that add to it, the one that has spoken to the client counts: what stands further left, the client has written.
    // Of those that don't add to it, all stands in one word.
    let schemes = entries(headers, "x-forwarded-proto");
    let from_right = passed.max(1).min(schemes.len());
    let scheme = schemes.get(schemes.len() - from_right);
    let is_secure = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
    (ClientAddr(client), is_secure)
}

/// What stands in a list, which may be spread over several headers.
fn entries<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    let values = headers.get_all(name).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect()
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
        let (client, _) = client_of(format!("{peer}:1").parse().unwrap(), &headers, &trusted);
        client.0.to_string()
    }

    fn is_secure(peer: &str, forwarded: &str, schemes: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", forwarded.parse().unwrap());
        for scheme in schemes {
            headers.append("x-forwarded-proto", scheme.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        client_of(format!("{peer}:1").parse().unwrap(), &headers, &trusted).1
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
    fn only_a_trusted_proxy_says_that_a_client_came_by_https() {
        assert!(is_secure("10.0.0.1", "1.1.1.1", &["https"]));
        assert!(is_secure("10.0.0.1", "1.1.1.1", &["HTTPS"]));
        assert!(!is_secure("10.0.0.1", "1.1.1.1", &["http"]));
        assert!(!is_secure("10.0.0.1", "1.1.1.1", &[]));
        assert!(!is_secure("9.9.9.9", "1.1.1.1", &["https"]));
    }

    #[test]
    fn what_the_client_says_itself_does_not_make_it_secure() {
        // A proxy that adds to what has come, and one that puts its own in its place.
        assert!(!is_secure("10.0.0.1", "6.6.6.6, 1.1.1.1", &["https, http"]));
        assert!(!is_secure("10.0.0.1", "1.1.1.1", &["https", "http"]));
        assert!(is_secure("10.0.0.1", "1.1.1.1", &["http, https"]));
        // Two proxies that add to it: the outer one has spoken to the client.
        assert!(is_secure("10.0.0.1", "1.1.1.1, 10.0.0.2", &["https, http"]));
        assert!(!is_secure(
            "10.0.0.1",
            "1.1.1.1, 10.0.0.2",
            &["https, http, https"]
        ));
        // Two, of which the inner one leaves alone what the outer one has said.
        assert!(is_secure("10.0.0.1", "1.1.1.1, 10.0.0.2", &["https"]));
    }
}
