//! The span of each call into a plugin: there for whoever listens to its target, and for nobody else.

use crate::{
    client::{Raw, soon},
    made::plugin,
    shutdown::Victim,
};
use chassis::{Body, prelude::*, testing::TestChassis};
use std::{
    collections::BTreeMap,
    fmt::Debug,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::process::Command;
use tracing::{
    Metadata, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

type Fields = BTreeMap<String, String>;

/// An event, and the span that it came in.
type Told = (Fields, Option<Fields>);

/// Keeps the spans of calls, and which events came in which.
#[derive(Clone, Default)]
struct Kept {
    spans: Arc<Mutex<Vec<Fields>>>,
    events: Arc<Mutex<Vec<Told>>>,
}

struct Read<'a>(&'a mut Fields);

impl Visit for Read<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        let text = value.trim_matches('"').to_owned();
        self.0.insert(field.name().to_owned(), text);
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Kept {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() || metadata.target() == "chassis::call"
    }

    fn on_new_span(&self, span: &span::Attributes<'_>, id: &span::Id, cx: Context<'_, S>) {
        assert_eq!(span.metadata().name(), "chassis.call");
        let mut fields = Fields::new();
        span.record(&mut Read(&mut fields));
        self.spans.lock().unwrap().push(fields.clone());
        cx.span(id).unwrap().extensions_mut().insert(fields);
    }

    fn on_event(&self, event: &tracing::Event<'_>, cx: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Read(&mut fields));
        let within = cx.lookup_current();
        let within = within.map(|span| span.extensions().get::<Fields>().unwrap().clone());
        self.events.lock().unwrap().push((fields, within));
    }
}

impl Kept {
    /// The span in which something was logged.
    fn span_of(&self, message: &str) -> Option<Fields> {
        let events = self.events.lock().unwrap();
        let is_it = |fields: &Fields| {
            let told = fields.get("message");
            told.is_some_and(|told| told.contains(message))
        };
        let found = events.iter().find(|(fields, _)| is_it(fields));
        let (_, within) = found.unwrap_or_else(|| panic!("no {message:?} in {events:?}"));
        within.clone()
    }

