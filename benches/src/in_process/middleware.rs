//! Middleware of several forms, each `count` times around a handler, in the chassis and in axum.

use super::Meter;
use crate::{Hello, inject};
use axum::{
    Router,
    middleware::{Next as AxumNext, from_fn},
    routing::get,
};
use chassis::{PluginInfo, Registration, prelude::*};
use http::{HeaderName, HeaderValue};
use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
};
use tower::{Service, ServiceBuilder, ServiceExt as _, util::MapResponseLayer};

/// What each piece of middleware does to the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
pub(super) enum Does {
    Nothing,
    WritesHeader,
}

pub(super) async fn run(
    form: &str,
    does: Does,
    count: usize,
    times: u64,
    meter: &Meter,
) -> Result<()> {
    match form {
        "hooks" => in_chassis(Form::Hooks, does, count, times, meter).await,
        "around" => in_chassis(Form::Around, does, count, times, meter).await,
        "layer" => in_chassis(Form::Layer, does, count, times, meter).await,
        "handler" => in_chassis(Form::Handler, does, count, times, meter).await,
        "axum-static" => statically(does, count, times, meter).await,
        "axum-layer" => {
            let layered = |router: Router, index| router.layer(layer(does, index));
            in_axum((0..count).fold(router(), layered), times, meter).await
        }
        "axum-from-fn" => {
            let layered = |router: Router, index| {
                let stamp = stamp(does, index);
                router.layer(from_fn(move |request: Request, next: AxumNext| {
                    let stamp = stamp.clone();
                    async move { stamp(next.run(request).await) }
                }))
            };
            in_axum((0..count).fold(router(), layered), times, meter).await
        }
        _ => Err(Error::msg(format!(
            "there is no middleware of the form `{form}`"
        ))),
    }
}

/// What a piece of middleware does to a response: each writes a header of its own.
fn stamp(
    does: Does,
    index: usize,
) -> impl Fn(Response) -> Response + Clone + Send + Sync + 'static {
    let name = (does == Does::WritesHeader).then(|| name(index));
    move |mut response| {
        if let Some(name) = &name {
            response.headers_mut().insert(name.clone(), VALUE);
        }
        response
    }
}

const VALUE: HeaderValue = HeaderValue::from_static("a value");

fn name(index: usize) -> HeaderName {
    let name = format!("x-bench-{index}");
    HeaderName::from_bytes(name.as_bytes()).expect("it is the name of a header")
}

/// As something that has done its work already for each response.
fn layer(
    does: Does,
    index: usize,
) -> MapResponseLayer<impl Fn(Response) -> Response + Clone + Send + Sync + 'static> {
    MapResponseLayer::new(stamp(does, index))
}

fn request() -> Request {
    Request::new(chassis::Body::empty())
}

fn router() -> Router {
    Router::new().route("/", get(async || Hello))
}

async fn in_axum<S>(mut service: S, times: u64, meter: &Meter) -> Result<()>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone,
{
    service.clone().oneshot(request()).await?;
    (meter.begin)();
    for _ in 0..times {
        let service = service.ready().await?;
        drop(service.call(request()).await?);
    }
    (meter.end)();
    Ok(())
}

/// Layers whose types are known where they are composed: nothing is boxed between them.
async fn statically(does: Does, count: usize, times: u64, meter: &Meter) -> Result<()> {
    let layer = |index| layer(does, index);
    macro_rules! around {
        ($($index:literal)*) => {
            in_axum(
                ServiceBuilder::new()$(.layer(layer($index)))*.service(router()),
                times,
                meter,
            ).await
        };
    }
    match count {
        0 => around!(),
        1 => around!(0),
        5 => around!(0 1 2 3 4),
        10 => around!(0 1 2 3 4 5 6 7 8 9),
        20 => around!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19),
        _ => Err(Error::msg("0, 1, 5, 10 or 20")),
    }
}

/// How a plugin puts middleware around a handler.
#[derive(Clone, Copy, serde::Deserialize, schemars::JsonSchema)]
enum Form {
    /// A pair that does nothing, or a post-response hook that writes a header.
    Hooks,
    Around,
    Layer,
    /// None: the handler itself writes the headers.
    Handler,
}

/// A handler, and middleware around it.
struct Onion {
    writes: Vec<HeaderName>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Config {
    form: Form,
    does: Does,
    count: usize,
}

impl Plugin for Onion {
    type Config = Config;

    async fn init(config: Config, cx: &mut PluginContext) -> Result<Self> {
        let Config { form, does, count } = config;
        for index in 0..count {
            match form {
                Form::Hooks => {
                    let name = name(index);
                    if does == Does::Nothing {
                        cx.filter(&points::PRE_REQUEST, |_: &mut Exchange| {});
                        cx.filter(&points::POST_RESPONSE, |_: &mut Exchange| {});
                    } else {
                        cx.filter(&points::POST_RESPONSE, move |exchange: &mut Exchange| {
                            exchange.response_headers_mut().insert(name.clone(), VALUE);
                        });
                    }
                }
                Form::Around => {
                    let stamp = stamp(does, index);
                    cx.around(async move |request: Request, next: Next<'_>| {
                        stamp(next.run(request).await)
                    });
                }
                Form::Layer => drop(cx.layer(layer(does, index))),
                Form::Handler => {}
            }
        }
        let is_handler = matches!((form, does), (Form::Handler, Does::WritesHeader));
        let writes = if is_handler { 0..count } else { 0..0 };
        Ok(Self {
            writes: writes.map(name).collect(),
        })
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        let this = Arc::clone(self);
        to.get("/", async move || {
            inject();
            let mut response = Hello.into_response();
            for name in &this.writes {
                response.headers_mut().insert(name.clone(), VALUE);
            }
            response
        });
        Ok(())
    }
}

async fn in_chassis(form: Form, does: Does, count: usize, times: u64, meter: &Meter) -> Result<()> {
    let form = match form {
        Form::Hooks => "Hooks",
        Form::Around => "Around",
        Form::Layer => "Layer",
        Form::Handler => "Handler",
    };
    let running = Chassis::builder()
        .without_linked_plugins()
        .register(Registration::new::<Onion>(PluginInfo::new(
            "onion", "1.0.0",
        )?))
        .set("server.listen", "127.0.0.1:0")
        .set("management.listen", "127.0.0.1:0")
        .set("plugins.onion.config.form", form)
        .set("plugins.onion.config.does", format!("{does:?}"))
        .set("plugins.onion.config.count", count)
        .start()
        .await?;
    let handle = running.handle();
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
    drop(handle.serve(request(), peer).await?);
    (meter.begin)();
    for _ in 0..times {
        drop(handle.serve(request(), peer).await?);
    }
    (meter.end)();
    running.stop().await;
    Ok(())
}
