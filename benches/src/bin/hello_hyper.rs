//! `GET /`, by hyper alone.
#![forbid(unsafe_code)]

use bytes::Bytes;
use chassis_benches::{BODY, answer, listen};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, io};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::from_std(listen()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(stream);
        tokio::spawn(http1::Builder::new().serve_connection(stream, service_fn(hello)));
    }
}

async fn hello(_: http::Request<Incoming>) -> Result<http::Response<Full<Bytes>>, Infallible> {
    Ok(answer(Full::from(BODY)))
}
