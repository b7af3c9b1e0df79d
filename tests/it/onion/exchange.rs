//! What a hook knows of a request, and what it can do with it.

use super::{app, code_of, order::Ring};
use crate::made::{Log, plugin};
use bytes::Bytes;
use chassis::{
    Body, Error, Exchange, Next, Request, code, points,
    prelude::{NoConfig, Plugin, PluginContext, Result, contributes, plugin},
    testing::TestChassis,
};
use futures::FutureExt as _;
use http::Method;

#[tokio::test(start_paused = true)]
async fn what_a_hook_keeps_is_there_for_its_partner_and_for_nobody_else() {
    let keeper = |name: &'static str, priority: i32, number: u32, log: &Log| {
        let log = log.clone();
        plugin(name, move |cx| {
            let log = log.clone();
            cx.filter(&points::PRE_REQUEST, move |ex: &mut Exchange| {
                assert!(ex.kept::<u32>().is_none(), "this is somebody else's");
                ex.keep(0_u32);
                ex.keep(number);
                ex.keep(name);
            })
            .priority(priority);
            cx.filter(&points::POST_RESPONSE, move |ex: &mut Exchange| {
                log.note(format!(
                    "{name}: {:?} {:?}",
                    ex.kept::<u32>(),
                    ex.kept::<&str>()
                ));
            })
            .priority(priority);
        })
    };
    let log = Log::new();
    let ring = Ring::Layer.plugin(&Log::new(), 3, false);
    let plugins = [
        keeper("x", 1, 10, &log),
        keeper("y", 2, 20, &log),
        ring,
        keeper("z", 4, 30, &log),
    ];
    let app = app(plugins).await;
    for path in ["/answer", "/nowhere", "/panic"] {
        let before = log.lines().len();
        app.get(path).await;
        let expected = [
            "z: Some(30) Some(\"z\")",
            "y: Some(20) Some(\"y\")",
            "x: Some(10) Some(\"x\")",
        ];
        assert_eq!(log.lines()[before..], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn middleware_may_be_limited_to_routes() {
    let log = Log::new();
    let noted = log.clone();
    let limited = plugin("limited", move |cx| {
        cx.get("/x", async || "x");
        cx.get("/x/{id}", async || "id");
        cx.get("/x-ray", async || "ray");
        for pattern in ["/x/**", "/x/{id}", "/**"] {
            let log = noted.clone();
            cx.filter(&points::PRE_REQUEST, move |_| log.note(pattern))
                .routes(pattern);
        }
        let log = noted.clone();
        cx.around(async move |request: Request, next: Next<'_>| {
            log.note("around");
            next.run(request).await
        })
        .priority(1)
        .routes("/x/**");
    });
    let app = app([limited]).await;
    for (path, expected) in [
        ("/x", vec!["/x/**", "/**", "around"]),
        ("/x/7", vec!["/x/**", "/x/{id}", "/**", "around"]),
        ("/x-ray", vec!["/**"]),
        ("/answer", vec!["/**"]),
        ("/x/7/8", vec![]),
        ("/nowhere", vec![]),
    ] {
        let before = log.lines().len();
        app.get(path).await;
        assert_eq!(log.lines()[before..], expected, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn middleware_may_be_limited_to_a_method() {
    let log = Log::new();
    let noted = log.clone();
    let limited = plugin("limited", move |cx| {
        cx.get("/x/{id}", async || "x");
        cx.put("/x/{id}", async || "put");
        for pattern in ["PUT /x/{any}", "GET /x/**"] {
            let log = noted.clone();
            cx.filter(&points::PRE_REQUEST, move |_| log.note(pattern))
                .routes(pattern);
        }
    });
    let app = app([limited]).await;
    for method in ["PUT", "GET", "HEAD", "DELETE"] {
        app.send(
            http::Request::builder()
                .method(method)
                .uri("/x/7")
                .body(Body::empty())
                .expect("a request"),
        )
        .await;
    }
    assert_eq!(log.lines(), ["PUT /x/{any}", "GET /x/**", "GET /x/**"]);
}

#[tokio::test(start_paused = true)]
async fn middleware_for_what_is_no_route_fails_its_plugin() {
    let wrong = plugin("wrong", |cx| {
        cx.filter(&points::PRE_REQUEST, |_: &mut Exchange| {})
            .routes("orders/*");
    });
    let app = app([wrong]).await;
    let report = app.handle().plugin("wrong").expect("it is known");
    let told = report.last_error().expect("it has failed");
    assert!(
        told.contains("`wrong`") && told.contains("exchange.rs:"),
        "{told}"
    );
    assert!(
        told.contains("does not begin with `/`") && told.contains("/orders/**"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_hook_may_see_the_body() {
    let log = Log::new();
    let noted = log.clone();
    let signed = plugin("signed", move |cx| {
        cx.post("/sum", async |body: Bytes| body.len().to_string());
        cx.post("/other", async |body: Bytes| body.len().to_string());
        let (one, two, none) = (noted.clone(), noted.clone(), noted.clone());
        let length = |ex: &Exchange| ex.body().map(Bytes::len);
        cx.filter(&points::PRE_REQUEST, move |ex: &mut Exchange| {
            one.note(format!("100: {:?}", length(ex)));
        })
        .priority(1)
        .routes("/sum")
        .buffered(100);
        cx.filter(&points::PRE_REQUEST, move |ex: &mut Exchange| {
            two.note(format!("10: {:?}", length(ex)));
        })
        .priority(2)
        .routes("/sum")
        .buffered(10);
        cx.filter(&points::POST_RESPONSE, move |ex: &mut Exchange| {
            none.note(format!("{:?}", ex.outcome()));
        })
        .priority(3)
        .routes("/sum");
    });
    let app = app([signed]).await;
    let post = |path: &str, length: usize| {
        // In frames, and without a length.
        let frames = futures::stream::iter((0..length).map(|_| Ok::<_, std::io::Error>("x")));
        http::Request::post(path)
            .body(Body::from_stream(frames))
            .unwrap()
    };
    for (path, length, answer, expected) in [
        (
            "/sum",
            10,
            Ok("10"),
            vec!["100: Some(10)", "10: Some(10)", "Answered"],
        ),
        (
            "/sum",
            0,
            Ok("0"),
            vec!["100: Some(0)", "10: Some(0)", "Answered"],
        ),
        ("/sum", 100, Err(413), vec!["100: Some(100)"]),
        ("/sum", 101, Err(413), vec![]),
        ("/other", 1_000, Ok("1000"), vec![]),
    ] {
        let before = log.lines().len();
        let response = app.send(post(path, length)).await;
        match answer {
            Ok(text) => assert_eq!(response.text(), text),
            Err(status) => {
                assert_eq!(response.status(), status, "{path} {length}");
                assert_eq!(code_of(&response), "http.body_too_large");
            }
        }
        assert_eq!(log.lines()[before..], expected, "{path} {length}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_may_send_a_request_elsewhere() {
    let log = Log::new();
    let noted = log.clone();
    let old = plugin("old-paths", move |cx| {
        cx.get(
            "/new/{id}",
            async |chassis::Path(id): chassis::Path<u32>| format!("new {id}"),
        );
        cx.filter(&points::PRE_REQUEST, |ex: &mut Exchange| {
            if let Some(id) = ex.uri().path().strip_prefix("/old/") {
                let uri = format!("/new/{id}").parse().unwrap();
                ex.set_uri(uri);
                ex.reroute();
            }
        });
        let log = noted.clone();
        cx.filter(&points::POST_RESPONSE, move |ex: &mut Exchange| {
            log.note(format!(
                "{:?}",
                ex.route().map(|route| route.path.to_string())
            ));
        });
    });
    let app = app([old]).await;
    assert_eq!(app.get("/old/7").await.text(), "new 7");
    assert_eq!(app.get("/old/7/8").await.status(), 404);
    assert_eq!(log.lines(), ["Some(\"/new/{id}\")", "None"]);
}

#[derive(Clone)]
struct Scopes(&'static [&'static str]);

#[tokio::test(start_paused = true)]
async fn a_hook_knows_the_route_and_what_is_attached_to_it() {
    let orders = plugin("orders", |cx| {
        cx.get("/orders", async || "open");
        cx.post("/orders", async || "done")
            .with(Scopes(&["orders.write"]))
            .with(7_u8);
    });
    let guard = plugin("guard", |cx| {
        cx.filter(&points::PRE_REQUEST, |ex: &mut Exchange| {
            let route = ex
                .route()
                .ok_or_else(|| Error::new(code::NOT_FOUND, "no route"))?;
            assert_eq!(route.owner.as_ref(), "orders");
            let Some(Scopes(scopes)) = route.metadata.get() else {
                return Ok(());
            };
            assert_eq!(route.metadata.get::<u8>(), Some(&7));
            Err(Error::new(
                code::FORBIDDEN,
                format!("{} needs {scopes:?}", route.method),
            ))
        })
        .routes("/orders/**");
    });
    let app = app([orders, guard]).await;
    assert_eq!(app.get("/orders").await.text(), "open");
    let response = app.request(Method::POST, "/orders").await;
    assert_eq!(response.status(), 403);
    assert!(
        response.text().contains("POST needs"),
        "{}",
        response.text()
    );
}

/// Has a route that says what a caller must be allowed to do.
#[plugin]
struct Secrets;

impl Plugin for Secrets {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Secrets {
    #[get("/secret", with = Scopes(&["read"]))]
    async fn secret(&self) -> &'static str {
        "the secret"
    }

    #[get("/open")]
    async fn open(&self) -> &'static str {
        "open"
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_attribute_attaches_to_a_route_is_there_for_hooks_of_others() {
    let guard = plugin("guard", |cx| {
        cx.filter(&points::PRE_REQUEST, |ex: &mut Exchange| {
            let scopes = ex.route().and_then(|route| route.metadata.get::<Scopes>());
            let allowed = |scope: &&str| {
                let header = ex.headers().get("x-scope");
                header.is_some_and(|header| header == *scope)
            };
            match scopes {
                Some(Scopes(scopes)) if !scopes.iter().all(allowed) => Err(Error::new(
                    code::FORBIDDEN,
                    format!("this needs {scopes:?}"),
                )),
                _ => Ok(()),
            }
        });
    });
    let builder = TestChassis::with::<Secrets>().register(guard);
    let app = builder.start().await.unwrap();
    let get = |scope: &str| {
        let request = http::Request::get("/secret").header("x-scope", scope);
        app.send(request.body(Body::empty()).unwrap())
    };
    assert_eq!(app.get("/open").await.text(), "open");
    let refused = app.get("/secret").await;
    assert_eq!(refused.status(), 403);
    assert!(refused.text().contains("this needs"), "{}", refused.text());
    assert_eq!(get("write").await.status(), 403);
    assert_eq!(get("read").await.text(), "the secret");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_nobody_reads_to_its_end_ends_its_generation_all_the_same() {
    let stream = plugin("stream", |cx| {
        cx.get("/stream", async || {
            Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>())
        });
    });
    let app = app([stream]).await;
    let response = app
        .send_streaming(http::Request::get("/stream").body(Body::empty()).unwrap())
        .await;
    assert!(app.reload_all().now_or_never().is_none());
    drop(response);
    assert!(app.reload_all().await.unwrap().drained);
}
