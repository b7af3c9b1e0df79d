//! `plugins SUBJECT TIMES`: asks a service with the plugins of a subject so many times, for whoever counts the instructions.
//! `plugins --list` says as JSON which subjects there are.
#![forbid(unsafe_code)]

mod subjects;
mod tokens;

use bytes::Bytes;
use chassis::{
    Body, ChassisBuilder,
    axum::http::{HeaderName, header::HOST},
    prelude::*,
};
use chassis_benches::{Hello, inject};
use chassis_compression::Compression;
use chassis_cors::Cors;
use chassis_custom_metrics::CustomMetrics;
use chassis_jwt_authentication::JwtAuthentication;
use chassis_rate_limit::RateLimit;
use chassis_request_tracing::RequestTracing;
use chassis_security_headers::SecurityHeaders;
use chassis_timeout::Timeout;
use http_body_util::BodyExt as _;
use std::{
    env,
    net::{Ipv4Addr, SocketAddr},
};
use subjects::{WITH_PLUGINS, WithPlugins};

/// Answers with a few bytes, and with 10 KiB. Neither route says who may call it.
#[plugin]
async fn pages(cx: &mut PluginContext) -> Result<()> {
    cx.get("/", async || {
        inject();
        Hello
    });
    let large = large();
    cx.get("/large", async move || {
        inject();
        ([("content-type", "application/json")], large.clone())
    });
    Ok(())
}

/// 10 KiB of JSON, as orders are.
fn large() -> Bytes {
    let order = |id: usize| {
        let total = id * 37 % 1_000;
        format!(
            r#"{{"id":{id},"state":"placed","customer":"customer-{}","total_cents":{total}}}"#,
            id * 7
        )
    };
    let mut orders: Vec<String> = Vec::new();
    while orders.iter().map(|order| order.len() + 1).sum::<usize>() < 10 * 1_024 {
        orders.push(order(orders.len()));
    }
    format!("[{}]", orders.join(",")).into()
}

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().context("which subject?")?;
    if name == "--list" {
        println!("{}", serde_json::to_string(WITH_PLUGINS)?);
        return Ok(());
    }
    let times: u64 = arguments.next().context("how many times?")?.parse()?;
    let mut all = WITH_PLUGINS.iter();
    let subject = all.find(|with| name.strip_prefix("plugin/") == Some(with.name));
    let subject = subject.context(format!("there is no subject `{name}`"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(subject, times))
}

/// The service, with only these plugins.
fn service(subject: &WithPlugins) -> Result<ChassisBuilder> {
    let builder = Chassis::builder()
        .without_linked_plugins()
        .config_text("bench.yaml", subject.config())
        .set("server.listen", "127.0.0.1:0")
        .set("management.listen", "127.0.0.1:0")
        .plugin::<pages>();
    subject
        .plugins
        .iter()
        .try_fold(builder, |builder, name| match *name {
            "compression" => Ok(builder.plugin::<Compression>()),
            "cors" => Ok(builder.plugin::<Cors>()),
            "custom-metrics" => Ok(builder.plugin::<CustomMetrics>()),
            "jwt-authentication" => Ok(builder.plugin::<JwtAuthentication>()),
            "rate-limit" => Ok(builder.plugin::<RateLimit>()),
            "request-tracing" => Ok(builder.plugin::<RequestTracing>()),
            "security-headers" => Ok(builder.plugin::<SecurityHeaders>()),
            "timeout" => Ok(builder.plugin::<Timeout>()),
            _ => Err(Error::msg(format!("there is no plugin `{name}` here"))),
        })
}

async fn run(subject: &WithPlugins, times: u64) -> Result<()> {
    let running = service(subject)?.start().await?;
    let handle = running.handle();
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
    let mut headers = HeaderMap::new();
    // No request is without headers: memory for the first one is not what a plugin costs.
    headers.insert(HOST, HeaderValue::from_static("localhost"));
    for (name, value) in subject.headers {
        headers.insert(name.parse::<HeaderName>()?, HeaderValue::from_static(value));
    }
    // The first one, and then those that count.
    for turn in 0..=times {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = subject.path().parse()?;
        request.headers_mut().clone_from(&headers);
        let (head, body) = handle.serve(request, peer).await?.into_parts();
        if head.status != 200 {
            return Err(Error::msg(format!("it was answered {}", head.status)));
        }
        if turn == 0 {
            for name in subject.shows {
                let missing = format!("the answer has no `{name}`");
                head.headers.get(*name).context(missing)?;
            }
        }
        // To its end: there are plugins that work on the body.
        body.collect().await?;
    }
    if let Some(series) = subject.counts {
        let wanted = format!("{series} {}", times + 1);
        let page = handle.metrics()?;
        let missing = format!("there is no `{wanted}` among the metrics");
        page.lines().find(|line| *line == wanted).context(missing)?;
    }
    running.stop().await;
    Ok(())
}
