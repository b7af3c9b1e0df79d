//! What browsers see: whatever becomes of a request, its answer says who may read it, what a browser may do with it, how long it took,
//! and by which id it is found in the log. A page whose origin is not on an error can't even tell its user that there was one.

use crate::{
    client::{Raw, service, start},
    made::plugin,
};
use axum::{
    Router,
    response::{IntoResponse as _, Redirect},
    routing::{get, post},
};
use chassis::{
    Body, ChassisBuilder, Error, Exchange, Flow, Json, Next, Registration, Response, code, points,
    testing::{TestBuilder, TestChassis},
};
use chassis_compression::Compression;
use chassis_cors::Cors;
use chassis_jwt_authentication::JwtAuthentication;
use chassis_rate_limit::RateLimit;
use chassis_request_tracing::RequestTracing;
use chassis_security_headers::SecurityHeaders;
use chassis_timeout::Timeout;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use std::{convert::Infallible, future::pending, time::Duration};

const ORIGIN: &str = "https://app.example.com";

/// `{"alg":"HS256"}.{"sub":"ada","exp":32503680000}`, signed with [`SECRET`].
const TOKEN: &str = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEiLCJleHAiOjMyNTAzNjgwMDAwfQ.Fkz5RAX6peU8vYKnyD0pAafRrvLbdNi2Kl1Fh0ZBOno";
const SECRET: &str = "a secret of at least 32 bytes, only for this";

const CONFIG: &str = "
server:
  max_body: 1KiB
  trusted_proxies: [127.0.0.0/8]
plugins:
  cors: {config: {policies: [{origins: ['https://*.example.com'], expose: [X-Correlation-ID], credentials: true}]}}
  rate-limit: {config: {limits: [{routes: [/limited], rate: 1/h}]}}
";

/// Ends requests in every way there is.
fn ends() -> Registration {
    plugin("ends", |cx| {
        cx.get("/answer", async || "an answer").public();
        cx.post("/answer", async |Json(text): Json<String>| text)
            .public();
        cx.post("/read", async |body: bytes::Bytes| body.len().to_string())
            .public();
        cx.get("/limited", async || "seldom").public();
        cx.get("/unchanged", async || StatusCode::NOT_MODIFIED)
            .public();
        cx.get("/elsewhere", async || Redirect::to("/answer"))
            .public();
        cx.get("/own", async || {
            // As those do who have been told so by a search engine.
            let headers = [
                ("access-control-allow-origin", "*"),
                ("vary", "accept-encoding"),
                ("x-frame-options", "DENY"),
            ];
            (headers, "its own headers")
        })
        .public();
        cx.get("/stream", async || {
            let parts = futures::stream::iter(["one", "two"].map(Ok::<_, Infallible>));
            Response::new(Body::from_stream(parts))
        })
        .public();
        cx.get("/conflict", async || {
            Err::<(), _>(Error::new(code::CONFLICT, "not now"))
        })
        .public();
        cx.get("/error", async || Error::msg("no")).public();
        cx.get("/panic", async || -> &'static str {
            panic!("the handler was told to panic")
        })
        .public();
        cx.get("/hang", async || pending::<()>().await).public();
        cx.get("/slow", async || pending::<()>().await)
            .deadline(Duration::from_secs(1))
            .public();
        cx.get("/known", async || "known");
        cx.get("/scope", async || "scope").scopes(["admin"]);
    })
}

/// What the path of a request says to this hook.
fn part<'e>(exchange: &'e Exchange, name: &str) -> Option<&'e str> {
    let path = exchange.uri().path();
    path.strip_prefix('/')?.strip_prefix(name)
}

/// Ends requests on their way, at this place of the onion.
fn hook(name: &'static str, priority: i32) -> Registration {
    plugin(name, move |cx| {
        let end = move |exchange: &mut Exchange| match part(exchange, name) {
            Some("/early") => Ok(Flow::respond((StatusCode::IM_A_TEAPOT, "early"))),
            Some("/error") => Err(Error::msg("the hook was told to fail")),
            Some("/panic") => panic!("the hook was told to panic"),
            _ => Ok(Flow::Continue),
        };
        cx.filter(&points::PRE_REQUEST, end).priority(priority);
        let turn = move |exchange: &mut Exchange| match part(exchange, name) {
            Some("/late/answer") => Ok(Flow::respond((StatusCode::IM_A_TEAPOT, "late"))),
            Some("/late/error") => Err(Error::msg("the hook was told to fail")),
            Some("/late/panic") => panic!("the hook was told to panic"),
            _ => Ok(Flow::Continue),
        };
        cx.filter(&points::POST_RESPONSE, turn).priority(priority);
    })
}

