//! A gRPC service over HTTP/2, without TLS.

use super::mount;
use crate::{
    client::{Raw, service, start},
    made::plugin,
};
use axum::Router;
use futures::{
    StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use std::{
    convert::Infallible,
    task::{Context, Poll},
};

#[derive(Clone, PartialEq, prost::Message)]
struct Count {
    #[prost(uint32, tag = "1")]
    number: u32,
}

/// A gRPC service, as `tonic-build` would write it.
#[derive(Clone)]
struct Counter;

type Grpc = tonic::server::Grpc<tonic_prost::ProstCodec<Count, Count>>;

impl tower::Service<http::Request<axum::body::Body>> for Counter {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<axum::body::Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = Grpc::new(tonic_prost::ProstCodec::default());
            Ok(match request.uri().path() {
                "/test.Counter/Next" => grpc.unary(tower::service_fn(next), request).await,
                _ => {
                    grpc.server_streaming(tower::service_fn(up_to), request)
                        .await
                }
            })
        })
    }
}

async fn next(request: tonic::Request<Count>) -> Result<tonic::Response<Count>, tonic::Status> {
    Ok(tonic::Response::new(Count {
        number: request.into_inner().number + 1,
    }))
}

type Counts = BoxStream<'static, Result<Count, tonic::Status>>;

async fn up_to(request: tonic::Request<Count>) -> Result<tonic::Response<Counts>, tonic::Status> {
    let number = request.into_inner().number;
    let counts = stream::iter(1..=number.min(3)).map(|number| Ok(Count { number }));
    let end = (number > 3).then(|| Err(tonic::Status::out_of_range("I can count to three")));
    Ok(tonic::Response::new(
        counts.chain(stream::iter(end)).boxed(),
    ))
}

#[tokio::test]
async fn grpc_works_with_streams_and_trailers() {
    // Not tonic's `Routes`: its fallback would answer everything that is not there.
    let counter = || Router::new().route_service("/test.Counter/{method}", Counter);
    let own = plugin("own", |cx| _ = cx.get("/own", async || "own"));
    let running = start(service([mount("counter", counter), own])).await;
    let endpoint = format!("http://{}", running.service_address());
    let channel = tonic::transport::Endpoint::from_shared(endpoint)
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    let codec = tonic_prost::ProstCodec::<Count, Count>::default;
    let count = |number: u32| tonic::Request::new(Count { number });

    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/test.Counter/Next");
    let answer = client.unary(count(41), path, codec()).await.unwrap();
    assert!(answer.metadata().contains_key("x-request-id"));
    assert_eq!(answer.into_inner().number, 42);

    for (number, end) in [(2, None), (4, Some("I can count to three"))] {
        client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static("/test.Counter/UpTo");
        let mut counts = client
            .server_streaming(count(number), path, codec())
            .await
            .unwrap()
            .into_inner();
        for expected in 1..=number.min(3) {
            assert_eq!(counts.message().await.unwrap().unwrap().number, expected);
        }
        match (counts.message().await, end) {
            (Ok(None), None) => assert!(counts.trailers().await.unwrap().is_some()),
            (Err(status), Some(end)) => {
                assert_eq!(
                    (status.code(), status.message()),
                    (tonic::Code::OutOfRange, end)
                );
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        Raw::connect(running.service_address())
            .await
            .get("/own")
            .await
            .text(),
        "own"
    );
    drop(client);
    assert!(running.stop().await.is_graceful());
}
