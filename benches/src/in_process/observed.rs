//! A request that is observed: with metrics of the plugin's own, a trace that is read and handed on, and a span.

use super::Meter;
use crate::{Hello, inject};
use chassis::{PluginInfo, Registration, prelude::*};
use std::{
    hint::black_box,
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};
use tracing::{
    Metadata, Subscriber,
    span::{Attributes, Id, Record},
};

/// What is on.
#[derive(Clone, Copy, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(default)]
struct On {
    /// A counter and a histogram.
    metrics: bool,
    /// The trace of the caller, and its child for a further call.
    trace: bool,
    /// The span of the request, for a subscriber that wants nothing else.
    span: bool,
}

impl On {
    fn named(name: &str) -> Result<Self> {
        let none = Self::default();
        Ok(match name {
            "nothing" => none,
            "metrics" => Self {
                metrics: true,
                ..none
            },
            "trace" => Self {
                trace: true,
                ..none
            },
            "span" => Self { span: true, ..none },
            "all" => Self {
                metrics: true,
                trace: true,
                span: true,
            },
            _ => return Err(Error::msg(format!("nothing is observed as `{name}`"))),
        })
    }
}

struct Observed {
    requests: metrics::Counter,
    seconds: metrics::Histogram,
    on: On,
}

impl Plugin for Observed {
    type Config = On;

    async fn init(on: On, cx: &mut PluginContext) -> Result<Self> {
        Ok(Self {
            requests: cx.counter("bench.requests", "Requests."),
            seconds: cx.histogram("bench.seconds", "How long they took."),
            on,
        })
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        let this = Arc::clone(self);
        to.filter(&points::PRE_REQUEST, move |exchange: &mut Exchange| {
            if this.on.metrics {
                this.requests.increment(1);
                this.seconds.record(0.02);
            }
            if this.on.trace {
                black_box(exchange.trace().child().traceparent());
            }
        });
        to.get("/", async || {
            inject();
            Hello
        });
        Ok(())
    }
}

/// Takes spans, and makes nothing of them.
struct Spans(AtomicU64);

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        black_box(span);
        Id::from_u64(self.0.fetch_add(1, Relaxed) + 1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// It comes with a trace, whether somebody reads it or not.
fn request() -> Request {
    let mut request = Request::new(chassis::Body::empty());
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = http::HeaderValue::from_static(trace);
    request.headers_mut().insert("traceparent", trace);
    request
}

pub(super) async fn run(what: &str, times: u64, meter: &Meter) -> Result<()> {
    let on = On::named(what)?;
    let running = Chassis::builder()
        .without_linked_plugins()
        .register(Registration::new::<Observed>(PluginInfo::new(
            "observed", "1.0.0",
        )?))
        .set("server.listen", "127.0.0.1:0")
        .set("management.listen", "127.0.0.1:0")
        .set("plugins.observed.config.metrics", on.metrics)
        .set("plugins.observed.config.trace", on.trace)
        .set("plugins.observed.config.span", on.span)
        .start()
        .await?;
    let handle = running.handle();
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
    // Of this thread, on which the requests are served.
    let spans = tracing::Dispatch::new(Spans(AtomicU64::new(0)));
    let _spans = on.span.then(|| tracing::dispatcher::set_default(&spans));
    drop(handle.serve(request(), peer).await?);
    (meter.begin)();
    for _ in 0..times {
        drop(handle.serve(request(), peer).await?);
    }
    (meter.end)();
    running.stop().await;
    Ok(())
}
