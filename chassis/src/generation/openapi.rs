//! `GET /openapi.json` on the listener of the service: its routes, for programs.
//!
//! It is a route like any other, behind all hooks: a service that asks everybody who they are asks here, too. The document
//! is written when somebody asks for the first time, and not where requests are served: the schemas are the code of plugins.

use super::Parts;
use crate::{
    call::{Bounds, BoxFuture, catch},
    contributions::EarlyAnswer,
    error::{Error, Result, code},
    gate::Door,
    http::{
        Described, Describing, Endpoint, Exchange, Metadata, Mount, OWN, Response,
        RouteContribution, RouteDocs, RouteInfo, RoutePattern, has_route,
    },
    openapi::{Callers, Document, Guest, InFront, SecurityScheme, has_method},
    points,
};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, OnceLock},
};

const PATH: &str = "/openapi.json";

/// Everything that the document is written from.
struct Sketch {
    name: String,
    version: String,
    /// Plugins with routes, and what they do.
    tags: BTreeMap<String, String>,
    routes: Vec<Sketched>,
    guests: Vec<Guest>,
    /// How callers can say who they are, with whom they say it to.
    schemes: Vec<(Arc<str>, String, SecurityScheme)>,
    /// What hooks may answer in place of handlers.
    early: Vec<EarlyAnswer>,
    door: Door,
    /// Whether somebody has a say in what callers may do.
    may_be_denied: bool,
    written: OnceLock<Written>,
}

struct Sketched {
    is_for_all: bool,
    info: Arc<RouteInfo>,
    handler: &'static str,
    described: Option<Described>,
    arguments: String,
}

/// The document, as it is sent.
#[derive(Clone)]
struct Written {
    body: Bytes,
    etag: HeaderValue,
}

struct Page(Arc<Sketch>);

/// The route; none if `server.openapi` is off, or somebody else answers there: a plugin, or a mounted router.
///
/// # Errors
///
/// If two say that they answer at one route: a plugin, and the document of a mounted router, or two such documents.
pub(super) fn route(
    parts: &Parts<'_>,
    door: &Door,
    routes: &[RouteContribution],
    mounts: &[Mount],
) -> Result<Option<RouteContribution>> {
    let settings = parts.config.settings();
    if !settings.server.openapi || routes.iter().any(|route| &*route.info.path == PATH) {
        return Ok(None);
    }
    let guests = guests(routes, mounts)?;
    let mut routes: Vec<_> = routes
        .iter()
        .filter(|route| !route.info.is_own() && has_method(&route.info.method))
        .map(|route| Sketched {
            is_for_all: route.gate.is_none(),
            info: Arc::clone(&route.info),
            handler: route.handler,
            described: route.described,
            arguments: route.arguments.clone(),
        })
        .collect();
    routes.sort_by(|one, other| key(&one.info).cmp(&key(&other.info)));
    let owners: BTreeSet<&str> = routes.iter().map(|route| &*route.info.owner).collect();
    let tags = parts
        .instances
        .iter()
        .filter(|one| owners.contains(&**one.name()));
    let tags = tags.map(|one| (one.name().to_string(), one.record.info.description.clone()));
    let contributions = || parts.instances.iter().map(|one| &one.contributions);
    let schemes = parts.instances.iter().flat_map(|one| {
        let schemes = one.contributions.said.schemes.iter().cloned();
        schemes.map(|(name, scheme)| (Arc::clone(one.name()), name, scheme))
    });
    let early = contributions().flat_map(|one| one.said.early.iter().cloned());
    let mut handlers = contributions().flat_map(|one| &one.handlers);
    let sketch = Sketch {
        name: settings.service.name.clone(),
        version: settings.service.version.clone(),
        tags: tags.collect(),
        routes,
        guests,
        schemes: schemes.collect(),
        early: early.collect(),
        door: door.clone(),
        may_be_denied: handlers.any(|put| *put.point == *points::AUTHORIZE.name),
        written: OnceLock::new(),
    };
    let info = RouteInfo {
        method: Method::GET,
        path: PATH.into(),
        owner: OWN.into(),
        origin: "`server.openapi`".into(),
        metadata: Metadata::default(),
    };
    let route = RouteContribution {
        info: Arc::new(info),
        endpoint: Arc::new(Page(Arc::new(sketch))),
        handler: "",
        described: None,
        is_bare: false,
        gate: None,
        ward: None,
        arguments: String::new(),
        deadline: None,
        bounds: Bounds::default(),
        stats: Arc::default(),
    };
    Ok((!has_route(mounts, &route)).then_some(route))
}

fn key(info: &RouteInfo) -> (&str, &str) {
    (&info.path, info.method.as_str())
}

/// The documents of mounted routers, each of which is one, and none of which speaks of another's routes.
fn guests(routes: &[RouteContribution], mounts: &[Mount]) -> Result<Vec<Guest>> {
    let mut claimed: BTreeMap<(String, String), String> = BTreeMap::new();
    for route in routes {
        let RouteInfo {
            method,
            path,
            owner,
            origin,
            ..
        } = &*route.info;
        let route = (path.to_string(), method.as_str().to_lowercase());
        claimed.insert(route, format!("`{owner}` ({origin})"));
    }
    let (mut guests, mut errors) = (Vec::new(), Vec::new());
    for mount in mounts {
        let Some(document) = &mount.document else {
            continue;
        };
        let wrong = |error: Error| {
            let error = error.in_plugin(Arc::clone(&mount.owner)).at("http.routes");
            error.from_origin(Arc::clone(&mount.origin))
        };
        let guest = match Guest::new(&mount.owner, Arc::clone(document)) {
            Ok(guest) => guest,
            Err(error) => {
                errors.push(wrong(error));
                continue;
            }
        };
        for (path, method) in guest.operations() {
            let claim = format!(
                "the document of a router of `{}` ({})",
                mount.owner, mount.origin
            );
            let message = format!("`{} {path}`", method.to_uppercase());
            if let Some(other) = claimed.insert((path, method), claim.clone()) {
                let message =
                    format!("the route {message} is described twice: by {other} and by {claim}");
                errors.push(wrong(Error::new(code::ROUTE_CONFLICT, message)).with_help(
                    "take it out of the document; what a plugin answers is described without it",
                ));
            }
        }
        guests.push(guest);
    }
    Error::all(errors).map_or(Ok(guests), Err)
}

