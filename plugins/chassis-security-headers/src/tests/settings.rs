//! Settings that are wrong.

use super::*;

/// What is said of settings that are wrong.
async fn told(config: &str) -> String {
    let error = service(config).start_error().await;
    let all = [&error].into_iter().chain(error.others());
    let all = all.map(|error| {
        let place = error.origin().unwrap_or_default();
        format!("{place}: {error}\n{}\n", error.help().unwrap_or_default())
    });
    all.collect()
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_place() {
    for (config, expected) in [
        ("{frame_options: ALLOW}", "config.frame_options`: "),
        ("{frame_options: deny}", "`DENY`"),
        ("{referrer_policy: none}", "config.referrer_policy`: "),
        (
            "{cross_origin_opener_policy: all}",
            "config.cross_origin_opener_policy`: ",
        ),
        (
            "{content_security_policy: default-src self}",
            "`self` in `default-src` is the name of a host",
        ),
        (
            "{content_security_policy: default-src self}",
            "write it in single quotes: `'self'`",
        ),
        (
            "{content_security_policy: \"'self'\"}",
            "`'self'` is no directive",
        ),
        (
            "{content_security_policy: ''}",
            "it can't stand in a header",
        ),
        (
            "{content_security_policy: \"default-src\\r\\nX: y\"}",
            "it can't stand in a header",
        ),
        (
            "{permissions_policy: camera 'none'}",
            "write `camera=(), geolocation=(self)`",
        ),
        ("{extra: {X Y: z}}", "it is no header name"),
        (
            "{extra: {Content-Length: '3'}}",
            "config.extra.Content-Length`: it has a meaning of its own",
        ),
        (
            "{extra: {x-frame-options: DENY}}",
            "write it under `frame_options`",
        ),
        (
            "{extra: {X-A: \"a\\nb\"}}",
            "config.extra.X-A`: it can't stand in a header",
        ),
        (
            "{remove: [X Y]}",
            "config.remove[0]`: `X Y` is no header name",
        ),
        (
            "{remove: [Server, content-type]}",
            "config.remove[1]`: without it nobody could read the answer",
        ),
        ("{hsts: {preload: true}}", "config.hsts.preload`: "),
        (
            "{hsts: {preload: true, include_subdomains: true, max_age: 364d}}",
            "write `max_age: 365d",
        ),
        ("{hsts: {max_age: 365}}", "config.hsts.max_age`"),
        ("{hsts: {max_age: 1y}}", "the unit of `1y` is not known"),
        (
            "{routes: [{frame_options: off}]}",
            "config.routes[0].routes` is missing",
        ),
        (
            "{routes: [{routes: [docs]}]}",
            "config.routes[0].routes[0]`",
        ),
        (
            "{routes: [{routes: [/a], frame_options: no}]}",
            "config.routes[0].frame_options`",
        ),
        (
            "{routes: [{routes: [/a]}, {routes: [/b], content_security_policy: default-src none}]}",
            "config.routes[1].content_security_policy`: `none` in `default-src`",
        ),
        (
            "{routes: [{routes: [/a], extra: {Vary: x}}]}",
            "config.routes[0].extra.Vary`",
        ),
        (
            "{routes: [{routes: [/a], hsts: {}}]}",
            "`hsts` is not a known key",
        ),
        ("{no_sniff: true}", "did you mean `nosniff`"),
    ] {
        let told = told(config).await;
        assert!(told.contains(expected), "{config}: {told}");
        assert!(told.contains("test.yaml:2:"), "{config}: {told}");
    }
}

#[test]
fn a_time_in_days_is_read_and_shown() {
    for (text, seconds, shown) in [
        ("365d", 31_536_000, "365d"),
        ("48h", 172_800, "2d"),
        ("36h", 129_600, "36h"),
        ("0s", 0, "0s"),
    ] {
        let age: MaxAge = serde_json::from_value(json!(text)).unwrap();
        assert_eq!(age.seconds(), seconds);
        assert_eq!(serde_json::to_value(age).unwrap(), json!(shown));
    }
    for text in ["d", "1.5d", "-1d", "1 d", ""] {
        assert!(
            serde_json::from_value::<MaxAge>(json!(text)).is_err(),
            "{text}"
        );
    }
}
