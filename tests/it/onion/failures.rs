//! What fails, hangs or panics in the onion.

use super::{app, code_of, hook};
use crate::made::{Log, plugin};
use axum::middleware;
use chassis::{Error, Exchange, Next, Outcome, Request, Response, code, points};
use http::StatusCode;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

#[tokio::test(start_paused = true)]
async fn an_around_that_answers_early_leaves_the_inside_alone() {
    let log = Log::new();
    let early = plugin("early", |cx| {
        cx.around(async |_: Request, _: Next<'_>| StatusCode::IM_A_TEAPOT)
            .priority(2);
    });
    let app = app([
        hook(&log, "outside", 1, None),
        early,
        hook(&log, "inside", 3, None),
    ])
    .await;
    assert_eq!(app.get("/answer").await.status(), 418);
    assert_eq!(log.lines(), ["pre outside", "post outside AnsweredEarly"]);
}

#[tokio::test(start_paused = true)]
async fn an_around_or_a_layer_that_panics_is_contained() {
    let around = |after: bool| {
        plugin("panics", move |cx| {
            cx.around(async move |request: Request, next: Next<'_>| {
                assert!(after, "the around was told to panic");
                let _: Response = next.run(request).await;
                panic!("the around was told to panic") as Response
            })
            .priority(2);
        })
    };
    let layer = |after: bool| {
        plugin("panics", move |cx| {
            let through = move |request: Request, next: middleware::Next| async move {
                assert!(after, "the layer was told to panic");
                let _: Response = next.run(request).await;
                panic!("the layer was told to panic") as Response
            };
            cx.layer(middleware::from_fn(through)).priority(2);
        })
    };
    for (panics, after) in [
        (around(false), false),
        (around(true), true),
        (layer(false), false),
        (layer(true), true),
    ] {
        let log = Log::new();
        let app = app([
            hook(&log, "outside", 1, None),
            panics,
            hook(&log, "inside", 3, None),
        ])
        .await;
        let response = app.get("/answer").await;
        assert_eq!(
            (response.status().as_u16(), code_of(&response)),
            (500, "panic".to_owned())
        );
        assert!(!response.text().contains("was told"), "{}", response.text());
        let inside: &[&str] = if after {
            &["pre inside", "post inside Answered"]
        } else {
            &[]
        };
        let expected = [&["pre outside"], inside, &["post outside Panicked"]].concat();
        assert_eq!(log.lines(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_fails_on_the_way_out_is_told_to_those_outside() {
    let fails = |panics: bool| {
        plugin("fails", move |cx| {
            let post = move |_: &mut Exchange| -> Result<(), Error> {
                assert!(!panics, "the hook was told to panic");
                Err(Error::new(code::CONFLICT, "the hook was told to fail"))
            };
            cx.filter(&points::POST_RESPONSE, post).priority(2);
        })
    };
    for (panics, status, code) in [(false, 409, "http.conflict"), (true, 500, "panic")] {
        let log = Log::new();
        let app = app([
            hook(&log, "outside", 1, None),
            fails(panics),
            hook(&log, "inside", 3, None),
        ])
        .await;
        let response = app.get("/answer").await;
        assert_eq!(
            (response.status().as_u16(), &*code_of(&response)),
            (status, code)
        );
        let expected = [
            "pre outside",
            "pre inside",
            "post inside Answered",
            "post outside Failed",
        ];
        assert_eq!(log.lines(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_hangs_on_the_way_out_does_not_keep_the_answer() {
    let hangs = plugin("hangs", |cx| {
        cx.filter_async(&points::POST_RESPONSE, async |_: &mut Exchange| {
            std::future::pending::<()>().await;
        })
        .priority(2);
    });
    let log = Log::new();
    let app = app([
        hook(&log, "outside", 1, None),
        hangs,
        hook(&log, "inside", 3, None),
    ])
    .await;
    // In time, the deadline of the request ends it; after the deadline, one of its own.
    for (path, inside) in [("/answer", Outcome::Answered), ("/hang", Outcome::Deadline)] {
        let before = log.lines().len();
        assert_eq!(app.get(path).await.status(), 504);
        let expected = [
            "pre outside".to_owned(),
            "pre inside".to_owned(),
            format!("post inside {inside:?}"),
            "post outside Deadline".to_owned(),
        ];
        assert_eq!(log.lines()[before..], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_may_be_skipped_when_it_fails() {
    let fails = plugin("fails", |cx| {
        let fail = |_: &mut Exchange| -> Result<(), Error> { Err(Error::msg("told to fail")) };
        let panic = |_: &mut Exchange| {
            if true {
                panic!("told to panic")
            }
        };
        cx.filter(&points::PRE_REQUEST, fail)
            .priority(2)
            .skip_on_failure();
        cx.filter(&points::PRE_REQUEST, panic)
            .priority(3)
            .skip_on_failure();
        cx.filter(&points::POST_RESPONSE, fail)
            .priority(2)
            .skip_on_failure();
        cx.filter(&points::POST_RESPONSE, panic)
            .priority(3)
            .skip_on_failure();
    });
    let log = Log::new();
    let app = app([
        hook(&log, "outside", 1, None),
        fails,
        hook(&log, "inside", 4, None),
    ])
    .await;
    // The first calls of a hook are timed, and each has a guard of its own; later ones share one.
    for _ in 0..200 {
        let before = log.lines().len();
        assert_eq!(app.get("/answer").await.text(), "yes");
        let expected = [
            "pre outside",
            "pre inside",
            "post inside Answered",
            "post outside Answered",
        ];
        assert_eq!(log.lines()[before..], expected);
    }
}

/// One that is not to be skipped, when it is called often.
#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_late_ends_the_way_in_and_is_named() {
    let breaks = plugin("breaks", |cx| {
        let calls = AtomicU32::new(0);
        cx.filter(&points::PRE_REQUEST, move |_: &mut Exchange| {
            let calls = calls.fetch_add(1, SeqCst);
            assert!(calls < 100, "worn out");
        })
        .priority(2);
    });
    let log = Log::new();
    let app = app([
        hook(&log, "outside", 1, None),
        breaks,
        hook(&log, "inside", 4, None),
    ])
    .await;
    for _ in 0..100 {
        assert_eq!(app.get("/answer").await.text(), "yes");
    }
    let before = log.lines().len();
    let answer = app.get("/answer").await;
    assert_eq!(
        (answer.status().as_u16(), code_of(&answer)),
        (500, code::PANIC.to_string())
    );
    assert_eq!(
        log.lines()[before..],
        ["pre outside", "post outside Failed"]
    );
}