    /// The points at which a plugin was called.
    fn points(&self, plugin: &str) -> Vec<String> {
        let spans = self.spans.lock().unwrap();
        let own = spans.iter().filter(|fields| fields["plugin"] == plugin);
        own.map(|fields| fields["point"].clone()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn each_call_into_a_plugin_is_a_span() {
    let kept = Kept::default();
    // As long as there is but one, `tracing` asks whoever logs first whether anybody listens, and that may be another test.
    let of = |kept: Kept| tracing_subscriber::registry().with(kept);
    let _other = tracing::Dispatch::new(of(Kept::default()));
    let _keeping = tracing::subscriber::set_default(of(kept.clone()));
    let all = plugin("all", |cx| {
        cx.filter(&points::PRE_REQUEST, |_: &mut Exchange| {
            tracing::info!("in the hook");
        });
        cx.filter_async(&points::POST_RESPONSE, async |_: &mut Exchange| {
            tokio::time::sleep(Duration::from_millis(1)).await;
            tracing::info!("in the other hook");
        });
        cx.around(async |request: Request, next: Next<'_>| {
            let response = next.run(request).await;
            tracing::info!("in the around");
            response
        });
        cx.get("/asked/{id}", async |events: Events| {
            tokio::time::sleep(Duration::from_millis(1)).await;
            tracing::info!("in the handler");
            events.publish_as("asked", 1).map(|_| ())
        });
        cx.get("/panic", async || -> () { panic!("out of paper") });
        cx.on("asked", async |_: Message| tracing::info!("in the event"));
        cx.health("check", async || tracing::info!("in the check"));
        cx.background().spawn("digging", async {
            tracing::info!("in the task");
            Ok(())
        });
        tracing::info!("in init");
    });
    let app = TestChassis::builder().register(all).start().await.unwrap();
    let request = http::Request::get("/asked/1")
        .header("x-request-id", "mine")
        .header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        );
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(app.get("/panic").await.status(), 500);
    tokio::time::sleep(Duration::from_secs(60)).await;
    for (message, point) in [
        ("in the hook", "middleware.pre_request"),
        ("in the other hook", "middleware.post_response"),
        ("in the around", "middleware.around"),
        ("in the handler", "GET /asked/{id}"),
        ("in the event", "events.deliver"),
    ] {
        let span = kept.span_of(message).unwrap();
        let trace_id = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!((&*span["plugin"], &*span["point"]), ("all", point));
        assert_eq!(
            (&*span["request_id"], &*span["trace_id"]),
            ("mine", trace_id)
        );
    }
    for (message, point) in [
        ("in the check", "health.check"),
        ("in the task", "digging"),
        ("in init", "init"),
        ("plugin panicked", "GET /panic"),
    ] {
        let span = kept.span_of(message).unwrap();
        assert_eq!((&*span["plugin"], &*span["point"]), ("all", point));
        assert!(!span.contains_key("trace_id"));
    }
    app.stop().await;
    let points = kept.points("all");
    for step in ["init", "start", "stop"] {
        assert!(points.contains(&step.to_owned()), "no {step} in {points:?}");
    }
}

#[tokio::test]
async fn spans_are_switched_on_while_the_service_runs() {
    let mut victim = Victim::start(&[("CHASSIS__LOG__FORMAT", "json")]).await;
    let panicked = async |victim: &mut Victim| -> serde_json::Value {
        let mut raw = Raw::connect(victim.address).await;
        assert_eq!(raw.get("/panic").await.status, 500);
        let line = victim.logged("plugin panicked").await.pop();
        serde_json::from_str(&line.expect("there is one")).unwrap()
    };
    let off = panicked(&mut victim).await;
    assert!(off.get("span").is_none(), "{off}");
    let mut raw = Raw::connect(victim.management).await;
    let body = r#"{"level": "trace", "for": "1h"}"#;
    let length = body.len();
    raw.send(format!(
        "PUT /loggers/chassis::call HTTP/1.1\r\nhost: localhost\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
    .await;
    assert_eq!(raw.answer().await.status, 200);
    let on = panicked(&mut victim).await;
    assert_eq!(on["span"]["name"], "chassis.call", "{on}");
    assert_eq!(on["span"]["plugin"], "trouble");
    assert_eq!(on["span"]["point"], "GET /panic");
    assert_eq!(on["span"]["request_id"], on["request"]["request_id"]);
}

/// What plugins listen to is not what the log shows: `src/bin/listener.rs`.
#[tokio::test]
async fn plugins_listen_with_layers_of_their_own() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_listener"));
    let folder = tempfile::tempdir().unwrap();
    command
        .current_dir(folder.path())
        .env("CHASSIS__SERVER__LISTEN", "127.0.0.1:0")
        .env("CHASSIS__MANAGEMENT__LISTEN", "127.0.0.1:0")
        .env_remove("RUST_LOG")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut victim = Victim::run(command).await;
    let start = victim.start.join("\n");
    for part in [
        "a layer of the log of plugin `broken` panicked, and is left out",
        "the collector is gone",
    ] {
        assert!(start.contains(part), "no {part:?} in {start}");
    }
    let late = victim
        .start
        .iter()
        .find(|line| line.contains("is not asked"));
    assert!(late.unwrap().contains("plugin=late"), "{start}");

    let mut raw = Raw::connect(victim.address).await;
    assert_eq!(raw.get("/").await.text(), "hello");
    let mut said = Vec::new();
    let last = "end request";
    while said.last().is_none_or(|line| line != last) {
        let line = soon("what the layer prints", victim.said.next_line()).await;
        said.push(line.unwrap().expect("there is more"));
    }
    let place = |text: &str| {
        let place = said.iter().position(|line| line.starts_with(text));
        place.unwrap_or_else(|| panic!("no {text:?} in {said:#?}"))
    };
    let request = place("span request method=GET path=\"/\"");
    let call = place("span chassis.call plugin=front point=GET /");
    let asked = place("event DEBUG message=asked in chassis.call in request");
    assert!(
        request < call && call < asked && asked < place(last),
        "{said:#?}"
    );

    victim.signal("HUP", 1).await;
    let lines = victim.logged("reloaded").await.join("\n");
    assert!(lines.contains("stay those of the start"), "{lines}");
    assert!(
        !lines.contains("asked in") && !lines.contains("DEBUG"),
        "{lines}"
    );
    victim.terminate().await;
    assert_eq!(victim.end().await.0.code(), Some(0));
}
