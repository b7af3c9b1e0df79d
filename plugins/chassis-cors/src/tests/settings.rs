//! Settings that are wrong.

use super::*;

/// What is said of policies that are wrong.
async fn told(policies: &str) -> String {
    let error = service(policies).start_error().await;
    let all = [&error].into_iter().chain(error.others());
    let all = all.map(|error| {
        let place = error.origin().unwrap_or_default();
        format!("{place}: {error}\n{}\n", error.help().unwrap_or_default())
    });
    all.collect()
}

#[tokio::test]
async fn credentials_are_not_for_everybody() {
    for (key, value, at) in [
        ("origins", "[https://a.example, '*']", "origins[1]"),
        ("origins", "['*']", "origins[0]"),
        ("origins", "['null']", "origins[0]"),
        ("methods", "['*']", "methods[0]"),
        ("headers", "[X-A, '*']", "headers[1]"),
        ("expose", "['*']", "expose[0]"),
    ] {
        let origins = match key {
            "origins" => "",
            _ => "origins: [https://a.example], ",
        };
        let with = |credentials: &str| {
            format!("[{{{origins}{key}: {value}, credentials: {credentials}}}]")
        };
        let told = told(&with("true")).await;
        assert!(
            told.contains(&format!("`plugins.cors.config.policies[0].{at}`")),
            "{told}"
        );
        assert!(told.contains("write `credentials: false`"), "{told}");
        if !value.contains(", '*'") || key != "origins" {
            start(&with("false")).await;
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_place() {
    for (policies, expected) in [
        (
            "[{}]",
            "`plugins.cors.config.policies[0].origins` is missing",
        ),
        ("[{origins: []}]", "policies[0].origins`"),
        (
            "[{origins: [app.example.com]}]",
            "policies[0].origins[0]`: `app.example.com` is no origin",
        ),
        (
            "[{origins: [https://app.example.com/]}]",
            "write `https://app.example.com`",
        ),
        ("[{origins: [null]}]", "the word `\"null\"`, in quotes"),
        (
            "[{origins: ['*', https://app.example.com]}]",
            "policies[0].origins[0]`: it allows all",
        ),
        (
            "[{origins: [https://a.b, 'https://A.b:443']}]",
            "policies[0].origins[1]`: it stands there already",
        ),
        (
            "[{origins: ['*'], methods: [patch]}]",
            "policies[0].methods[0]`: `patch` is no method",
        ),
        (
            "[{origins: ['*'], methods: [patch]}]",
            "case matters; write `PATCH`",
        ),
        (
            "[{origins: ['*'], headers: [X Y]}]",
            "policies[0].headers[0]`: `X Y` is no header name",
        ),
        (
            "[{origins: ['*'], expose: [\"\"]}]",
            "policies[0].expose[0]`",
        ),
        (
            "[{origins: ['*'], max_age: 25h}]",
            "policies[0].max_age`: it is more than 24h",
        ),
        ("[{origins: ['*'], max_age: 600}]", "`600` has no unit"),
        (
            "[{origins: ['*'], routes: [orders]}]",
            "policies[0].routes[0]`",
        ),
        (
            "[{origins: ['*']}, {routes: [/a], origins: ['*']}]",
            "policies[1].routes`: nobody ever comes to it: `policies[0]` is for all routes",
        ),
        (
            "[{origins: ['*'], credential: true}]",
            "did you mean `credentials`",
        ),
    ] {
        let told = told(policies).await;
        assert!(told.contains(expected), "{policies}: {told}");
        assert!(told.contains("test.yaml:1:"), "{policies}: {told}");
    }
}
