//! The client: one connection, one request after the other.

use chassis::{Context as _, Error, Result};
use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// A connection that is kept open.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    request: String,
}

/// Longer than a server under valgrind takes for its first answer, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Client {
    /// Connects, to ask for this path.
    pub(crate) fn connect(address: SocketAddr, path: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).context("can't connect to the subject")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            request: format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        })
    }

    /// Asks once; an answer other than 200 is an error.
    pub(crate) fn ask(&mut self) -> Result<()> {
        self.stream.write_all(self.request.as_bytes())?;
        let mut answer = Vec::new();
        let mut chunk = [0; 4_096];
        loop {
            let read = self.stream.read(&mut chunk).context("no answer")?;
            answer.extend_from_slice(&chunk[..read]);
            if read == 0 || is_whole(&answer) {
                break;
            }
        }
        if answer.starts_with(b"HTTP/1.1 200 ") && is_whole(&answer) {
            return Ok(());
        }
        let answer = String::from_utf8_lossy(&answer);
        Err(Error::msg(format!("the subject answered {answer:?}")))
    }
}

/// Whether head and body have come.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse::<usize>().ok())?
    });
    length.is_some_and(|length| body.len() >= length)
}
