//! What methods take: a method whose arguments the chassis knows already is called without the request, and nobody can
//! tell.

use chassis::{Body, Result, prelude::*, testing::TestChassis};
use serde_json::json;

/// Has a value to share.
struct Desk {
    name: &'static str,
}

/// Answers with what it was given.
#[plugin]
struct Clerk;

impl Plugin for Clerk {
    type Config = NoConfig;

    async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
        cx.export(Desk { name: "desk" });
        // The request goes on to the method with what an around has done to it.
        cx.around(async |mut request: Request, next: Next<'_>| {
            let seen = HeaderValue::from_static("around");
            request.headers_mut().insert("x-seen", seen);
            next.run(request).await
        })
        .routes("/seen/**");
        Ok(Self)
    }
}

#[contributes]
impl Clerk {
    #[get("/path/{id}/{name}")]
    async fn path(
        &self,
        Path((id, name)): Path<(u8, String)>,
        path: MatchedPath,
        raw: RawPathParams,
    ) -> String {
        let raw: Vec<&str> = raw.iter().map(|(_, value)| value).collect();
        format!("{id} {name} {} {raw:?}", path.as_str())
    }

    #[get("/known")]
    async fn known(
        &self,
        request: RequestId,
        scope: Scope,
        client: ClientAddr,
        desk: Shared<Desk>,
    ) -> String {
        let is_same = scope.request_id() == Some(&request);
        format!("{request} {is_same} {} {}", client.0, desk.name)
    }

    #[get("/none")]
    async fn without_parameters(&self, Path(one): Path<String>) -> String {
        one
    }

    #[post("/mixed/{id}")]
    async fn mixed(&self, Path(id): Path<u8>, Json(body): Json<Vec<u8>>) -> Json<Vec<u8>> {
        Json([vec![id], body].concat())
    }

    #[get("/seen/{id}")]
    async fn seen(&self, Path(id): Path<u8>, headers: HeaderMap) -> String {
        format!("{id} {:?}", headers.get("x-seen"))
    }
}

#[tokio::test]
async fn a_method_gets_what_is_known_with_and_without_the_request() {
    let app = TestChassis::with::<Clerk>().start().await.unwrap();
    assert_eq!(
        app.get("/path/7/a%20b").await.text(),
        r#"7 a b /path/{id}/{name} ["7", "a%20b"]"#
    );
    let request = http::Request::get("/known").header("x-request-id", "mine");
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.text(), "mine true 127.0.0.1 desk");
    let answer = app.post("/mixed/1", &json!([2, 3])).await;
    assert_eq!(answer.json::<Vec<u8>>(), [1, 2, 3]);
    assert_eq!(app.get("/seen/5").await.text(), r#"5 Some("around")"#);
}

#[tokio::test]
async fn a_wrong_argument_of_a_method_is_refused_before_it_is_called() {
    let app = TestChassis::with::<Clerk>().start().await.unwrap();
    for (path, detail) in [
        ("/path/many/a", "a whole number from 0 to 255, not `many`"),
        ("/seen/300", "a whole number from 0 to 255, not `300`"),
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.status(), 400, "{path}");
        let problem: serde_json::Value = answer.json();
        assert_eq!(problem["code"], "http.bad_request");
        assert!(
            problem["detail"].as_str().unwrap().contains(detail),
            "{problem}"
        );
    }
    // The path first, also where the body is wrong as well.
    let answer = app.post("/mixed/many", &json!("no list")).await;
    assert!(answer.text().contains("not `many`"), "{}", answer.text());
    // There is no such parameter: no request could be right.
    assert_eq!(app.get("/none").await.status(), 500);
}

/// Asks the inside for `GET` where it was asked for `HEAD`, as caches do.
#[plugin]
async fn getter(cx: &mut PluginContext) -> Result<()> {
    cx.get("/long", async || "a long body");
    cx.around(async |mut request: Request, next: Next<'_>| {
        *request.method_mut() = Method::GET;
        next.run(request).await
    });
    Ok(())
}

#[tokio::test]
async fn who_asks_for_the_head_gets_no_body_whatever_the_inside_was_asked() {
    let app = TestChassis::with::<getter>().start().await.unwrap();
    assert_eq!(app.get("/long").await.text(), "a long body");
    let head = app.request(Method::HEAD, "/long").await;
    assert_eq!(
        (head.text(), head.header("content-length")),
        ("", Some("11"))
    );
}

/// A handler that leaves the request where it is, one that takes it, and a hook that looks for it afterwards.
#[plugin]
async fn looker(cx: &mut PluginContext) -> Result<()> {
    cx.get("/leaves", async || ());
    cx.get("/takes", async |_: Request| ());
    cx.filter(&points::POST_RESPONSE, |exchange: &mut Exchange| {
        let left = HeaderValue::from(exchange.headers().len());
        exchange.response_headers_mut().insert("x-left", left);
    });
    Ok(())
}

#[tokio::test]
async fn on_the_way_out_there_are_no_headers_of_the_request_whatever_the_handler_took() {
    let app = TestChassis::with::<looker>().start().await.unwrap();
    for path in ["/leaves", "/takes"] {
        let request = http::Request::get(path).header("x-any", "thing");
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("x-left"), Some("0"), "{path}");
    }
}