fn router() -> Router {
    Router::new()
        .route("/mounted/answer", get(async || "mounted"))
        .route(
            "/mounted/panic",
            get(async || -> &'static str { panic!("the router was told to panic") }),
        )
        .route("/mounted/hang", post(async || pending::<()>().await))
        .layer(axum::middleware::map_response(permissive))
}

/// A router that has its own mind of who may read what.
async fn permissive(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
    headers.append("vary", HeaderValue::from_static("accept, Origin"));
    response
}

/// A request of a page elsewhere, and how it ends.
#[derive(Clone, Copy)]
struct Row {
    method: &'static str,
    path: &'static str,
    status: u16,
    /// Headers beside those that all of them have.
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
}

const fn get_of(path: &'static str, status: u16) -> Row {
    Row {
        method: "GET",
        path,
        status,
        headers: &[],
        body: "",
    }
}

const fn post_of(
    path: &'static str,
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
) -> Row {
    Row {
        method: "POST",
        path,
        status,
        headers,
        body,
    }
}

const IS_JSON: (&str, &str) = ("content-type", "application/json");
const LARGE: &str = match str::from_utf8(&[b'x'; 2_000]) {
    Ok(text) => text,
    Err(_) => "",
};

#[rustfmt::skip] // It is a table.
const ROWS: &[Row] = &[
    get_of("/answer", 200),
    get_of("/own", 200),
    get_of("/stream", 200),
    get_of("/unchanged", 304),
    get_of("/elsewhere", 303),
    Row { method: "HEAD", ..get_of("/answer", 200) },
    post_of("/answer", 200, &[IS_JSON], "\"text\""),
    Row { headers: &[("authorization", TOKEN)], ..get_of("/openapi.json", 200) },

    // What the chassis refuses.
    post_of("/answer", 422, &[IS_JSON], "{"),
    post_of("/answer", 415, &[], "text"),
    post_of("/answer", 422, &[IS_JSON], "1"),
    post_of("/answer", 413, &[IS_JSON, ("content-length", "2000")], LARGE),
    post_of("/read", 413, &[("transfer-encoding", "chunked")], LARGE),
    get_of("/nowhere", 401),
    Row { headers: &[("authorization", TOKEN)], ..get_of("/nowhere", 404) },
    Row { method: "DELETE", headers: &[("authorization", TOKEN)], ..get_of("/answer", 405) },
    Row { method: "OPTIONS", headers: &[("authorization", TOKEN)], ..get_of("/answer", 405) },

    // Who may not.
    get_of("/known", 401),
    Row { headers: &[("authorization", "Bearer nonsense")], ..get_of("/known", 401) },
    Row { headers: &[("authorization", TOKEN)], ..get_of("/known", 200) },
    Row { headers: &[("authorization", TOKEN)], ..get_of("/scope", 403) },
    get_of("/limited", 200),
    get_of("/limited", 429),

    // What fails.
    get_of("/conflict", 409),
    get_of("/error", 500),
    get_of("/panic", 500),

    // What a hook does, at the priority of those that say none, and inside of all others.
    get_of("/outer/early", 418),
    get_of("/outer/error", 500),
    get_of("/outer/panic", 500),
    get_of("/outer/late/answer", 418),
    get_of("/outer/late/error", 500),
    get_of("/outer/late/panic", 500),
    get_of("/inner/early", 418),
    get_of("/inner/error", 500),
    get_of("/inner/panic", 500),
    get_of("/inner/late/answer", 418),
    get_of("/inner/late/error", 500),
    get_of("/inner/late/panic", 500),
    get_of("/around/early", 418),
    get_of("/around/panic", 500),
    get_of("/layer/early", 418),
    get_of("/layer/panic", 500),

    // What mounted routers answer.
    Row { headers: &[("authorization", TOKEN)], ..get_of("/mounted/answer", 200) },
    Row { headers: &[("authorization", TOKEN)], ..get_of("/mounted/panic", 500) },
    Row { headers: &[("authorization", TOKEN)], ..get_of("/mounted/hang", 405) },
    get_of("/mounted/answer", 401),
];

/// Those in which time has to pass.
#[rustfmt::skip] // It is a table.
const LATE: &[Row] = &[
    get_of("/hang", 504),
    get_of("/slow", 504),
    get_of("/around/hang", 504),
    get_of("/layer/hang", 504),
    Row { method: "POST", headers: &[("authorization", TOKEN)], ..get_of("/mounted/hang", 504) },
];

/// An around and a layer that end requests.
fn wrappers() -> Registration {
    plugin("wrappers", |cx| {
        cx.around(
            async |request: chassis::Request, next: Next<'_>| match request.uri().path() {
                "/around/early" => (StatusCode::IM_A_TEAPOT, "early").into_response(),
                "/around/panic" => panic!("the around was told to panic"),
                "/around/hang" => pending().await,
                _ => next.run(request).await,
            },
        )
        .priority(25);
        let through = |request: chassis::Request, next: axum::middleware::Next| async move {
            match request.uri().path() {
                "/layer/early" => (StatusCode::IM_A_TEAPOT, "early").into_response(),
                "/layer/panic" => panic!("the layer was told to panic"),
                "/layer/hang" => pending().await,
                _ => next.run(request).await,
            }
        };
        cx.layer(axum::middleware::from_fn(through)).priority(26);
    })
}

