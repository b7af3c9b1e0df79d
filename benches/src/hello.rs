//! `GET /`: the answer that all servers give.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use std::{
    io,
    net::{Ipv4Addr, TcpListener},
};

/// What every server answers.
pub const BODY: Bytes = Bytes::from_static(b"{\"message\":\"Hello, World!\"}");

/// The answer, with a body of the type that the server wants.
pub fn answer<B>(body: B) -> http::Response<B> {
    let mut response = http::Response::new(body);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// The answer, for axum and the chassis.
#[derive(Debug)]
pub struct Hello;

impl IntoResponse for Hello {
    fn into_response(self) -> Response {
        answer(BODY.into())
    }
}

/// A free port, told to whoever started this program.
///
/// # Errors
///
/// If there is none.
pub fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    Ok(listener)
}
