//! Compresses answers as their clients accept it: zstd, br, gzip.
//!
//! A pair of hooks. On the way in it reads what the client accepts; on the way out it looks at the answer, and if it is worth it
//! puts a compressed body in place of the plain one. Read it from the top: the plugin, its config, its life, its work, its tests;
//! `accept.rs` finds the algorithm, `body.rs` makes the body.
//!
//! ```
//! use chassis::{Body, axum::http::Request, prelude::*, testing::TestChassis};
//! use chassis_compression::Compression;
//!
//! /// Has much to say.
//! #[plugin]
//! async fn poet(cx: &mut PluginContext) -> Result<()> {
//!     cx.get("/poem", async || "a rose is a rose is ".repeat(100));
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! let app = TestChassis::with::<Compression>().plugin::<poet>().start().await?;
//! let request = Request::get("/poem").header("Accept-Encoding", "gzip, br");
//! let answer = app.send(request.body(Body::empty()).unwrap()).await;
//! assert_eq!(answer.header("Content-Encoding"), Some("br"));
//! assert!(answer.bytes().len() < 100);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use chassis::{Body, RoutePattern, prelude::*};
use schemars::JsonSchema;
use serde::Deserialize;

mod accept;
mod answer;
mod body;
mod level;
mod media;
mod room;

use accept::Accepted;
pub use level::{Algorithm, Level};
pub use media::MediaPattern;
use room::Room;

/// Compresses answers, as their clients accept it.
#[plugin]
#[derive(Debug)]
pub struct Compression {
    config: CompressionConfig,
    codecs: body::Codecs,
    room: Room,
}

/// What can be set under `plugins.compression.config`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CompressionConfig {
    /// What answers may be compressed with. Of those that a client likes equally, the first is taken.
    #[schemars(length(min = 1, max = 3))]
    pub algorithms: Vec<Algorithm>,
    /// How much work it may be: `fastest`, `default`, `best`, or a number from 1 to 9.
    pub level: Level,
    /// Answers that are known to be smaller are sent as they are.
    #[serde(with = "units::Size")]
    pub min_size: usize,
    /// How many answers that are larger than 64 KiB, or come bit by bit, are compressed at the same time: each takes memory until
    /// its client has read it. More are sent as they are.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_open: usize,
    /// The media types that are compressed: `text/html`, `text/*`, `application/*+json`.
    #[schemars(length(max = 256))]
    pub types: Vec<MediaPattern>,
    /// Those that are not, although they are among `types`.
    #[schemars(length(max = 256))]
    pub skip_types: Vec<MediaPattern>,
    /// The routes whose answers are compressed: `/orders/{id}`, all below `/orders/**`, or with a method `GET /orders`.
    #[schemars(length(max = 256))]
    pub routes: Vec<RoutePattern>,
    /// Those whose answers are not, although they are among `routes`: where a secret stands in an answer beside what the caller
    /// has sent, its length tells of the secret (BREACH).
    #[schemars(length(max = 256))]
    pub skip_routes: Vec<RoutePattern>,
}

impl Default for CompressionConfig {
    fn default() -> Self {
        Self {
            algorithms: vec![Algorithm::Zstd, Algorithm::Br, Algorithm::Gzip],
            level: Level::Default,
            min_size: 1_024,
            max_open: 256,
            types: media::texts(),
            skip_types: media::events(),
            routes: vec![RoutePattern::all()],
            skip_routes: Vec::new(),
        }
    }
}

impl Plugin for Compression {
    type Config = CompressionConfig;

    fn validate(config: &CompressionConfig, found: &mut Violations) {
        let algorithms = &config.algorithms;
        for (index, algorithm) in algorithms.iter().enumerate() {
            if algorithms[..index].contains(algorithm) {
                let path = format!("algorithms[{index}]");
                let message = format!("`{}` stands there twice", algorithm.as_str());
                found.refuse(&path, message).with_help("remove it");
            }
        }
    }

    async fn init(config: CompressionConfig, cx: &mut PluginContext) -> Result<Self> {
        Ok(Self {
            codecs: body::Codecs::new(config.level, cx.meter()),
            // What is under way goes on, and takes its memory.
            room: cx.handed_over().unwrap_or_default(),
            config,
        })
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        let room = self.room.clone();
        to.hand_over(async move || Ok(room));
        to.blocks(self);
        Ok(())
    }
}

// Inside of all that writes headers, counts and refuses: what stands further out sees the answer as it is sent.
#[contributes]
impl Compression {
    #[filter(points::PRE_REQUEST, priority = 40)]
    fn ask(&self, exchange: &mut Exchange) {
        // On the way out the headers of the request are gone.
        if let Some(accepted) = Accepted::of(exchange.headers(), &self.config.algorithms) {
            exchange.keep(accepted);
        }
    }

    #[filter(points::POST_RESPONSE, priority = 40)]
    fn compress(&self, exchange: &mut Exchange) {
        let accepted = exchange.kept::<Accepted>();
        let (algorithm, is_picky) = match accepted {
            Some(accepted) => (accepted.algorithm, accepted.refuses_plain),
            None => (None, false),
        };
        let Some(length) = answer::length(exchange) else {
            return answer::revalidated(exchange);
        };
        // Most answers are small.
        let is_small = length.is_some_and(|length| length < self.config.min_size as u64);
        if is_small && !is_picky
            || !self.is_for(exchange)
            || !answer::may_change(exchange.response_headers())
        {
            return;
        }
        // Also on the plain one: a cache must not give it to everybody.
        answer::vary(exchange.response_headers_mut());
        let Some(algorithm) = algorithm else { return };
        if *exchange.method() == Method::HEAD {
            answer::encoded(exchange.response_headers_mut(), algorithm);
            // How long it would be is not worth compressing it.
            return exchange.map_response_body(|_| Body::empty());
        }
        let codec = self.codecs.of(algorithm);
        let seat = match body::is_short(length) {
            true => None,
            false => match self.room.enter(self.config.max_open) {
                None => return codec.left_plain(),
                seat => seat,
            },
        };
        answer::encoded(exchange.response_headers_mut(), algorithm);
        exchange.map_response_body(|body| codec.compress(body, seat));
    }

    #[metrics]
    async fn measure(&self) -> Vec<MetricSample> {
        let open = MetricSample::gauge("compression.open", self.room.taken() as f64);
        vec![open.help("Answers that are being compressed as they are sent.")]
    }
}

impl Compression {
    /// Whether the answers of this route, and those of this media type, are compressed.
    fn is_for(&self, exchange: &Exchange) -> bool {
        let CompressionConfig {
            types,
            skip_types,
            routes,
            skip_routes,
            ..
        } = &self.config;
        let Some(media) = media::of(exchange.response_headers()) else {
            return false;
        };
        let is_type = |all: &[MediaPattern]| all.iter().any(|one| one.matches(media));
        let is_route = |all: &[RoutePattern]| all.iter().any(|one| one.is_for(exchange));
        is_type(types) && !is_type(skip_types) && is_route(routes) && !is_route(skip_routes)
    }
}

#[cfg(test)]
mod tests;
