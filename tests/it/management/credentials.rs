//! Who has a token of `management.token_file` is answered, and nobody else.

use super::{
    ask::{Answer, get, get_json, json, of_service, problem, request},
    service, start, stop,
};
use crate::{
    client::soon,
    command_line::{self, EVERYTHING, with},
    process::Process,
    shutdown::Victim,
};
use chassis::{ChassisBuilder, code};
use http::{Method, header};
use std::{fs, net::SocketAddr, path::Path};

const OLD: &str = "old-0123456789abcdef";
const NEW: &str = "new-0123456789abcdef";

/// A service that asks for a token, with these in its file.
fn guarded(folder: &Path, tokens: &str) -> ChassisBuilder {
    let file = folder.join("tokens");
    fs::write(&file, tokens).expect("there is room");
    service().set("management.token_file", file.display().to_string())
}

async fn ask(address: SocketAddr, method: Method, path: &str, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    request(address, method, path, &[("authorization", &bearer)], "").await
}

#[tokio::test]
async fn every_endpoint_asks_for_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let builder = guarded(folder.path(), &format!("# Ann's\n{OLD}\n{NEW}\n"));
    let (running, management) = start(builder.set("metrics.listen", "127.0.0.1:0")).await;
    let index = ask(management, Method::GET, "/", OLD).await;
    assert_eq!(index.0, 200);
    let endpoints = json(&index.2);
    for endpoint in endpoints.as_array().unwrap() {
        let text = |key: &str| endpoint[key].as_str().unwrap();
        let method: Method = text("method").parse().unwrap();
        for wrong in [
            "",
            "Bearer",
            "Bearer 0123456789abcdef",
            "Basic b2xkOm9sZA==",
        ] {
            let headers = [("authorization", wrong)];
            let headers = if wrong.is_empty() { &[][..] } else { &headers };
            let answer = request(management, method.clone(), text("path"), headers, "").await;
            assert_eq!(answer.0, 401, "{endpoint} with {wrong:?}");
            assert_eq!(answer.1[header::WWW_AUTHENTICATE], "Bearer");
            assert_eq!(answer.1[header::CACHE_CONTROL], "no-store");
            if method != Method::HEAD {
                problem(answer, 401, "http.unauthorized");
            }
        }
    }
    // What there is, is nobody's business either.
    problem(get(management, "/nothing").await, 401, "http.unauthorized");
    for token in [OLD, NEW] {
        assert_eq!(ask(management, Method::GET, "/plugins", token).await.0, 200);
        assert_eq!(ask(management, Method::POST, "/reload", token).await.0, 200);
    }
    // The token does not open the door to browsers of other sites.
    let bearer = format!("Bearer {OLD}");
    let headers = [("authorization", &*bearer), ("host", "evil.example")];
    let answer = request(management, Method::GET, "/plugins", &headers, "").await;
    problem(answer, 403, "http.forbidden");
    // Probes and scrapers have listeners of their own.
    assert_eq!(of_service(&running, "/readyz").await, "ok\n");
    let metrics = running.metrics_address().unwrap();
    assert_eq!(get(metrics, "/metrics").await.0, 200);
    stop(running).await;
}

#[tokio::test]
async fn other_machines_may_ask_who_have_a_token() {
    let builder = service().set("management.listen", "0.0.0.0:0");
    let error = builder.start().await.unwrap_err();
    assert_eq!(error.code(), code::CONFIG_INVALID);
    let told = error.report();
    assert!(
        told.contains("management.token_file") && told.contains("openssl"),
        "{told}"
    );

    let folder = tempfile::tempdir().unwrap();
    let builder = guarded(folder.path(), OLD).set("management.listen", "0.0.0.0:0");
    let (running, management) = start(builder).await;
    let management = SocketAddr::from(([127, 0, 0, 1], management.port()));
    // They know it by names that it does not know itself.
    let host = ("host", "orders.internal:8081");
    let bearer = format!("Bearer {OLD}");
    let right = [host, ("authorization", &*bearer)];
    assert_eq!(
        request(management, Method::GET, "/info", &right, "")
            .await
            .0,
        200
    );
    let answer = request(management, Method::GET, "/info", &[host], "").await;
    problem(answer, 401, "http.unauthorized");
    let cross = [
        host,
        ("authorization", &*bearer),
        ("sec-fetch-site", "cross-site"),
    ];
    let answer = request(management, Method::POST, "/reload", &cross, "").await;
    problem(answer, 403, "http.forbidden");
    stop(running).await;
}

#[tokio::test]
async fn tokens_are_changed_while_the_service_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let (running, management) = start(guarded(folder.path(), OLD)).await;
    let handle = running.handle();
    let status = async |token| {
        ask(management, Method::GET, "/info", token)
            .await
            .0
            .as_u16()
    };
    assert_eq!((status(OLD).await, status(NEW).await), (200, 401));

    // At the latest a reload reads them.
    fs::write(&file, format!("{OLD}\n{NEW}\n")).unwrap();
    handle.reload().await.unwrap();
    assert_eq!((status(OLD).await, status(NEW).await), (200, 200));

    // No reload is needed.
    fs::write(folder.path().join("tokens.new"), NEW).unwrap();
    fs::rename(folder.path().join("tokens.new"), &file).unwrap();
    soon("the end of the old token", async {
        while status(OLD).await != 401 {}
    })
    .await;
    assert_eq!(status(NEW).await, 200);
    assert_eq!(handle.generations().unwrap().len(), 2);

    // A mistake takes nobody's token away, and lets nobody in.
    fs::write(&file, "\nhunter2\n").unwrap();
    let error = handle.reload().await.unwrap_err();
    assert_eq!(error.code(), code::CONFIG_INVALID);
    assert_eq!(error.origin(), Some(&*format!("{}:2", file.display())));
    assert!(!error.report().contains("hunter2"), "{}", error.report());
    assert_eq!((status(NEW).await, status("hunter2").await), (200, 401));
    stop(running).await;
}

