//! Headers that hooks set on the way in.

use super::{End, app, hook, order::Ring};
use crate::made::{Log, plugin};
use chassis::{
    Error, Exchange, Flow, Next, Registration, Request, Response, points, testing::TestResponse,
};
use http::{HeaderName, HeaderValue};

const X: HeaderName = HeaderName::from_static("x-early");

/// Sets a header on the way in: twice the same name.
fn early_header(priority: i32) -> Registration {
    plugin("early-header", move |cx| {
        cx.filter(&points::PRE_REQUEST, |ex: &mut Exchange| {
            ex.response_headers_mut()
                .append(X, HeaderValue::from_static("one"));
            ex.response_headers_mut()
                .append(X, HeaderValue::from_static("two"));
            ex.response_headers_mut()
                .insert("content-type", HeaderValue::from_static("text/early"));
        })
        .priority(priority);
    })
}

fn early_values(response: &TestResponse) -> Vec<&str> {
    response
        .headers()
        .get_all(X)
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn headers_set_on_the_way_in_are_on_every_answer() {
    let ends = End::ALL.into_iter().filter(|end| !end.is_client_gone());
    for end in ends {
        let app = app([early_header(0), hook(&Log::new(), "probe", 1, Some(end))]).await;
        let response = app.send(end.request()).await;
        assert_eq!(early_values(&response), ["one", "two"], "{end:?}");
        if response.status().is_client_error() {
            assert_eq!(
                response.header("content-type"),
                Some("application/problem+json"),
                "{end:?}"
            );
        }
    }
    // An answer that is put in place of another has them too.
    let replacers = [
        plugin("replaces", |cx| {
            cx.filter(&points::POST_RESPONSE, |_: &mut Exchange| {
                Flow::Answer(Response::default())
            });
        }),
        plugin("replaces", |cx| {
            cx.filter(&points::POST_RESPONSE, |_: &mut Exchange| {
                Err::<(), _>(Error::msg("no"))
            });
        }),
        plugin("replaces", |cx| {
            cx.around(async |request: Request, next: Next<'_>| {
                let _: Response = next.run(request).await;
                Response::default()
            });
        }),
        plugin("replaces", |cx| {
            cx.around(async |_: Request, _: Next<'_>| Response::default());
        }),
        plugin("replaces", |cx| {
            cx.around(async |request: Request, next: Next<'_>| {
                let _: Response = next.run(request).await;
                if true {
                    panic!("told to panic");
                }
            });
        }),
    ];
    for (index, replacer) in replacers.into_iter().enumerate() {
        let app = app([early_header(-1), replacer]).await;
        assert_eq!(
            early_values(&app.get("/answer").await),
            ["one", "two"],
            "replacer {index}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_taken_off_on_the_way_out_stays_off() {
    let removes = plugin("removes", |cx| {
        cx.filter(&points::POST_RESPONSE, |ex: &mut Exchange| {
            ex.response_headers_mut().remove(X);
        })
        .priority(9);
    });
    let rings = [
        Ring::Around.plugin(&Log::new(), 3, false),
        Ring::Layer.plugin(&Log::new(), 4, false),
    ];
    let app = app([early_header(0), removes].into_iter().chain(rings)).await;
    assert!(early_values(&app.get("/answer").await).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_cut_off_on_its_way_out_leaves_nothing_on_the_next() {
    // The hook hangs when the handler's answer, with its headers, is there already.
    let hangs = plugin("hangs", |cx| {
        cx.get("/long", async || {
            (
                [("x-of-the-handler", "yes"), ("content-length", "3")],
                "abc",
            )
        });
        cx.filter_async(&points::POST_RESPONSE, async |_: &mut Exchange| {
            std::future::pending::<()>().await;
        })
        .priority(5);
    });
    for gives_up in [None, Some(Ring::Around), Some(Ring::Layer)] {
        let ring = gives_up.map(|ring| ring.plugin(&Log::new(), 2, true));
        let app = app([early_header(0), hangs.clone()].into_iter().chain(ring)).await;
        let response = app.get("/long").await;
        assert_eq!(response.status(), 504);
        assert_eq!(response.header("x-of-the-handler"), None);
        assert_ne!(response.header("content-length"), Some("3"));
        assert_eq!(early_values(&response), ["one", "two"], "{gives_up:?}");
    }
}
