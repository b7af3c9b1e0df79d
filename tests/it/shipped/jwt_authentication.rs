//! `jwt-authentication`: whose token is good.

use super::{
    Row, Sees, Tells, one_of,
    story::{PAGE, Story},
};
use crate::client::Answer;
use chassis_jwt_authentication::JwtAuthentication;
use serde_json::json;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    path::Path,
    thread,
};

pub(super) const ROW: Row = Row {
    name: "jwt-authentication",
    with: |builder| {
        let builder = builder.plugin::<JwtAuthentication>();
        // By itself it could not be disabled: nobody would pass.
        builder.set("plugins.jwt-authentication.required", false)
    },
    a: |folder| {
        fs::write(folder.join(KEY), SECRET).unwrap();
        json!({"jwt_secret": key(folder)})
    },
    b: |_| json!({"jwt_secret": "the secret b, only for this test, of 32 bytes"}),
    path: &["/"],
    carries: &[("authorization", BY_A)],
    tells: Tells::Answers(sees),
};

/// In the folder of the service.
const KEY: &str = "jwt.key";
const SECRET: &str = "the secret a, only for this test, of 32 bytes";

fn key(folder: &Path) -> String {
    format!("${{file:{}}}", folder.join(KEY).display())
}

/// `{"sub":"ada"}`, signed with the first secret.
const BY_A: &str = "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEiLCJleHAiOjMyNTAzNjgwMDAwfQ.FKShOJkzL7KdTi_XtH6s2pXMtTEdrreU0n5OrtVeKWg";

/// `{"iss":"elsewhere","sub":"eve","aud":"shop"}`, signed with the key of another issuer, whose private part is gone.
const BY_ELSEWHERE: &str = "authorization: Bearer eyJhbGciOiJFZERTQSIsImtpZCI6Im9uZSJ9.eyJpc3MiOiJlbHNld2hlcmUiLCJzdWIiOiJldmUiLCJhdWQiOiJzaG9wIiwiZXhwIjozMjUwMzY4MDAwMH0.gBYyVX81rxmsWhG4HZTMAfSxNVMPjmpkbBUxtb6YYKgmvV1nAzupNx9mUHScNQb1ebUSUUv4WLfbbL1CD636CQ\r\n";
const KEYS_OF_ELSEWHERE: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","alg":"EdDSA","x":"MqOhPrTchuuy23vwa-aUA-G8Mg8G0OppsVMj5MCJrrA"}]}"#;

fn sees(answer: &Answer) -> Result<Sees, String> {
    let is = |status: u16, code: &str| answer.status == status && answer.json()["code"] == code;
    let a = answer.status == 200 && answer.text() == PAGE;
    let b = is(401, "http.unauthorized") && answer.header("www-authenticate").is_some();
    // The door stays shut.
    one_of(a, b, is(503, "auth.unavailable"), answer)
}

/// It depends on the file of its key, and on whoever publishes keys.
pub(super) async fn breaks(story: &mut Story) {
    story.post_is_refused("disable", 409, "http.conflict").await;
    // Without its key a reload is refused, and who was let in still is.
    let file = story.folder().join(KEY);
    fs::remove_file(&file).unwrap();
    let told = story.reload_is_refused("config.reference").await;
    assert!(told.to_string().contains("jwt.key"), "{told}");
    fs::write(&file, "too short").unwrap();
    story.reload_is_refused("config.invalid").await;
    fs::write(&file, SECRET).unwrap();
    story.reload(Sees::A).await;

    // Another issuer, of whom nothing is to be had: nobody can say of its tokens what they are, and of others everybody can.
    let (nobody, server) = (free(), server());
    let issuer = |address: SocketAddr| {
        let url = format!("http://{address}/");
        json!({"issuers": [
            {"issuer": "elsewhere", "algorithm": "EdDSA", "audience": ["shop"], "jwks_url": url},
        ]})
    };
    story.patch(&issuer(nobody), Sees::A).await;
    let answer = story.get("/", BY_ELSEWHERE).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.json()["code"], "auth.unavailable");

    // It is there; then it is gone, and its keys count on.
    story.patch(&issuer(server.0), Sees::A).await;
    assert_eq!(story.get("/", BY_ELSEWHERE).await.text(), PAGE);
    server.1.join().unwrap();
    story.post("reload", Sees::A).await;
    assert_eq!(story.get("/", BY_ELSEWHERE).await.text(), PAGE);
    story.unpatch(Sees::A).await;
    assert_eq!(story.get("/", BY_ELSEWHERE).await.status, 401);
}

/// Where nobody listens.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// Publishes keys once, and is gone.
fn server() -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let once = move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        _ = stream.read(&mut [0; 4_096]).unwrap();
        let length = KEYS_OF_ELSEWHERE.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{KEYS_OF_ELSEWHERE}"
        );
        stream.write_all(answer.as_bytes()).unwrap();
    };
    (address, thread::spawn(once))
}