impl Sketch {
    fn written(&self) -> &Written {
        self.written.get_or_init(|| {
            let body = Bytes::from(self.write().to_string());
            let mut hasher = DefaultHasher::new();
            body.hash(&mut hasher);
            let etag = format!("\"{:016x}\"", hasher.finish());
            let etag = HeaderValue::try_from(etag);
            let etag = etag.unwrap_or_else(|_| HeaderValue::from_static("\"\""));
            Written { body, etag }
        })
    }

    /// Writes the document. A plugin whose schema panics is left out of it with that route's types; the rest is not.
    fn write(&self) -> serde_json::Value {
        let mut silent: BTreeSet<usize> = BTreeSet::new();
        loop {
            let mut document = Document::new(&self.name, &self.version, "");
            for (name, description) in &self.tags {
                document.tag(name, description);
            }
            for (owner, name, scheme) in &self.schemes {
                document.scheme(owner, name, scheme);
            }
            let failed = self.routes.iter().enumerate().find_map(|(index, route)| {
                let is_silent = silent.contains(&index);
                let described = catch(|| {
                    let before = self.before(&route.info, !route.is_for_all);
                    route.describe(&mut document, is_silent, before);
                });
                let panicked = described.err()?;
                let RouteInfo { method, path, owner, .. } = &*route.info;
                tracing::error!(
                    plugin = %owner, %method, %path, panic = panicked.text, place = panicked.place,
                    "the schema of a type panicked; the document says nothing of the types of this route"
                );
                Some(index)
            });
            match failed {
                // What was half written is thrown away. It ends: each turn silences one more.
                Some(index) if silent.insert(index) => {}
                _ => {
                    return document.finish_with(&self.guests, &|method, path| {
                        self.before_guest(method, path)
                    });
                }
            }
        }
    }
}

impl Sketch {
    /// What stands before a route of a plugin.
    fn before(&self, info: &RouteInfo, is_shut: bool) -> InFront {
        let names = |names: Option<&[String]>| names.unwrap_or_default().to_vec();
        let callers = is_shut.then(|| Callers {
            scopes: names(info.scopes()),
            roles: names(info.roles()),
            are_optional: false,
        });
        self.with_early(callers, |routes| routes.is_route(&info.method, &info.path))
    }

    /// What stands before a route of a mounted router: there it is the path that counts.
    fn before_guest(&self, method: &str, path: &str) -> InFront {
        let Ok(method) = method.parse() else {
            return InFront::default();
        };
        let is_shut = self.door.is_before_mounted(&method, path);
        let callers = is_shut.then(Callers::default);
        self.with_early(callers, |routes| routes.is_path(&method, path))
    }

    fn with_early(
        &self,
        callers: Option<Callers>,
        is_for: impl Fn(&RoutePattern) -> bool,
    ) -> InFront {
        let early = self.early.iter().filter(|early| is_for(&early.routes));
        InFront {
            callers,
            may_be_denied: self.may_be_denied,
            failures: early.map(|early| early.failure.clone()).collect(),
        }
    }
}

impl Sketched {
    fn describe(&self, document: &mut Document, is_silent: bool, before: InFront) {
        let default = RouteDocs::new();
        let docs = self
            .info
            .metadata
            .get()
            .filter(|_| !is_silent)
            .unwrap_or(&default);
        if docs.is_hidden {
            return;
        }
        let RouteInfo {
            method,
            path,
            owner,
            ..
        } = &*self.info;
        let mut describing = Describing::new(document, path);
        describing.named(owner, self.handler, method);
        match self.described {
            _ if is_silent => {}
            Some(described) => (described.types)(&mut describing),
            None => describing.guess(&self.arguments),
        }
        describing.finish(method, docs, self.described, before);
    }
}

impl Endpoint for Page {
    fn call<'a>(&'a self, exchange: &mut Exchange) -> BoxFuture<'a, Response> {
        let known = exchange.headers().get(header::IF_NONE_MATCH).cloned();
        Box::pin(async move {
            let written = match self.0.written.get() {
                Some(written) => written.clone(),
                None => {
                    let sketch = Arc::clone(&self.0);
                    let written = tokio::task::spawn_blocking(move || sketch.written().clone());
                    match written.await {
                        Ok(written) => written,
                        Err(error) => return Error::from(error).into_response(),
                    }
                }
            };
            let is_known = known.is_some_and(|known| {
                let known = known.to_str().unwrap_or_default().split(',');
                let mut known = known.map(|one| one.trim().trim_start_matches("W/"));
                known.any(|one| one == "*" || *one == written.etag)
            });
            // A reload may change it: whoever keeps it is to ask whether it is still the same.
            let headers = [
                (header::ETAG, written.etag),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            ];
            if is_known {
                return (StatusCode::NOT_MODIFIED, headers).into_response();
            }
            let json = HeaderValue::from_static("application/json");
            (headers, [(header::CONTENT_TYPE, json)], written.body).into_response()
        })
    }
}
