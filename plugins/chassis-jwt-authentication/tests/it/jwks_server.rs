//! Somebody who publishes keys, on a port of this machine, and not always well.

use serde_json::{Value, json};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What it does when it is asked.
#[derive(Clone, Debug)]
pub(crate) enum How {
    Gives(String),
    Fails,
    /// It sends whoever asks to this address.
    Sends(String),
    Hangs,
    /// It begins an answer, and never ends it.
    Trickles,
    /// It says that there is more than anybody should read, and sends that.
    Huge,
    HangsUp,
}

pub(crate) struct Server {
    address: String,
    asked: Arc<AtomicUsize>,
    how: Arc<Mutex<How>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn set(keys: &[Value]) -> How {
    How::Gives(json!({ "keys": keys }).to_string())
}

impl Server {
    pub(crate) async fn start(how: How) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let how = Arc::new(Mutex::new(how));
        let (count, does) = (Arc::clone(&asked), Arc::clone(&how));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (count, does) = (Arc::clone(&count), Arc::clone(&does));
                tokio::spawn(async move {
                    _ = answer(stream, &count, &does).await;
                });
            }
        });
        Self {
            address,
            asked,
            how,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    pub(crate) fn does(&self, how: How) {
        *self.how.lock().unwrap() = how;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

async fn answer(
    mut stream: TcpStream,
    asked: &AtomicUsize,
    how: &Mutex<How>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    assert!(request.starts_with(b"GET /jwks.json HTTP/1.1\r\n"));
    asked.fetch_add(1, SeqCst);
    let how = how.lock().unwrap().clone();
    let text = match how {
        How::Gives(text) => {
            let length = text.len();
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{text}")
        }
        How::Fails => "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n".to_owned(),
        How::Sends(to) => {
            format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
        }
        How::Hangs => std::future::pending().await,
        How::Trickles => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
                .await?;
            std::future::pending().await
        }
        How::Huge => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                .await?;
            let chunk = format!("{:x}\r\n{}\r\n", 1 << 16, " ".repeat(1 << 16));
            // More than any buffer holds: it ends because the other side has had enough.
            loop {
                stream.write_all(chunk.as_bytes()).await?;
            }
        }
        How::HangsUp => return Ok(()),
    };
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}
