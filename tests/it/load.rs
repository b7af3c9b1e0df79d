//! Open-loop load: requests begin at fixed times, whatever becomes of those before. A service that stands still for a
//! moment does not get fewer of them, as it would from clients that wait for their answers.

use crate::client::{Answer, Http2, Raw};
use http::Request;
use http_body_util::Full;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    sync::Notify,
    task::{JoinHandle, JoinSet},
    time::MissedTickBehavior,
};

/// What an answer has to be, and the generation that it comes from.
pub(crate) type Judge = dyn Fn(&Answer) -> Result<u64, String> + Send + Sync;

/// What each of them carries.
pub(crate) type Headers = &'static [(&'static str, &'static str)];

/// How many requests may be under way: a service that has come to an end should not take the machine with it.
const MOST: usize = 1_000;

/// A connection that nobody has used for longer is not taken: the service may be about to close it.
const FRESH: Duration = Duration::from_secs(5);

/// Requests, begun at fixed times until it ends.
pub(crate) struct Load {
    ended: Arc<Notify>,
    sending: JoinHandle<Tally>,
}

/// What came of all of them.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) answered: usize,
    /// What was wrong, of those that failed.
    pub(crate) failed: Vec<String>,
    /// The most that were under way at once.
    pub(crate) at_once: usize,
}

impl Load {
    /// Begins to send: so many requests in a second, to each of these paths in turn. Each sixth goes over HTTP/2.
    pub(crate) fn begin(
        address: SocketAddr,
        rate: u32,
        paths: &'static [&'static str],
        headers: Headers,
        judge: Arc<Judge>,
    ) -> Self {
        let ended = Arc::new(Notify::new());
        let until = Arc::clone(&ended);
        let sending = tokio::spawn(send(address, rate, paths, headers, judge, until));
        Self { ended, sending }
    }

    /// Begins no more, and waits for the answers that are on their way.
    pub(crate) async fn end(self) -> Tally {
        self.ended.notify_one();
        self.sending.await.expect("the load goes on to its end")
    }
}

async fn send(
    address: SocketAddr,
    rate: u32,
    paths: &'static [&'static str],
    headers: Headers,
    judge: Arc<Judge>,
    ended: Arc<Notify>,
) -> Tally {
    let pool = Arc::new(Pool::default());
    let http2 = Http2::connect(address).await;
    let mut tally = Tally::default();
    let mut under_way = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    // Who is late catches up: the number of requests is a matter of time alone.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for (number, path) in paths.iter().cycle().enumerate() {
        tokio::select! {
            _ = ticks.tick() => {}
            () = ended.notified() => break,
        }
        while let Some(done) = under_way.try_join_next() {
            tally.count(done);
        }
        assert!(under_way.len() < MOST, "{MOST} requests are under way");
        let (pool, judge, mut http2) = (Arc::clone(&pool), Arc::clone(&judge), http2.clone());
        under_way.spawn(async move {
            if number % 6 == 5 {
                let mut request = Request::get(format!("http://{address}{path}"));
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                let request = request
                    .body(Full::default())
                    .map_err(|why| why.to_string())?;
                let answer = http2.send(request).await;
                return judge(&answer.map_err(|error| format!("{path} over HTTP/2: {error}"))?)
                    .map(drop);
            }
            pool.ask(address, path, headers, &*judge).await
        });
        tally.at_once = tally.at_once.max(under_way.len());
    }
    while let Some(done) = under_way.join_next().await {
        tally.count(done);
    }
    tally
}

impl Tally {
    fn count(&mut self, done: Result<Result<(), String>, tokio::task::JoinError>) {
        match done.unwrap_or_else(|panic| Err(panic.to_string())) {
            Ok(()) => self.answered += 1,
            Err(why) => self.failed.push(why),
        }
    }
}

/// Connections that wait for their next request.
#[derive(Default)]
struct Pool(Mutex<Vec<Connection>>);

struct Connection {
    raw: Raw,
    /// The newest generation that it has met.
    met: u64,
    last_used: Instant,
}

impl Pool {
    fn take(&self) -> Option<Connection> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|connection| connection.last_used.elapsed() < FRESH);
        idle.pop()
    }

    fn put(&self, connection: Connection) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(connection);
    }

    async fn ask(
        &self,
        address: SocketAddr,
        path: &str,
        headers: Headers,
        judge: &Judge,
    ) -> Result<(), String> {
        let mut connection = match self.take() {
            Some(connection) => connection,
            None => Connection {
                raw: Raw::connect(address).await,
                met: 0,
                last_used: Instant::now(),
            },
        };
        let headers = headers.iter();
        let headers: String = headers
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        connection.raw.send(request).await;
        let answer = connection.raw.try_answer().await;
        let generation = judge(&answer.map_err(|why| format!("{path}: {why}"))?)?;
        let met = connection.met;
        if generation < met {
            return Err(format!(
                "{path}: generation {generation} after {met} on one connection"
            ));
        }
        connection.met = generation;
        connection.last_used = Instant::now();
        self.put(connection);
        Ok(())
    }
}
