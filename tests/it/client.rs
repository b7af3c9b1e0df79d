//! A service on a real port, and clients that speak to it: in bytes, and in HTTP/2.

use crate::document;
use bytes::{Bytes, BytesMut};
use chassis::{Chassis, ChassisBuilder, Registration, Running};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{collections::VecDeque, future::Future, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A service of these plugins, on ports that are free.
pub(crate) fn service(plugins: impl IntoIterator<Item = Registration>) -> ChassisBuilder {
    let builder = Chassis::builder()
        .without_linked_plugins()
        .set("server.listen", "127.0.0.1:0")
        .set("management.listen", "127.0.0.1:0")
        .set("shutdown.idle_linger", "0s");
    plugins.into_iter().fold(builder, ChassisBuilder::register)
}

pub(crate) async fn start(builder: ChassisBuilder) -> Running {
    builder.start().await.expect("the service starts")
}

/// What a test waits for comes soon, or never.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(30), future).await {
        Ok(value) => value,
        Err(_) => panic!("it took too long: {what}"),
    }
}

/// A connection that writes and reads bytes.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    buffer: BytesMut,
    /// Whether it is management: its answers are compared with its document.
    is_management: bool,
    /// What management was asked and has not answered yet.
    asked: VecDeque<(String, String)>,
}

/// An answer, as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("the body is a text")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = soon("connecting", TcpStream::connect(address))
            .await
            .expect("there is a listener");
        Self {
            stream,
            buffer: BytesMut::new(),
            is_management: false,
            asked: VecDeque::new(),
        }
    }

    /// A connection to management, whose every answer has to be as its document says.
    pub(crate) async fn management(address: SocketAddr) -> Self {
        Self {
            is_management: true,
            ..Self::connect(address).await
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        if self.is_management {
            let text = String::from_utf8_lossy(bytes.as_ref()).into_owned();
            let lines = text.lines().filter(|line| line.ends_with(" HTTP/1.1"));
            let asked = lines.filter_map(|line| {
                let mut words = line.split(' ');
                Some((words.next()?.to_owned(), words.next()?.to_owned()))
            });
            self.asked.extend(asked);
        }
        self.stream
            .write_all(bytes.as_ref())
            .await
            .expect("the service reads");
    }

    /// Sends a `GET`, and reads the answer.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
            .await;
        self.answer().await
    }

    /// Reads an answer with its body.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.try_answer().await.expect("there is an answer")
    }

    /// Reads an answer with its body, or what there is in its place.
    pub(crate) async fn try_answer(&mut self) -> Result<Answer, String> {
        let (status, headers) = self.head().await?;
        let body = match (
            headers.get("content-length"),
            headers.get("transfer-encoding"),
        ) {
            (Some(length), _) => {
                let length = length
                    .to_str()
                    .ok()
                    .and_then(|length| length.parse().ok())
                    .ok_or("no length")?;
                self.take(length).await?
            }
            (None, Some(_)) => self.chunks().await?,
            (None, None) => Bytes::new(),
        };
        let answer = Answer {
            status,
            headers,
            body,
        };
        if self.is_management
            && let Some((method, target)) = self.asked.pop_front()
        {
            document::check(&method, &target, &answer).await;
        }
        Ok(answer)
    }

    /// Reads the head of an answer.
    pub(crate) async fn head(&mut self) -> Result<(StatusCode, HeaderMap), String> {
        let head = self.until("\r\n\r\n").await?;
        let head = str::from_utf8(&head).map_err(|_| "the head is no text")?;
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .unwrap_or_default();
        let status = status
            .parse()
            .map_err(|_| format!("no status in {head:?}"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let name: HeaderName = name.parse().map_err(|_| format!("`{name}` is no header"))?;
            headers.append(name, HeaderValue::from_str(value).map_err(|_| "no value")?);
        }
        Ok((status, headers))
    }

    /// Reads one chunk of a body; an empty one is the end.
    pub(crate) async fn chunk(&mut self) -> Result<Bytes, String> {
        let line = self.until("\r\n").await?;
        let size = str::from_utf8(&line).map_err(|_| "no chunk")?.trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| format!("`{size}` is no size"))?;
        let chunk = self.take(size).await?;
        self.take(2).await?;
        Ok(chunk)
    }

    async fn chunks(&mut self) -> Result<Bytes, String> {
        let mut body = BytesMut::new();
        loop {
            let chunk = self.chunk().await?;
            if chunk.is_empty() {
                return Ok(body.freeze());
            }
            body.extend_from_slice(&chunk);
        }
    }

    /// Reads to the end of the connection.
    pub(crate) async fn rest(&mut self) -> Bytes {
        while self.more().await.is_ok() {}
        self.buffer.split().freeze()
    }

    /// What comes up to and with these bytes.
    pub(crate) async fn until(&mut self, end: &str) -> Result<Bytes, String> {
        loop {
            let found = self
                .buffer
                .windows(end.len())
                .position(|window| window == end.as_bytes());
            if let Some(place) = found {
                return Ok(self.buffer.split_to(place + end.len()).freeze());
            }
            self.more().await?;
        }
    }

    async fn take(&mut self, count: usize) -> Result<Bytes, String> {
        while self.buffer.len() < count {
            self.more().await?;
        }
        Ok(self.buffer.split_to(count).freeze())
    }

    async fn more(&mut self) -> Result<(), String> {
        match soon("reading", self.stream.read_buf(&mut self.buffer)).await {
            Ok(0) => Err(format!("the connection ended after {:?}", self.buffer)),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// An HTTP/2 connection without TLS, by prior knowledge.
#[derive(Clone)]
pub(crate) struct Http2 {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
}

impl Http2 {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = soon("connecting", TcpStream::connect(address))
            .await
            .expect("there is a listener");
        let io = TokioIo::new(stream);
        let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
            .await
            .expect("HTTP/2 is spoken");
        tokio::spawn(connection);
        Self { sender, address }
    }

    pub(crate) async fn get(&mut self, path: &str) -> hyper::Result<Answer> {
        let uri = format!("http://{}{path}", self.address);
        self.send(
            Request::get(uri)
                .body(Full::default())
                .expect("the path of a test is valid"),
        )
        .await
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Answer> {
        let exchange = async {
            let (head, body) = self.sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body,
            })
        };
        soon("an answer over HTTP/2", exchange).await
    }
}
