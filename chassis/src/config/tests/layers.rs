//! What lies over what, and where each value comes from.

use super::*;

#[test]
fn each_lies_over_the_one_before() {
    let text = "server:\n  listen: 127.0.0.1:1\n  max_body: 1KiB\n  max_header: 9KiB\n";
    let build = |builder: ConfigBuilder| builder.build().unwrap();
    let environment = [
        ("CHASSIS__SERVER__MAX_BODY", "2KiB"),
        ("CHASSIS__SERVER__MAX_HEADER", "10KiB"),
        ("PROFILE", "production"),
        ("PATH", "/bin"),
    ];
    let config = build(
        yaml(text)
            .environment(environment)
            .set("server.max_header", "11KiB"),
    );
    let server = &config.settings().server;
    assert_eq!(server.listen.port(), 1);
    assert_eq!((server.max_body, server.max_header), (2 << 10, 11 << 10));
    assert_eq!(server.request_timeout, Duration::from_secs(30));

    assert_eq!(origin(&config, "server.listen"), "config.yaml:2:11");
    assert_eq!(
        origin(&config, "server.max_body"),
        "environment CHASSIS__SERVER__MAX_BODY"
    );
    assert_eq!(origin(&config, "server.max_header"), "code");
    assert_eq!(origin(&config, "server.request_timeout"), "default");
    assert_eq!(config.tree().to_json()["server"]["max_body"], "2KiB");
}

#[test]
fn json_is_yaml() {
    let text = "{\n\t\"server\": {\n\t\t\"listen\": \"[::1]:7\",\n\t\t\"max_connections\": 5\n\t},\n\t\"log\": {\"format\": \"json\"}\n}\n";
    let config = Config::builder().yaml("config.json", text).build().unwrap();
    assert_eq!(config.settings().server.max_connections, 5);
    assert_eq!(config.settings().log.format, LogFormat::Json);
    assert_eq!(
        origin(&config, "server.max_connections"),
        "config.json:4:22"
    );
}

#[test]
fn nothing_said_takes_nothing_away() {
    for text in [
        "",
        "# nothing\n",
        "---\n",
        "server:\nplugins:\n  # a:\n",
        "plugins: {}",
    ] {
        assert_eq!(
            yaml(text).build().unwrap().settings(),
            &Settings::default(),
            "{text:?}"
        );
    }
    assert!(
        yaml("plugins:\n  tracing:\n")
            .build()
            .unwrap()
            .sections()
            .get("tracing")
            .enabled
            .is_none()
    );
}

#[test]
fn lists_are_replaced() {
    let config = yaml("server: {trusted_proxies: [10.0.0.0/8, 'fd00::/8']}")
        .set("server.trusted_proxies", json!(["192.168.0.0/16"]))
        .build()
        .unwrap();
    assert_eq!(
        config.settings().server.trusted_proxies,
        ["192.168.0.0/16".parse().unwrap()]
    );
}

#[test]
fn the_program_gives_the_default_name() {
    let config = Config::builder()
        .service("orders", "1.2.3")
        .build()
        .unwrap();
    assert_eq!(config.settings().service.name, "orders");
    assert_eq!(origin(&config, "service.version"), "default");
}

#[test]
fn a_key_with_a_dot_can_be_set() {
    let config = Config::builder()
        .set("plugins.x.points.\"middleware.pre_request\".priority", 3)
        .build()
        .unwrap();
    assert_eq!(
        config.sections().get("x").points["middleware.pre_request"].priority,
        Some(3)
    );
    assert_eq!(
        errors(Config::builder().set("server..listen", 1).build()),
        [
            "code: `server..listen` is not a path (write keys with dots between them: `server.listen`)"
        ]
    );
}

#[test]
fn anchors_and_merge_keys() {
    let text = "plugins:\n  a: &a\n    enabled: false\n    priority: 2\n  b:\n    <<: *a\n    priority: 3\n";
    let plugin = yaml(text).build().unwrap().sections().get("b");
    assert_eq!((plugin.enabled, plugin.priority), (Some(false), Some(3)));
}