#[tokio::test]
async fn a_file_without_a_good_token_is_no_protection() {
    let folder = tempfile::tempdir().unwrap();
    for (tokens, said) in [
        ("hunter2", "shorter than 16 characters"),
        ("# none\n\n", "no token"),
        (
            "hunter2 and some more",
            "characters that can't stand in one",
        ),
    ] {
        let error = guarded(folder.path(), tokens).start().await.unwrap_err();
        assert_eq!(error.code(), code::CONFIG_INVALID);
        let told = error.report();
        assert!(
            told.contains(said) && told.contains("openssl rand"),
            "{told}"
        );
        assert!(!told.contains("hunter2"), "{told}");
    }
    let nowhere = folder.path().join("nowhere").display().to_string();
    let builder = service().set("management.token_file", nowhere);
    let error = builder.start().await.unwrap_err();
    assert_eq!(error.code(), code::CONFIG_UNREADABLE);
}

#[tokio::test]
async fn the_log_tells_who_did_what_and_of_strangers_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    fs::write(&file, format!("{OLD}\n{NEW}\n")).unwrap();
    let file = file.display().to_string();
    let mut victim = Victim::start(&[("CHASSIS__MANAGEMENT__TOKEN_FILE", &file)]).await;
    for guess in 0..50 {
        let guess = format!("guess-0123456789-{guess}");
        let answer = ask(victim.management, Method::POST, "/reload", &guess).await;
        assert_eq!(answer.0, 401);
    }
    assert_eq!(
        ask(victim.management, Method::POST, "/nothing", NEW)
            .await
            .0,
        404
    );
    let lines = victim.logged("/nothing").await;
    let audit = lines.last().unwrap();
    assert!(
        audit.contains("who=token 2") && audit.contains("404"),
        "{audit}"
    );
    let refused: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("refused"))
        .collect();
    assert_eq!(refused.len(), 1, "{lines:#?}");
    assert!(
        refused[0].contains("WARN") && refused[0].contains("peer=127.0.0.1"),
        "{refused:?}"
    );
    let all = format!("{:?}{lines:?}", victim.start);
    assert!(
        ![OLD, NEW, "guess-"].iter().any(|token| all.contains(token)),
        "{all}"
    );
}

#[tokio::test]
async fn the_configuration_shows_where_the_tokens_are_and_none_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let (running, management) = start(guarded(folder.path(), OLD)).await;
    let (status, _, body) = ask(management, Method::GET, "/config", OLD).await;
    assert_eq!(status, 200);
    let config = String::from_utf8_lossy(&body);
    assert!(
        config.contains("management.token_file") && !config.contains(OLD),
        "{config}"
    );
    stop(running).await;
}

#[tokio::test]
async fn without_a_file_this_machine_may_ask_without_a_token() {
    let (running, management) = start(service()).await;
    get_json(management, "/info").await;
    stop(running).await;
}

#[test]
fn the_command_line_shows_its_token() {
    let directory = with("management: {token_file: secrets/tokens}\n");
    let secrets = directory.path().join("secrets");
    fs::create_dir(&secrets).unwrap();
    fs::write(secrets.join("tokens"), format!("{NEW}\n{OLD}\n")).unwrap();
    fs::write(directory.path().join("mine"), OLD).unwrap();
    fs::write(directory.path().join("wrong"), "wrong-0123456789abcdef").unwrap();
    let service = Process::start(EVERYTHING, directory.path());
    let ask = |arguments: &[&str]| command_line::ask(&service, directory.path(), arguments);
    for arguments in [
        &["status"][..],
        &["reload"],
        &["health", "live"],
        &["status", "--token-file", "mine"],
    ] {
        let said = ask(arguments);
        assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.err);
    }
    for command in ["status", "reload", "health"] {
        let said = ask(&[command, "--token-file", "wrong"]);
        assert_eq!(said.code, Some(1), "{}", said.err);
        assert!(
            said.err.contains("asks for a token") && said.err.contains("--token-file"),
            "{}",
            said.err
        );
        assert!(!said.err.contains("0123456789"), "{}", said.err);
    }
    let said = ask(&["status", "--token-file", "nowhere"]);
    assert_eq!(said.code, Some(64));
    assert!(said.err.contains("`nowhere` can't be read"), "{}", said.err);
    // The configuration is right only if the file is.
    assert_eq!(ask(&["check"]).code, Some(0));
    fs::write(secrets.join("tokens"), "short").unwrap();
    let checked = ask(&["check"]);
    assert_eq!(checked.code, Some(64));
    assert!(checked.err.contains("shorter than 16"), "{}", checked.err);
}