impl Row {
    fn request(&self) -> Request<Body> {
        let request = Request::builder().method(self.method).uri(self.path);
        let all = [
            ("origin", ORIGIN),
            ("x-correlation-id", "seven"),
            ("x-forwarded-proto", "https"),
        ];
        let headers = all.iter().chain(self.headers);
        let request = headers.fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let body = match self.body {
            "" => Body::empty(),
            // Its length is not known beforehand.
            text if self.headers.contains(&("transfer-encoding", "chunked")) => {
                Body::from_stream(futures::stream::iter([Ok::<_, Infallible>(text)]))
            }
            text => Body::from(text),
        };
        request.body(body).expect("it is a request")
    }

    /// Says what is wrong with the headers of an answer.
    fn check(&self, status: StatusCode, headers: &HeaderMap) {
        let Self { method, path, .. } = self;
        let told = format!("{method} {path}: {status} {headers:#?}");
        assert_eq!(status, self.status, "{told}");
        let all = |name: &str| -> Vec<&str> {
            let values = headers.get_all(name).iter();
            values
                .map(|value| value.to_str().expect("it is a text"))
                .collect()
        };
        for (name, value) in [
            ("access-control-allow-origin", ORIGIN),
            ("access-control-allow-credentials", "true"),
            ("access-control-expose-headers", "X-Correlation-ID"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=31536000"),
            ("x-correlation-id", "seven"),
        ] {
            assert_eq!(all(name), [value], "{name} of {told}");
        }
        let vary = all("vary").join(",").to_ascii_lowercase();
        let origins = vary.split(',').filter(|name| name.trim() == "origin");
        assert_eq!(origins.count(), 1, "vary of {told}");
        let took: Vec<f64> = all("x-processing-time")
            .iter()
            .map(|took| took.parse().expect("it is a number"))
            .collect();
        assert_eq!(took.len(), 1, "{told}");
        assert_eq!(all("x-request-id").len(), 1, "{told}");
    }
}

fn plugins() -> impl Iterator<Item = Registration> {
    [ends(), hook("outer", 0), hook("inner", 50), wrappers()].into_iter()
}

async fn app() -> TestChassis {
    let app = TestChassis::with::<Cors>()
        .plugin::<SecurityHeaders>()
        .plugin::<RequestTracing>()
        .plugin::<RateLimit>()
        .plugin::<Compression>()
        .plugin::<Timeout>()
        .plugin::<JwtAuthentication>()
        .router(router())
        .config(CONFIG)
        .set("plugins.jwt-authentication.config.jwt_secret", SECRET);
    let app = plugins().fold(app, TestBuilder::register);
    app.start().await.expect("the service starts")
}

#[tokio::test(start_paused = true)]
async fn whatever_becomes_of_a_request_its_answer_has_the_headers_for_browsers() {
    let app = app().await;
    for row in ROWS.iter().chain(LATE) {
        let answer = app.send(row.request()).await;
        row.check(answer.status(), answer.headers());
    }
}

#[tokio::test]
async fn so_it_is_over_the_wire() {
    let builder = service(plugins())
        .plugin::<Cors>()
        .plugin::<SecurityHeaders>()
        .plugin::<RequestTracing>()
        .plugin::<RateLimit>()
        .plugin::<Compression>()
        .plugin::<Timeout>()
        .plugin::<JwtAuthentication>()
        .router(router())
        .config_text("test.yaml", CONFIG);
    let builder: ChassisBuilder =
        builder.set("plugins.jwt-authentication.config.jwt_secret", SECRET);
    let running = start(builder).await;
    let is_plain = |row: &&Row| row.method != "HEAD" && row.status != 304 && row.path != "/read";
    for row in ROWS.iter().filter(is_plain) {
        let mut client = Raw::connect(running.service_address()).await;
        let request = row.request();
        let mut text = format!("{} {} HTTP/1.1\r\nhost: test\r\n", row.method, row.path);
        for (name, value) in request.headers() {
            text += &format!("{name}: {}\r\n", value.to_str().expect("it is a text"));
        }
        if !row.body.is_empty() && !request.headers().contains_key("content-length") {
            text += &format!("content-length: {}\r\n", row.body.len());
        }
        client.send(format!("{text}\r\n{}", row.body)).await;
        let answer = client.answer().await;
        row.check(answer.status, &answer.headers);
    }
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn a_preflight_is_answered_before_anybody_is_asked() {
    let app = app().await;
    for path in [
        "/answer",
        "/known",
        "/scope",
        "/limited",
        "/limited",
        "/mounted/answer",
        "/nowhere",
        "/outer/panic",
    ] {
        let request = Request::options(path)
            .header("origin", ORIGIN)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "authorization");
        let answer = app
            .send(request.body(Body::empty()).expect("it is a request"))
            .await;
        assert_eq!(answer.status(), 204, "{path}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some(ORIGIN),
            "{path}"
        );
        assert!(
            answer.header("access-control-allow-headers").is_some(),
            "{path}"
        );
        for header in ["x-request-id", "x-correlation-id", "x-processing-time"] {
            assert!(answer.header(header).is_some(), "{path}: {header}");
        }
    }
    // It counted for no limit.
    let limited = app.send(get_of("/limited", 200).request()).await;
    assert_eq!(limited.status(), 200);
}
