//! Reloads one after the other, three of ten poisoned, while clients do not stop asking: no request fails, none sees two
//! generations, and every answer of a reload is true.
//!
//! A test run does sixty; `cargo xtask soak reloads` a thousand, with bodies that take two seconds.

use super::{
    poisons::{POISONS, Poison, Texts, victims},
    stamps::{self, PATHS, stamps},
};
use crate::{
    client::{Raw, service, start},
    load::Load,
    management::ask::{get_json, json, post, problem, request},
};
use http::Method;
use serde_json::json;
use std::{
    collections::BTreeMap,
    env,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

/// How many requests begin in a second.
const RATE: u32 = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_under_load_drop_no_request_and_tell_the_truth() {
    let (reloads, slow) = match env::var("CHASSIS_SOAK_RELOADS") {
        Ok(count) => (
            count.parse().expect("CHASSIS_SOAK_RELOADS is a number"),
            "2s",
        ),
        Err(_) => (60, "30ms"),
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    std::fs::write(&file, Texts::good(1, slow).yaml()).unwrap();
    let builder = stamps()
        .into_iter()
        .chain(victims())
        .fold(service([]), chassis::ChassisBuilder::register);
    let running = start(builder.config_file(&file)).await;

    // Which version each generation was built with, as the answers say it.
    let seen = Arc::new(Mutex::new(BTreeMap::new()));
    let found = Arc::clone(&seen);
    let judge = Arc::new(move |answer: &_| {
        let (generation, version) = stamps::read(answer)?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        match *found.entry(generation).or_insert(version) {
            same if same == version => Ok(generation),
            other => Err(format!(
                "generation {generation} has versions {version} and {other}"
            )),
        }
    });
    let load = Load::begin(running.service_address(), RATE, PATHS, &[], judge);

    let mut reloader = Reloader {
        service: running.service_address(),
        management: running.management_address().unwrap(),
        file,
        slow,
        version: 1,
        versions: BTreeMap::from([(1, 1)]),
    };
    let since = Instant::now();
    let mut poisons = POISONS.iter().cycle();
    let mut done = [0; 2];
    for number in 0..reloads {
        // Three of ten.
        let is_poisoned = [2, 5, 8].contains(&(number % 10));
        done[usize::from(is_poisoned)] += 1;
        match is_poisoned {
            true => reloader.poisoned(poisons.next().unwrap()).await,
            false => reloader.good(number).await,
        }
    }
    let took = since.elapsed();
    let tally = load.end().await;
    println!(
        "{} reloads and {} poisoned ones in {took:?}; {} requests answered, {} failed, at most {} at once",
        done[0],
        done[1],
        tally.answered,
        tally.failed.len(),
        tally.at_once
    );
    assert!(tally.failed.is_empty(), "{:#?}", tally.failed);
    for (generation, version) in seen.lock().unwrap().iter() {
        assert_eq!(
            reloader.versions.get(generation),
            Some(version),
            "{generation}"
        );
    }
    reloader.only_one_is_alive().await;
    assert!(running.stop().await.is_graceful());
}

/// Who reloads, and knows what has to come of it.
struct Reloader {
    service: SocketAddr,
    management: SocketAddr,
    file: PathBuf,
    slow: &'static str,
    /// What `hook` and `pages` are configured with now.
    version: u64,
    /// By generation.
    versions: BTreeMap<u64, u64>,
}

impl Reloader {
    fn write(&self, yaml: &str) {
        std::fs::write(&self.file, yaml).unwrap();
    }

    fn generation(&self) -> u64 {
        *self.versions.last_key_value().unwrap().0
    }

    /// A reload that succeeds: of all, of what has changed, of one, of nothing, of what goes and comes.
    async fn good(&mut self, number: usize) {
        let next = self.version + u64::from(number.is_multiple_of(2));
        self.write(&Texts::good(next, self.slow).yaml());
        let path = match number % 7 {
            0 => "/reload?all=true",
            1 => "/plugins/pages/reload",
            3 => "/plugins/victim/disable",
            4 => "/plugins/victim/enable",
            6 => "/plugins/base/reload",
            _ => "/reload",
        };
        let (status, headers, body) = post(self.management, path).await;
        let told = json(&body);
        assert_eq!(status, 200, "{path}: {told}");
        let generation = self.generation() + 1;
        assert_eq!(
            (&told["generation"], &told["previous"], &told["drained"]),
            (&json!(generation), &json!(generation - 1), &json!(true)),
            "{told}"
        );
        assert_eq!(headers["etag"], format!("\"{generation}\""));
        assert_eq!(told["stop_errors"], json!([]));
        let rebuilt = told["rebuilt"].as_array().unwrap();
        let is_new = next != self.version || path == "/reload?all=true";
        for plugin in ["hook", "pages"] {
            let is_rebuilt = rebuilt.contains(&json!(plugin));
            let is_asked = path == format!("/plugins/{plugin}/reload");
            assert_eq!(is_rebuilt, is_new || is_asked, "{path}: {told}");
        }
        self.versions.insert(generation, next);
        self.version = next;
        self.serves().await;
    }

    /// A reload that has to fail, and to say why.
    async fn poisoned(&mut self, poison: &Poison) {
        // Enabled, or nothing of it would be looked at.
        let undo = request(
            self.management,
            Method::DELETE,
            "/plugins/victim/config",
            &[],
            "",
        )
        .await;
        assert_eq!(undo.0, 200);
        let generation = self.generation() + 1;
        self.versions.insert(generation, self.version);
        let mut texts = Texts::good(self.version + 1, self.slow);
        (poison.spoil)(&mut texts);
        self.write(&texts.yaml());
        let told = problem(post(self.management, "/reload").await, 422, poison.code);
        self.write(&Texts::good(self.version, self.slow).yaml());
        poison.check(&told);
        self.serves().await;
    }

    /// What management says serves, and what does.
    async fn serves(&self) {
        let generations = get_json(self.management, "/generations").await;
        let serving = generations.as_array().unwrap().iter();
        let serving: Vec<_> = serving.filter(|one| one["state"] == "serving").collect();
        assert_eq!(serving.len(), 1, "{generations}");
        assert_eq!(serving[0]["number"], self.generation());
        let answer = Raw::connect(self.service).await.get("/fast").await;
        let found = stamps::read(&answer).unwrap();
        assert_eq!(found, (self.generation(), self.version));
    }

    async fn only_one_is_alive(&self) {
        let generations = get_json(self.management, "/generations").await;
        let alive = generations.as_array().unwrap().iter();
        let alive: Vec<_> = alive.filter(|one| one["state"] != "gone").collect();
        assert_eq!(alive.len(), 1, "{alive:?}");
    }
}
