//! A service whose plugins listen to what is traced: see `it/spans.rs`.
#![forbid(unsafe_code)]

use chassis::{TelemetryLayer, prelude::*};
use std::{
    fmt::{Debug, Write as _},
    process::ExitCode,
};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

/// Prints what it is told of.
struct Prints;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Prints {
    fn on_new_span(&self, span: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        let mut line = Line(format!("span {}", span.metadata().name()));
        span.record(&mut line);
        println!("{}", line.0);
    }

    fn on_event(&self, event: &tracing::Event<'_>, cx: Context<'_, S>) {
        let mut line = Line(format!("event {}", event.metadata().level()));
        event.record(&mut line);
        let spans = cx.event_scope(event).into_iter().flatten();
        for span in spans {
            _ = write!(line.0, " in {}", span.name());
        }
        println!("{}", line.0);
    }

    fn on_close(&self, id: span::Id, cx: Context<'_, S>) {
        let name = cx.span(&id).map_or("?", |span| span.name());
        println!("end {name}");
    }
}

/// Listens.
#[plugin(stage = "bootstrap")]
async fn listener(cx: &mut PluginContext) -> Result<()> {
    cx.provide(&points::TELEMETRY_LAYERS, async |_: &()| {
        TelemetryLayer::new(Prints)
            .wants("warn,front=debug,chassis::request=info,chassis::call=trace")
    });
    Ok(())
}

/// Listens badly.
struct Breaks;

impl<S: Subscriber> Layer<S> for Breaks {
    fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
        panic!("the collector is gone")
    }
}

/// Listens badly.
#[plugin(stage = "bootstrap")]
async fn broken(cx: &mut PluginContext) -> Result<()> {
    cx.provide(&points::TELEMETRY_LAYERS, async |_: &()| {
        Ok::<_, Error>(TelemetryLayer::new(Breaks))
    });
    Ok(())
}

/// Comes too late.
#[plugin]
async fn late(cx: &mut PluginContext) -> Result<()> {
    cx.provide(&points::TELEMETRY_LAYERS, async |_: &()| {
        Ok::<_, Error>(TelemetryLayer::new(Breaks))
    });
    Ok(())
}

/// Is listened to.
#[plugin]
async fn front(cx: &mut PluginContext) -> Result<()> {
    cx.get("/", async || {
        tracing::debug!(target: "front", "asked");
        "hello"
    });
    Ok(())
}

fn main() -> ExitCode {
    chassis::main()
}
