//! `status`, `health`: questions to the service that runs, at its management endpoints; and how all are asked.

use super::{
    places, say,
    table::{Cell, Table},
};
use crate::{
    chassis::{ChassisBuilder, Whereabouts},
    credentials::Credentials,
    error::{Context as _, Error, Result, code},
    secret::Secret,
    status::PluginState,
};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{net::SocketAddr, path::Path, process::ExitCode, time::Duration};
use tokio::net::TcpStream;

/// How long an answer may take. A reload answers when the old generation is drained, which may take longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the service is: in a line, and a table of its plugins.
pub(super) fn status(builder: &ChassisBuilder, tokens: Option<&Path>, as_json: bool) -> ExitCode {
    ask(builder, tokens, false, async |service: &Service| {
        let info = service.get("/info").await?;
        let plugins = service.get("/plugins").await?;
        let is_ready = info.body["ready"] == true;
        if as_json {
            let all = serde_json::json!({"service": info.body, "plugins": plugins.body});
            say(&format!("{all:#}"));
        } else {
            tell(&info.body, &plugins.body, is_ready);
        }
        Ok(is_ready)
    })
}

fn tell(info: &Value, plugins: &Value, is_ready: bool) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let uptime = Duration::from_millis(info["uptime_ms"].as_u64().unwrap_or_default());
    say(&format!(
        "{} {} is {}; generation {}, pid {}, up for {}s, http://{}",
        text(&info["name"]),
        text(&info["version"]),
        if is_ready { "ready" } else { "not ready" },
        info["generation"],
        info["pid"],
        uptime.as_secs(),
        text(&info["addresses"]["service"]),
    ));
    let header = ["plugin", "version", "state", "reason"];
    let mut table = Table::new(&header, &std::io::stdout());
    for plugin in plugins.as_array().into_iter().flatten() {
        let state = serde_json::from_value::<PluginState>(plugin["state"].clone());
        let state = match state {
            Ok(state) => Cell::state(state),
            // A newer service has a state that this program does not know.
            Err(_) => text(&plugin["state"]).into(),
        };
        table.row([
            text(&plugin["name"]).into(),
            text(&plugin["version"]).into(),
            state,
            text(&plugin["reason"]).into(),
        ]);
    }
    say(&table.text());
}

/// Whether it is alive, ready, or has started; how all of it is, or a group of checks.
pub(super) fn health(builder: &ChassisBuilder, tokens: Option<&Path>, which: &str) -> ExitCode {
    ask(builder, tokens, false, async |service: &Service| {
        let path = match which {
            "all" => "/health".to_owned(),
            which => format!("/health/{which}"),
        };
        let answer = service.send(Method::GET, &path, Some(PATIENCE)).await?;
        let Some(status) = answer.body["status"].as_str() else {
            return Err(Error::new(code::CLOSED, problem(&answer.body)));
        };
        match answer.body["reason"].as_str() {
            Some(reason) => say(&format!("{which}: {status}: {reason}")),
            None => say(&format!("{which}: {status}")),
        }
        Ok(answer.status.is_success())
    })
}

/// Why the service refuses: each of the errors that it names.
pub(super) fn problem(body: &Value) -> String {
    if body["code"] == code::UNAUTHORIZED.name() {
        return "the service asks for a token, and this is none that it knows\n  help: `--token-file` names a file with one, as does `management.token_file`".to_owned();
    }
    match body["errors"].as_array().map(Vec::as_slice) {
        Some(errors @ [_, ..]) => {
            let told: Vec<String> = errors.iter().map(one).collect();
            told.join("\nerror: ")
        }
        _ => one(body),
    }
}

fn one(error: &Value) -> String {
    let detail = error["detail"].as_str().or(error["title"].as_str());
    let detail = detail.unwrap_or("the service refuses");
    let mut text = match (error["plugin"].as_str(), error["phase"].as_str()) {
        (Some(plugin), Some(phase)) => format!("plugin `{plugin}` ({phase}): {detail}"),
        (Some(plugin), None) => format!("plugin `{plugin}`: {detail}"),
        _ => detail.to_owned(),
    };
    for (name, value) in [("at", &error["at"]), ("help", &error["help"])] {
        if let Some(value) = value.as_str() {
            text += &format!("\n  {name}: {value}");
        }
    }
    text
}

/// Asks the service of this configuration something; the exit code says whether the answer was yes. What may change the
/// service is not asked of one that may be another. `tokens` is a file of them; by default that of the configuration.
pub(super) fn ask(
    builder: &ChassisBuilder,
    tokens: Option<&Path>,
    may_change: bool,
    question: impl AsyncFnOnce(&Service) -> Result<bool>,
) -> ExitCode {
    let tokens = tokens.map(Path::to_owned);
    let (address, tokens) = match builder.management_address() {
        Ok(Whereabouts::Known(address)) => (address, tokens.or_else(|| builder.token_file())),
        Ok(Whereabouts::Guessed(_, error)) if may_change => return places::refuse(builder, &error),
        Ok(Whereabouts::Guessed(address, _)) => {
            eprintln!(
                "the configuration can't be read (`check` tells why): asking {address}, the default"
            );
            // Whoever listens there gets no token that was not meant for it.
            (address, tokens)
        }
        Err(error) => return places::refuse(builder, &error),
    };
    let token = tokens.map(Credentials::read).transpose();
    let service = match token {
        Ok(token) => Service {
            address,
            token: token.map(|token| token.first().into()),
        },
        Err(error) => {
            let error = error.with_help("`--token-file` names another file");
            return places::refuse(builder, &error);
        }
    };
    let asked = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(question(&service)));
    match asked {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", error.report());
            ExitCode::FAILURE
        }
    }
}

/// The management endpoints of a service that runs.
pub(super) struct Service {
    address: SocketAddr,
    token: Option<Secret>,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Service {
    async fn get(&self, path: &str) -> Result<Answer> {
        let answer = self.send(Method::GET, path, Some(PATIENCE)).await?;
        match answer.status.is_success() {
            true => Ok(answer),
            false => Err(Error::new(code::CLOSED, problem(&answer.body))),
        }
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        patience: Option<Duration>,
    ) -> Result<Answer> {
        let exchange = self.exchange(method, path);
        let Some(patience) = patience else {
            return exchange.await;
        };
        tokio::time::timeout(patience, exchange)
            .await
            .unwrap_or_else(|_| {
                let message = format!("no answer from {} in {}s", self.address, patience.as_secs());
                Err(Error::new(code::DEADLINE, message))
            })
    }

    async fn exchange(&self, method: Method, path: &str) -> Result<Answer> {
        if self.address.port() == 0 {
            let message =
                "`management.listen` has the port 0: nobody knows where the service listens";
            return Err(Error::new(code::CONFIG_INVALID, message)
                .with_help("name the port: `--set management.listen=127.0.0.1:8081`"));
        }
        let stream = TcpStream::connect(self.address).await.map_err(|error| {
            let message = format!("no service answers at {}: {error}", self.address);
            Error::new(code::CLOSED, message)
                .with_help("is it running, with this `management.listen`?")
        })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.address.to_string())
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        let request = request.body(Empty::<Bytes>::new())?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let body = serde_json::from_slice(&body).context(format!(
            "what answers at {} is no service of the chassis",
            self.address
        ))?;
        Ok(Answer { status, body })
    }
}
