//! What each plugin goes through. Whatever happens, requests begin at fixed times, and each has to be answered as the settings of its
//! generation say: all of it, or nothing.

use super::{Row, Sees, Tells};
use crate::{
    client::{self, Answer, Raw, soon},
    load::Load,
    management::ask::{Answer as Told, json, problem, request},
};
use chassis::{Running, prelude::*};
use http::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path as Folder,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How many requests begin in a second.
const RATE: u32 = 150;

/// Pages, and the generation on every answer: outside of all others, so that it is on those of refusals, too.
#[plugin]
async fn stage(cx: &mut PluginContext) -> Result<()> {
    cx.get("/", async || PAGE);
    cx.get("/scarce", async || PAGE);
    cx.get("/late", async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        PAGE
    });
    cx.filter(&points::POST_RESPONSE, |exchange: &mut Exchange| {
        let generation = exchange.scope().generation();
        let headers = exchange.response_headers_mut();
        headers.insert("x-generation", generation.into());
    })
    .priority(-1_000);
    Ok(())
}

/// What there is to be seen.
pub(super) const PAGE: &str = "page";

/// By generation. None where its answers tell nothing, and its counters were not looked at yet.
type Seen = Arc<Mutex<BTreeMap<u64, Option<Sees>>>>;

/// A service with the plugin of a row, under load.
pub(super) struct Story {
    row: &'static Row,
    running: Running,
    folder: tempfile::TempDir,
    load: Load,
    seen: Seen,
    /// What is to be seen in each generation.
    wanted: BTreeMap<u64, Sees>,
}

impl Story {
    /// It runs with its first settings.
    pub(super) async fn begin(row: &'static Row) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = (row.a)(folder.path());
        write(folder.path(), row.name, &settings);
        let builder = client::service([]).plugin::<stage>();
        let builder = builder.config_file(folder.path().join(CONFIG));
        let running = client::start((row.with)(builder)).await;

        let seen = Seen::default();
        let found = Arc::clone(&seen);
        let judge = move |answer: &Answer| {
            let generation = answer.header("x-generation");
            let generation = generation.and_then(|number| number.parse().ok());
            let generation: u64 = generation.ok_or(format!("of no generation: {answer:?}"))?;
            let sees = match row.tells {
                Tells::Answers(sees) => Some(sees(answer)?),
                Tells::Counters(_) if answer.status == 200 && answer.text() == PAGE => None,
                Tells::Counters(_) => return Err(format!("not the page: {answer:?}")),
            };
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            match *found.entry(generation).or_insert(sees) {
                same if sees.is_none() || same == sees => Ok(generation),
                other => Err(format!(
                    "in generation {generation} both {sees:?} and {other:?} were seen"
                )),
            }
        };
        let address = running.service_address();
        let load = Load::begin(address, RATE, row.path, row.carries, Arc::new(judge));
        let mut story = Self {
            row,
            running,
            folder,
            load,
            seen,
            wanted: BTreeMap::new(),
        };
        story.is_seen(1, Sees::A).await;
        story
    }

    pub(super) async fn off_and_on(&mut self) {
        // Who guards is not disabled unless that is what is meant.
        self.post("disable?force=true", Sees::Off).await;
        self.post("enable", Sees::A).await;
    }

    /// By operators, and by the file.
    pub(super) async fn other_settings(&mut self) {
        self.patch(&(self.row.b)(self.folder()), Sees::B).await;
        self.unpatch(Sees::A).await;
        for (settings, sees) in [(self.row.b, Sees::B), (self.row.a, Sees::A)] {
            write(self.folder(), self.row.name, &settings(self.folder()));
            self.reload(sees).await;
        }
    }

    /// They are refused, and nothing has happened.
    pub(super) async fn wrong_settings(&mut self) {
        let path = format!("/plugins/{}/config", self.row.name);
        let wrong = json!({"no-such-setting": 1});
        let told = self.ask(Method::PATCH, &path, &wrong).await;
        problem(told, 422, "config.unknown_key");
        write(self.folder(), self.row.name, &wrong);
        self.reload_is_refused("config.unknown_key").await;
        write(self.folder(), self.row.name, &(self.row.a)(self.folder()));
    }

    /// No request has failed, and each generation was seen as it was to be.
    pub(super) async fn end(self) {
        let tally = self.load.end().await;
        assert!(tally.failed.is_empty(), "{:#?}", tally.failed);
        {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let wanted = self.wanted.iter();
            let wanted: BTreeMap<_, _> = wanted.map(|(of, sees)| (*of, Some(*sees))).collect();
            assert_eq!(*seen, wanted);
            assert!(tally.answered >= seen.len());
        }
        let stopped = soon("the stop", self.running.stop()).await;
        assert!(stopped.is_graceful(), "{stopped:?}");
    }

    pub(super) fn folder(&self) -> &Folder {
        self.folder.path()
    }

    pub(super) fn service(&self) -> SocketAddr {
        self.running.service_address()
    }

    pub(super) fn management(&self) -> SocketAddr {
        self.running.management_address().unwrap()
    }

