//! `GET /` and `GET /{name}`, by axum alone.
#![forbid(unsafe_code)]

use axum::{Router, extract::Path, routing::get};
use chassis_benches::{Hello, listen};
use std::io;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::from_std(listen()?)?;
    let router = Router::new()
        .route("/", get(async || Hello))
        .route("/{name}", get(async |_: Path<String>| Hello));
    axum::serve(listener, router).await
}
