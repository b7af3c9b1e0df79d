//! What reloads leave behind: no bytes, tasks, threads, descriptors or generations. A test run makes 500 of them;
//! `cargo xtask soak leftovers` ten thousand.

use super::{SLACK, alone, how_many, live_bytes};
use chassis::{
    Chassis, Contributions, GenerationState, Health, Message, Next, Plugin, PluginContext,
    PluginInfo, PointSpec, Registration, Request, Running, Service, prelude::*,
};
use http::HeaderValue;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{fs, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
};

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct RichConfig {
    /// Anything: another one is another plugin.
    version: u64,
    /// Whether `init` fails when it has done everything.
    fails: bool,
}

/// Takes part wherever one can.
struct Rich {
    version: u64,
}

/// What `Rich` exports.
struct Export(u64);

static STUCK: Notify = Notify::const_new();

impl Plugin for Rich {
    type Config = RichConfig;

    async fn init(config: RichConfig, cx: &mut PluginContext) -> Result<Self> {
        let version = config.version;
        cx.export(Export(version));
        cx.declare(PointSpec::filter("rich.declared"))?;
        cx.filter(&points::PRE_REQUEST, |exchange: &mut Exchange| {
            exchange
                .headers_mut()
                .insert("x-rich", HeaderValue::from_static("yes"));
        });
        cx.around(async |request: Request, next: Next<'_>| next.run(request).await);
        let served = cx.meter().with("kind", "page");
        let served = served.counter("served", "Pages that were served.");
        cx.get("/rich/{name}", async move |events: Events| {
            served.increment(1);
            events.publish_as("rich.served", json!({"version": version}))?;
            Ok::<_, Error>(version.to_string())
        });
        cx.get("/stuck", async || STUCK.notified().await);
        cx.on("rich.*", async |_: Message| ());
        cx.health("self", async || Health::up().with("much", "detail"))
            .critical();
        let background = cx.background().clone();
        cx.background().spawn("until it stops", async move {
            background.stopping().cancelled().await;
            Ok(())
        });
        let background = cx.background().clone();
        cx.background().spawn("once it serves", async move {
            background.serving().await;
            let service = Service::new("rich", "127.0.0.1", 1).tag(version.to_string());
            background.services().register(service).await?;
            Ok(())
        });
        cx.background().spawn("for ever", std::future::pending());
        cx.background()
            .every("often", Duration::from_millis(1), async || Ok(()));
        if config.fails {
            return Err(Error::msg("it fails, as it was told"));
        }
        Ok(Self { version })
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        // It holds itself, as plugins do.
        let this = Arc::clone(self);
        to.get("/rich", async move || this.version.to_string());
        Ok(())
    }
}

/// Requires the rich one, and stands at the point that it declares.
#[plugin(requires = ["rich"])]
async fn heir(cx: &mut PluginContext) -> Result<()> {
    let export = cx.require::<Export>()?;
    cx.at("rich.declared")
        .filter(move |value: &mut Value| *value = json!(export.0));
    Ok(())
}

/// Goes on over every reload that is not of all.
#[plugin]
async fn aside(cx: &mut PluginContext) -> Result<()> {
    cx.get("/aside", async || "aside");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_leave_nothing_behind() {
    let _alone = alone().await;
    let all = how_many("CHASSIS_SOAK_LEFTOVERS", 500);
    let running = Chassis::builder()
        .without_linked_plugins()
        .set("server.listen", "127.0.0.1:0")
        .set("management.listen", "127.0.0.1:0")
        .set("reload.drain", "20ms")
        .register(Registration::new::<Rich>(
            PluginInfo::new("rich", "1.0.0").unwrap(),
        ))
        .plugin::<heir>()
        .plugin::<aside>()
        .start()
        .await
        .unwrap();
    for plugin in running.handle().plugins().unwrap() {
        assert_eq!(plugin.last_error(), None);
    }
    reload(&running, 0..all / 10).await;
    let base = Found::of(&running).await;
    reload(&running, all / 10..all / 5).await;
    let before = Found::of(&running).await;
    stuck(&running).await;
    reload(&running, all / 5..all).await;
    let after = Found::of(&running).await;
    println!(
        "{base:?} after {}, {before:?} after {}, {after:?} after {all}",
        all / 10,
        all / 5
    );
    for found in [&before, &after] {
        assert_eq!(found.alive, 1, "generations");
        assert!(found.tasks <= base.tasks, "{base:?}, {found:?}");
        assert!(found.threads <= base.threads, "{base:?}, {found:?}");
        assert!(found.descriptors <= base.descriptors, "{base:?}, {found:?}");
    }
    assert!(
        before.bytes.abs_diff(after.bytes) <= SLACK,
        "{} bytes were allocated after {} reloads, {} after {all}",
        before.bytes,
        all / 5,
        after.bytes
    );
    assert!(running.stop().await.is_graceful());
}

/// Reloads in all ways, one after the other: of everything, of one, one that fails, what goes and what comes.
async fn reload(running: &Running, numbers: std::ops::Range<u64>) {
    let handle = running.handle();
    for number in numbers {
        let done = match number % 5 {
            0 => handle.reload_all().await,
            1 => handle.configure("rich", json!({"version": number})).await,
            2 => handle.configure("rich", json!({"fails": true})).await,
            3 => handle.disable("heir").await,
            _ => handle.enable("heir").await,
        };
        assert_eq!(done.is_err(), number % 5 == 2, "{done:?}");
        let path = format!("/rich/{number}");
        let answer = ask(running.service_address(), &path).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        if number % 50 == 0 {
            let management = running.management_address().unwrap();
            for path in [
                "/metrics",
                "/plugins",
                "/health",
                "/events",
                "/extension-points",
            ] {
                let answer = ask(management, path).await;
                assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
            }
        }
    }
}

/// One request, on a connection of its own.
async fn ask(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// A request that gets stuck holds its generation, whatever comes after, and is named; and once it is over, nothing of all
/// that is left.
async fn stuck(running: &Running) {
    let address = running.service_address();
    let asking = tokio::spawn(async move { ask(address, "/stuck").await });
    let handle = running.handle();
    let held = handle.enter().unwrap().generation();
    let stuck = || {
        let generations = handle.generations().unwrap();
        let one = generations.into_iter().find(|one| one.number == held);
        one.filter(|one| one.requests.get("/stuck") == Some(&1))
    };
    until("the request is there", || stuck().is_some()).await;
    for _ in 0..20 {
        handle.reload_all().await.unwrap();
    }
    let held = stuck().expect("it is remembered as long as it is held");
    assert_eq!(held.state, GenerationState::Overdue);
    assert!(held.until.is_some());
    STUCK.notify_one();
    assert!(asking.await.unwrap().starts_with("HTTP/1.1 200 "));
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    waited.unwrap_or_else(|_| panic!("it took too long: {what}"));
}

/// What there is at one moment.
#[derive(Debug)]
struct Found {
    bytes: usize,
    tasks: usize,
    /// Where the system tells.
    threads: Option<usize>,
    descriptors: Option<usize>,
    alive: usize,
}

impl Found {
    /// The least of many looks: connections are closed meanwhile, and what is periodic is under way now and then.
    async fn of(running: &Running) -> Self {
        let mut least = Self::now(running);
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let now = Self::now(running);
            least = Self {
                bytes: least.bytes.min(now.bytes),
                tasks: least.tasks.min(now.tasks),
                threads: least.threads.min(now.threads),
                descriptors: least.descriptors.min(now.descriptors),
                alive: least.alive.min(now.alive),
            };
        }
        least
    }

    fn now(running: &Running) -> Self {
        let count = |folder| fs::read_dir(folder).ok().map(Iterator::count);
        let generations = running.handle().generations().unwrap();
        let alive = generations.iter();
        let alive = alive
            .filter(|one| one.state != GenerationState::Gone)
            .count();
        drop(generations);
        Self {
            bytes: live_bytes(),
            tasks: tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks(),
            threads: count("/proc/self/task"),
            descriptors: count("/proc/self/fd"),
            alive,
        }
    }
}