    /// `POST /plugins/{name}/{what}`.
    pub(super) async fn post(&mut self, what: &str, sees: Sees) {
        let path = format!("/plugins/{}/{what}", self.row.name);
        self.does(Method::POST, &path, &Value::Null, sees).await;
    }

    pub(super) async fn patch(&mut self, settings: &Value, sees: Sees) {
        let path = format!("/plugins/{}/config", self.row.name);
        self.does(Method::PATCH, &path, settings, sees).await;
    }

    /// Takes back what was patched.
    pub(super) async fn unpatch(&mut self, sees: Sees) {
        let path = format!("/plugins/{}/config", self.row.name);
        self.does(Method::DELETE, &path, &Value::Null, sees).await;
    }

    pub(super) async fn reload(&mut self, sees: Sees) {
        self.does(Method::POST, "/reload", &Value::Null, sees).await;
    }

    /// `POST /plugins/{name}/{what}`, which must not be done.
    pub(super) async fn post_is_refused(&self, what: &str, status: u16, code: &str) {
        let path = format!("/plugins/{}/{what}", self.row.name);
        let told = self.ask(Method::POST, &path, &Value::Null).await;
        problem(told, status, code);
    }

    pub(super) async fn reload_is_refused(&self, code: &str) -> Value {
        let told = self.ask(Method::POST, "/reload", &Value::Null).await;
        problem(told, 422, code)
    }

    /// Asks the service once.
    pub(super) async fn get(&self, path: &str, headers: &str) -> Answer {
        self.send("GET", path, headers).await
    }

    /// Asks the service once, without a body.
    pub(super) async fn send(&self, method: &str, path: &str, headers: &str) -> Answer {
        let mut raw = Raw::connect(self.service()).await;
        let request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        raw.send(request).await;
        raw.answer().await
    }

    /// Management does it; then this is what clients see.
    async fn does(&mut self, method: Method, path: &str, body: &Value, sees: Sees) {
        let what = format!("{method} {path}");
        let (status, _, body) = self.ask(method, path, body).await;
        let told = json(&body);
        assert_eq!(status, 200, "{what}: {told}");
        let generation = told["generation"].as_u64().unwrap();
        self.is_seen(generation, sees).await;
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Told {
        let (body, headers): (String, &[_]) = match body {
            Value::Null => (String::new(), &[]),
            body => (
                body.to_string(),
                &[("content-type", "application/merge-patch+json")],
            ),
        };
        request(self.management(), method, path, headers, body).await
    }

    async fn is_seen(&mut self, generation: u64, sees: Sees) {
        self.wanted.insert(generation, sees);
        let seen = Arc::clone(&self.seen);
        let found = async {
            loop {
                let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
                match (seen.get(&generation), &self.row.tells) {
                    (Some(Some(found)), _) => return *found,
                    (Some(None), Tells::Counters(names)) => {
                        if let Some(found) = self.grows(names).await {
                            return found;
                        }
                    }
                    // Whoever asks does so on this runtime.
                    _ => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        };
        let what = format!("an answer of generation {generation}, {sees:?}");
        let found = soon(&what, found).await;
        assert_eq!(found, sees, "{what}");
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(generation, Some(found));
    }

    /// Which of two counters an answer adds to. None if that can't be said: there are still requests of the generation before.
    async fn grows(&self, names: &[&str; 2]) -> Option<Sees> {
        let mut before = Vec::new();
        for name in names {
            before.push(self.counter(name).await);
        }
        assert_eq!(self.get("/", "").await.status, 200);
        let [a, b] = names;
        // One that is gone has not grown.
        match (
            self.counter(a).await > before[0],
            self.counter(b).await > before[1],
        ) {
            (true, false) => Some(Sees::A),
            (false, true) => Some(Sees::B),
            (false, false) => Some(Sees::Off),
            (true, true) => None,
        }
    }

    /// The sum of the series at `/metrics` that begin so, if there is one.
    pub(super) async fn counter(&self, series: &str) -> Option<u64> {
        let (_, _, body) = self.ask(Method::GET, "/metrics", &Value::Null).await;
        let page = String::from_utf8(body.to_vec()).unwrap();
        let lines = page.lines().filter(|line| line.starts_with(series));
        let values = lines.map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        values.reduce(|one, other| Some(one? + other?)).flatten()
    }

    /// What a health check of the plugin says, once it is in this state.
    pub(super) async fn until_health(&self, state: &str) -> Value {
        soon(state, async {
            loop {
                let (_, _, body) = self.ask(Method::GET, "/health", &Value::Null).await;
                let health = json(&body);
                let mut checks = health["checks"].as_array().into_iter().flatten();
                let check =
                    checks.find(|one| one["plugin"] == self.row.name && one["state"] == state);
                if let Some(check) = check {
                    return check.clone();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
    }
}

const CONFIG: &str = "config.yaml";

/// The file of the service. JSON is YAML.
fn write(folder: &Folder, plugin: &str, settings: &Value) {
    let text = json!({"plugins": {plugin: {"config": settings}}}).to_string();
    std::fs::write(folder.join(CONFIG), text).unwrap();
}
