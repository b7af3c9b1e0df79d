//! The entry of the service itself: made of `service:`, and of where it listens.

use super::{book::Holder, desk::Desk};
use crate::{
    config::{ServiceSettings, announced},
    entry::{Service, ServiceEntry, ServiceHealth},
    error::code,
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{Arc, MutexGuard, PoisonError, Weak},
    time::Duration,
};

/// The pause before the service is registered again after that has failed: twice as long each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What is known of the entry of the service itself.
#[derive(Debug, Default)]
pub(crate) struct Own {
    listen: Option<SocketAddr>,
    /// Whether the service is up, and said where it listens.
    has_entered: bool,
    /// By which id it is registered.
    id: Option<String>,
    /// Whether a task tries again and again to register it.
    is_retrying: bool,
}

impl Desk {
    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the service itself is: as `/health/ready` says.
    pub(super) fn own_health(&self) -> ServiceHealth {
        match self.closing.is_cancelled() || self.current.not_ready().is_some() {
            true => ServiceHealth::Critical,
            false => ServiceHealth::Passing,
        }
    }

    /// Registers the service itself, which listens here; nowhere, in a test without ports.
    pub(crate) async fn enter(self: &Arc<Self>, listen: Option<SocketAddr>) {
        {
            let mut own = self.own();
            (own.listen, own.has_entered) = (listen, true);
        }
        self.refresh().await;
    }

    /// Registers the service itself anew, if the generation that serves says something else of it, or if it listens
    /// elsewhere now.
    pub(crate) async fn refresh_at(self: &Arc<Self>, listen: Option<SocketAddr>) {
        self.own().listen = listen;
        self.refresh().await;
    }

    /// Registers the service itself as the generation that serves says. If that fails, it is tried again later, and what is
    /// registered stays.
    async fn refresh(self: &Arc<Self>) {
        let _turn = self.refreshing.lock().await;
        // A reload may come before the service is up.
        if !self.own().has_entered || self.try_refresh().await {
            return;
        }
        if !std::mem::replace(&mut self.own().is_retrying, true) {
            self.workers.spawn(retry(Arc::downgrade(self)));
        }
    }

    /// Registers it; whether that is settled, one way or the other.
    async fn try_refresh(&self) -> bool {
        let Some(lease) = self.current.enter(0) else {
            return true;
        };
        let settings = lease.0.config.settings().service.clone();
        drop(lease);
        let (listen, before) = {
            let own = self.own();
            (own.listen, own.id.clone())
        };
        let entry = entry(&settings, listen, self.own_health());
        let id = entry.id.clone();
        let now = match self.register(entry, Holder::Chassis, true).await {
            Ok(_) => Some(id),
            // It is about to stop.
            Err(error) if error.code() == code::CLOSED => return true,
            Err(error) => {
                let told = error.line();
                tracing::warn!(code = error.code().name(), error = %told, "the service itself is not registered as it should be");
                if error.code() != code::SERVICE_DENIED {
                    return false;
                }
                None
            }
        };
        if let Some(before) = before.filter(|before| now.as_ref() != Some(before)) {
            // Nobody else may take it, but it may have been deregistered.
            _ = self.deregister(&before, &Holder::Chassis).await;
        }
        self.own().id = now;
        true
    }
}

/// Tries again until it is settled, or the service ends.
async fn retry(desk: Weak<Desk>) {
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        let Some(desk) = desk.upgrade() else { return };
        let _turn = desk.refreshing.lock().await;
        if desk.closing.is_cancelled() || desk.try_refresh().await {
            desk.own().is_retrying = false;
            return;
        }
    }
}

/// What the service says of itself.
fn entry(
    settings: &ServiceSettings,
    listen: Option<SocketAddr>,
    health: ServiceHealth,
) -> ServiceEntry {
    let (address, port) = address(settings.advertise.as_deref(), listen);
    let mut entry: ServiceEntry = Service::new(&*settings.name, address, port)
        .version(&*settings.version)
        .health(health)
        .into();
    if let Some(id) = &settings.id {
        entry.id.clone_from(id);
    }
    entry.tags.clone_from(&settings.tags);
    entry.meta.clone_from(&settings.meta);
    entry
}

/// Where others reach the service: as it is said, or else where it listens.
fn address(advertise: Option<&str>, listen: Option<SocketAddr>) -> (String, u16) {
    let port = listen.map_or(0, |listen| listen.port());
    if let Some(said) = advertise
        && let Ok((host, said_port)) = announced::parse_address(said)
    {
        return (host, said_port.unwrap_or(port));
    }
    let ip = match listen.map(|listen| listen.ip()) {
        Some(ip) if ip.is_unspecified() => outward(ip.is_ipv6()),
        Some(ip) => ip,
        None => Ipv4Addr::LOCALHOST.into(),
    };
    (ip.to_string(), port)
}

/// "All addresses" is none that others could use. This is the one that the machine sends from to the rest of the world; a
/// machine that is connected to nothing only has its own.
fn outward(is_v6: bool) -> IpAddr {
    // Addresses of documentation (RFC 5737, RFC 3849). A datagram socket that is connected sends nothing.
    let v4 = || {
        probe(
            (Ipv4Addr::UNSPECIFIED, 0).into(),
            (Ipv4Addr::new(192, 0, 2, 1), 9).into(),
        )
    };
    let v6 = || {
        let far = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        probe((Ipv6Addr::UNSPECIFIED, 0).into(), (far, 9).into())
    };
    let found = match is_v6 {
        true => v6().or_else(v4),
        false => v4(),
    };
    found.unwrap_or_else(|| {
        tracing::warn!(
            "the service is registered at a loopback address, for this machine has no other; set `service.advertise`"
        );
        Ipv4Addr::LOCALHOST.into()
    })
}

fn probe(near: SocketAddr, far: SocketAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind(near).ok()?;
    socket.connect(far).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_comes_before_where_it_listens() {
        let listen: SocketAddr = ([127, 0, 0, 1], 8080).into();
        let at = |advertise, listen| address(advertise, listen);
        assert_eq!(at(None, Some(listen)), ("127.0.0.1".to_owned(), 8080));
        assert_eq!(
            at(Some("a.example"), Some(listen)),
            ("a.example".to_owned(), 8080)
        );
        assert_eq!(
            at(Some("a.example:443"), Some(listen)),
            ("a.example".to_owned(), 443)
        );
        assert_eq!(at(None, None), ("127.0.0.1".to_owned(), 0));
        let (everywhere, port) = at(None, Some(([0, 0, 0, 0], 8080).into()));
        assert!(everywhere != "0.0.0.0" && port == 8080);
    }
}
