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

/// The client's address: from the right of `X-Forwarded-For`, the first that is not a trusted proxy.
#[inline]
pub(crate) fn client_of(peer: SocketAddr, headers: &HeaderMap, trusted: &[IpNet]) -> ClientAddr {
    // An IPv4 client on a dual-stack listener shows as `::ffff:1.2.3.4`.
    let peer = peer.ip().to_canonical();
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    if !is_trusted(&peer) {
        return ClientAddr(peer);
    }
    named_by_proxies(peer, headers, is_trusted)
}

#[cold]
fn named_by_proxies(
    peer: IpAddr,
    headers: &HeaderMap,
    is_trusted: impl Fn(&IpAddr) -> bool,
) -> ClientAddr {
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
}
