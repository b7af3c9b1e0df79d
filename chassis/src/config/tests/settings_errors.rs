//! Every error of the settings by what it says.

use super::*;

#[test]
fn all_are_gathered() {
    let text = "\
server:
  listen: nowhere
  max_body: 2000000
  max_header: 1MB
  request_timeout: 30
  idle_timout: 5s
  max_connections: many
  trusted_proxies: [10.0.0.0/8, 10.0.0.1]
sever: {}
management:
  listen: 8081
log:
  format: jsn
shutdown: soon
plugins:
  jwt-authentication:
    jwt_secret: x
    enabeld: false
  other:
    priority: high
    points: {a.b: {prio: 1}}
";
    let found = errors(
        yaml(text)
            .environment([("CHASSIS__LIFECYCLE__INIT_DEADLINE", "10")])
            .build(),
    );
    let expected = [
        "config.yaml:2:11: `server.listen`: invalid socket address syntax (write an IP address and a port: `127.0.0.1:8080`)",
        "config.yaml:3:13: `server.max_body`: `2000000` has no unit; write `2000000B` or `2000000KiB`",
        "config.yaml:4:15: `server.max_header`: the unit of `1MB` is not known; write one of B, KiB, MiB, GiB",
        "config.yaml:5:20: `server.request_timeout`: `30` has no unit; write `30s` or `30ms`",
        "config.yaml:6:3: `idle_timout` is not a known key of `server` (did you mean `idle_timeout`?)",
        "config.yaml:7:20: `server.max_connections`: expected a whole number, found a string",
        "config.yaml:8:33: `server.trusted_proxies[1]`: `10.0.0.1` has no prefix length; write `10.0.0.1/32`",
        "config.yaml:9:1: `sever` is not a known section (did you mean `server`?)",
        "config.yaml:11:11: `management.listen`: expected an address with a port, found an integer",
        "config.yaml:13:11: `log.format`: `jsn` is not one of `pretty`, `json` (did you mean `json`?)",
        "config.yaml:14:11: `shutdown`: expected a map, found a string",
        "config.yaml:17:5: `jwt_secret`: the plugin's own settings go under `config:` (move it to `plugins.jwt-authentication.config.jwt_secret`)",
        "config.yaml:18:5: `enabeld`: the plugin's own settings go under `config:` (move it to `plugins.jwt-authentication.config.enabeld`; or did you mean `enabled`?)",
        "config.yaml:20:15: `plugins.other.priority`: expected an integer, found a string",
        "config.yaml:21:20: `prio` is not a known key of `plugins.other.points.\"a.b\"` (known here: `priority`, `deadline`)",
        "environment CHASSIS__LIFECYCLE__INIT_DEADLINE: `lifecycle.init_deadline`: this value has no unit; write `..s` or `..ms`",
    ];
    assert_eq!(found, expected, "{found:#?}");
}

#[test]
fn what_types_cannot_say() {
    let text = "management: {listen: 0.0.0.0:8081}\nserver: {max_header: 1KiB, max_connections: 0, idle_timeout: 0s}\nlog: {filter: 'a=b=c'}\n";
    let found = errors(yaml(text).build());
    let expected = [
        "config.yaml:1:22: `management.listen`: this is not a loopback address, and without `management.token_file` whoever reaches it steers the service (set `management.token_file` to a file with a token (`openssl rand -hex 32` makes one), or write `127.0.0.1:8081`)",
        "config.yaml:2:22: `server.max_header`: this is less than `8KiB` (write `8KiB` or more)",
        "config.yaml:2:45: `server.max_connections`: nobody could connect (write 1 or more)",
        "config.yaml:2:62: `server.idle_timeout`: no time at all; there is no way to switch it off (write a longer time)",
    ];
    assert_eq!(found[..4], expected, "{found:#?}");
    assert!(
        found[4].starts_with("config.yaml:3:15: `log.filter`: "),
        "{found:#?}"
    );
    assert!(yaml("management: {listen: '[::1]:0'}").build().is_ok());
    let open = "management: {listen: 0.0.0.0:8081, token_file: tokens}";
    assert!(yaml(open).build().is_ok());
    assert_eq!(
        errors(yaml("management: {token_file: ''}").build()),
        [
            "config.yaml:1:26: `management.token_file`: it is empty (name a file, or remove the key to ask for no token)"
        ]
    );
}

#[test]
fn two_listeners_need_two_addresses() {
    let listen = |server: &str, management: &str| {
        yaml(&format!(
            "server: {{listen: '{server}'}}\nmanagement:\n  listen: '{management}'\n"
        ))
        .build()
    };
    for server in ["127.0.0.1:18480", "0.0.0.0:18480"] {
        assert_eq!(
            errors(listen(server, "127.0.0.1:18480")),
            [
                "config.yaml:3:11: `management.listen`: `server.listen` has this address already (give one of them another port, or 0 for any that is free)"
            ]
        );
    }
    // The default is not to blame.
    assert_eq!(
        errors(yaml("server:\n  listen: 127.0.0.1:8081").build()),
        [
            "config.yaml:2:11: `server.listen`: `management.listen` has this address already (give one of them another port, or 0 for any that is free)"
        ]
    );
    for (server, management) in [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("127.0.0.1:18480", "127.0.0.1:18481"),
        ("127.0.0.1:18480", "[::1]:18480"),
        ("127.0.0.2:18480", "127.0.0.1:18480"),
    ] {
        assert!(listen(server, management).is_ok(), "{server} {management}");
    }
}

#[test]
fn codes_tell_keys_from_values() {
    let code = |text| yaml(text).build().unwrap_err().code();
    assert_eq!(code("server: {a: 1}"), code::CONFIG_UNKNOWN_KEY);
    assert_eq!(code("plugins: {a: {b: 1}}"), code::CONFIG_UNKNOWN_KEY);
    assert_eq!(code("server: {listen: 1}"), code::CONFIG_INVALID);
    assert_eq!(code("plugins: [a]"), code::CONFIG_INVALID);
}

#[test]
fn values_without_a_value() {
    assert_eq!(
        errors(yaml("server:\n  listen:\n").build()),
        [
            "config.yaml:2:3: `server.listen`: expected an address with a port, found nothing (give it a value, or remove the key to have the default)"
        ]
    );
    assert_eq!(
        errors(yaml("service: {version: 1.0}").build()),
        [
            "config.yaml:1:20: `service.version`: expected a string, found a float (write it in quotes)"
        ]
    );
}
