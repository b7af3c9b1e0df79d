//! What can be written, and what is said of what can't.

use super::*;

#[tokio::test]
async fn every_mistake_is_told_with_its_place() {
    for (config, at, told) in [
        ("{algorithms: []}", "algorithms", "1"),
        ("{algorithms: [gzip, lzma]}", "algorithms[1]", "`gzip`"),
        (
            "{algorithms: [gzip, br, gzip]}",
            "algorithms[2]",
            "`gzip` stands there twice",
        ),
        ("{level: fast}", "level", "fastest"),
        ("{level: 0}", "level", "1"),
        ("{level: 12}", "level", "9"),
        ("{min_size: 1000}", "min_size", "`1000` has no unit"),
        ("{types: [text/*, json]}", "types[1]", "json"),
        (
            "{types: ['text/h*l']}",
            "types[0]",
            "write `text/html`, `text/*` or `application/*+json`",
        ),
        ("{routes: [orders]}", "routes[0]", "/"),
        (
            "{skip_routes: ['/orders/*']}",
            "skip_routes[0]",
            "/orders/**",
        ),
        (
            "{algorithm: [gzip]}",
            "algorithm",
            "did you mean `algorithms`?",
        ),
    ] {
        let report = service(config).start_error().await.report();
        let place = format!("plugins.compression.config.{at}");
        let is_told = report.contains(&place) || report.contains("plugins.compression.config");
        assert!(is_told && report.contains(told), "{config}:\n{report}");
        assert!(report.contains("test.yaml:1:"), "{report}");
    }
}

#[tokio::test]
async fn the_first_of_what_is_set_is_taken_and_nothing_else() {
    let app = start("{algorithms: [gzip, br]}").await;
    assert_eq!(
        read(&get(&app, "/text/5000", "br, gzip, zstd").await).1,
        Some("gzip")
    );
    assert_eq!(
        read(&get(&app, "/text/5000", "br, zstd").await).1,
        Some("br")
    );
    assert_eq!(read(&get(&app, "/text/5000", "zstd").await).1, None);
}

#[tokio::test]
async fn more_work_makes_less() {
    let mut sizes = Vec::new();
    for coding in ["zstd", "br", "gzip"] {
        for level in ["fastest", "1", "default", "best", "9"] {
            let app = start(&format!("{{level: {level}}}")).await;
            let answer = get(&app, "/text/60000", coding).await;
            assert_eq!(read(&answer), (text(60_000), Some(coding)));
            sizes.push(answer.bytes().len());
        }
    }
    for sizes in sizes.chunks(5) {
        assert!(sizes[0] == sizes[1] && sizes[3] == sizes[4], "{sizes:?}");
        assert!(sizes[0] > sizes[3] && sizes[2] >= sizes[3], "{sizes:?}");
    }
}

#[tokio::test]
async fn the_level_may_come_from_the_environment_of_texts() {
    let level = |text: &str| serde_json::from_str::<Level>(text);
    assert_eq!(level("\"7\"").unwrap(), Level::Number(7));
    assert_eq!(level("7").unwrap(), Level::Number(7));
    assert_eq!(level("\"best\"").unwrap(), Level::Best);
    for wrong in ["0", "-1", "10", "\"10\"", "\"\"", "1.5", "true", "300"] {
        assert!(level(wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn only_the_routes_that_are_set_are_compressed() {
    let app = start("{routes: ['GET /text/**', /secret, /mounted], skip_routes: [/secret]}").await;
    for (method, path, coding) in [
        ("GET", "/text/5000", Some("gzip")),
        ("POST", "/text/5000", None),
        ("GET", "/secret", None),
        ("GET", "/mounted", Some("gzip")),
        ("GET", "/of/text/html", None),
    ] {
        let answer = send(
            &app,
            method,
            path,
            &[("accept-encoding", "gzip, identity;q=0")],
        )
        .await;
        assert_eq!(read(&answer).1, coding, "{method} {path}");
        assert_eq!(vary(&answer).len(), usize::from(coding.is_some()), "{path}");
    }
}

#[tokio::test]
async fn only_the_types_that_are_set_are_compressed() {
    let app = start("{types: [image/*, 'text/*'], skip_types: [text/css]}").await;
    for (kind, coding) in [
        ("image/png", Some("gzip")),
        ("text/html", Some("gzip")),
        ("text/css", None),
        ("text/event-stream", Some("gzip")),
        ("application/json", None),
    ] {
        let answer = get(&app, &format!("/of/{kind}"), "gzip").await;
        assert_eq!(read(&answer).1, coding, "{kind}");
    }
    let app = start("{types: ['*/*'], skip_types: []}").await;
    assert_eq!(
        read(&get(&app, "/of/application/grpc+proto", "gzip").await).1,
        None
    );
    assert_eq!(
        read(&get(&app, "/of/image/png", "gzip").await).1,
        Some("gzip")
    );
}
