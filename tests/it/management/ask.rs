//! Asking: one connection per request, so that no test waits for another's.

use crate::{
    client::{self, Raw, soon},
    document,
};
use bytes::Bytes;
use chassis::Running;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// An answer, read to its end.
pub(crate) type Answer = (StatusCode, HeaderMap, Bytes);

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, Method::GET, path, &[], "").await
}

pub(crate) async fn post(address: SocketAddr, path: &str) -> Answer {
    request(address, Method::POST, path, &[], "").await
}

/// Sends any request, and compares the answer with the document of the endpoints. `Host` is the address, unless the headers say otherwise.
pub(crate) async fn request(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let asked = method.clone();
    let answer = send(address, method, path, headers, body).await;
    document::check(asked.as_str(), path, &answer).await;
    (answer.status, answer.headers, answer.body)
}

/// The same to any listener.
pub(crate) async fn send(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> client::Answer {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header(header::HOST, address.to_string());
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(body.into()))
        .expect("the request of a test is valid");
    let exchange = async {
        let stream = TcpStream::connect(address)
            .await
            .expect("there is a listener");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("HTTP/1.1 is spoken");
        tokio::spawn(connection);
        let response = sender
            .send_request(request)
            .await
            .expect("there is an answer");
        let (head, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .expect("the body can be read")
            .to_bytes();
        (head.status, head.headers, body)
    };
    let (status, headers, body) = soon("an answer of management", exchange).await;
    client::Answer {
        status,
        headers,
        body,
    }
}

/// What the service itself answers, which has to be 200.
pub(super) async fn of_service(running: &Running, path: &str) -> String {
    let mut raw = Raw::connect(running.service_address()).await;
    let answer = raw.get(path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.text().to_owned()
}

/// Asks for JSON, which there has to be.
pub(crate) async fn get_json(address: SocketAddr, path: &str) -> Value {
    let (status, headers, body) = get(address, path).await;
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    assert_eq!(headers[header::CONTENT_TYPE], "application/json");
    json(&body)
}

/// The answer as problem details, which it has to be.
#[track_caller]
pub(crate) fn problem((status, headers, body): Answer, wanted: u16, code: &str) -> Value {
    let body = json(&body);
    assert_eq!(status, wanted, "{body}");
    assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(body["status"], wanted);
    assert_eq!(body["code"], code, "{body}");
    assert!(
        body["title"].is_string() && body["type"] == "about:blank",
        "{body}"
    );
    body
}

#[track_caller]
pub(crate) fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body)
        .unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(body)))
}

pub(crate) fn names(list: &Value) -> Vec<&str> {
    let all = list.as_array().expect("it is a list").iter();
    all.map(|plugin| plugin["name"].as_str().expect("it has a name"))
        .collect()
}
