//! Bodies that come bit by bit, or break off.

use super::*;
use http_body_util::BodyExt as _;

/// Says something, and then what it is told to.
#[plugin]
async fn speaker(cx: &mut PluginContext) -> Result<()> {
    cx.get("/ticks", async || {
        let ticks = stream::iter(0..3).then(async |number| {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok::<_, Infallible>(format!("tick {number}\n"))
        });
        answer().body(Body::from_stream(ticks)).unwrap()
    });
    cx.get("/breaks/{how}", async |Path(how): Path<String>| {
        let begun = stream::iter([Ok(Bytes::from(text(300_000)))]);
        let end = stream::once(async move {
            match &*how {
                "fails" => Err(io::Error::other("the disk is gone")),
                "panics" => panic!("the disk is gone"),
                _ => Ok(Bytes::from("the end")),
            }
        });
        answer().body(Body::from_stream(begun.chain(end))).unwrap()
    });
    cx.get("/short/{how}", async |Path(how): Path<String>| {
        let size = match &*how {
            "fails" => 5_000,
            _ => 3_000,
        };
        answer().body(Body::new(Short { size })).unwrap()
    });
    Ok(())
}

/// A body of which it is known how long it is, and which does not keep it, or not at once.
struct Short {
    size: u64,
}

impl http_body::Body for Short {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, io::Error>>> {
        use std::task::Poll;
        let frame = |text: String| Poll::Ready(Some(Ok(http_body::Frame::data(text.into()))));
        match self.size {
            5_000 => {
                self.size = 2_000;
                frame(text(3_000))
            }
            2_000 => Poll::Ready(Some(Err(io::Error::other("the disk is gone")))),
            // It is there a little later.
            3_000 => {
                self.size = 3_001;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            3_001 => {
                self.size = 0;
                frame(text(3_000))
            }
            _ => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.size)
    }
}

async fn open(path: &str, accept: &str) -> (TestChassis, Response) {
    let app = TestChassis::with::<Compression>().plugin::<speaker>();
    let app = app.start().await.unwrap();
    let request = Request::get(path).header("accept-encoding", accept);
    let answer = app
        .send_streaming(request.body(Body::empty()).unwrap())
        .await;
    (app, answer)
}

#[tokio::test(start_paused = true)]
async fn what_is_said_is_heard_before_the_end() {
    for coding in ["gzip", "br", "zstd"] {
        let (_app, answer) = open("/ticks", coding).await;
        assert_eq!(answer.headers()["content-encoding"], coding);
        let mut body = answer.into_body();
        let mut come = Vec::new();
        for number in 0..3 {
            while !heard(coding, &come).ends_with(&format!("tick {number}\n")) {
                let frame = tokio::time::timeout(Duration::from_secs(61), body.frame()).await;
                let frame = frame.expect("it is not kept back").unwrap().unwrap();
                come.extend(frame.into_data().unwrap());
            }
        }
        come.extend(body.collect().await.unwrap().to_bytes());
        assert_eq!(
            decode(Some(coding), &come).unwrap(),
            b"tick 0\ntick 1\ntick 2\n"
        );
    }
}

/// What can be read so far of what is not at its end.
fn heard(coding: &str, bytes: &[u8]) -> String {
    let mut plain = Vec::new();
    let reader: Box<dyn io::Read> = match coding {
        "gzip" => Box::new(flate2::read::GzDecoder::new(bytes)),
        "br" => Box::new(brotli::Decompressor::new(bytes, 4_096)),
        _ => Box::new(zstd::Decoder::new(bytes).unwrap()),
    };
    for byte in io::BufReader::new(reader).bytes() {
        match byte {
            Ok(byte) => plain.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(plain).unwrap()
}

#[tokio::test]
async fn a_body_that_fails_fails_for_the_client_too() {
    for coding in ["gzip", "br", "zstd"] {
        let (_app, answer) = open("/breaks/not", coding).await;
        let whole = answer.into_body().collect().await.unwrap().to_bytes();
        let plain = decode(Some(coding), &whole).unwrap();
        assert_eq!(plain.len(), 300_007, "{coding}");
        for path in ["/breaks/fails", "/short/fails"] {
            let (_app, answer) = open(path, coding).await;
            assert_eq!(answer.headers()["content-encoding"], coding);
            let mut body = answer.into_body();
            let mut come = Vec::new();
            let error = loop {
                match body.frame().await.expect("an error, and no end") {
                    Ok(frame) => come.extend(frame.into_data().unwrap()),
                    Err(error) => break error,
                }
            };
            assert!(error.to_string().contains("the disk is gone"), "{error}");
            // Nor can what has come be taken for the whole.
            assert!(decode(Some(coding), &come).is_err(), "{path} {coding}");
        }
    }
}

#[tokio::test]
async fn a_body_that_panics_has_no_end() {
    let (_app, answer) = open("/breaks/panics", "gzip").await;
    let reading = tokio::spawn(answer.into_body().collect());
    assert!(reading.await.unwrap_err().is_panic());
}

#[tokio::test]
async fn a_small_body_that_is_not_there_yet_is_waited_for() {
    for coding in ["gzip", "br", "zstd"] {
        let (_app, answer) = open("/short/late", coding).await;
        assert_eq!(answer.headers()["content-encoding"], coding);
        let whole = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(
            decode(Some(coding), &whole).unwrap(),
            text(3_000).as_bytes()
        );
    }
}

#[tokio::test]
async fn a_small_body_has_a_length_and_a_large_one_none() {
    let (_app, answer) = open("/ticks", "gzip").await;
    assert_eq!(http_body::Body::size_hint(answer.body()).exact(), None);
    let app = start("{}").await;
    for (path, is_known) in [("/text/65536", true), ("/text/65537", false)] {
        let request = Request::get(path).header("accept-encoding", "zstd");
        let answer = app
            .send_streaming(request.body(Body::empty()).unwrap())
            .await;
        let length = http_body::Body::size_hint(answer.body()).exact();
        assert_eq!(length.is_some(), is_known, "{path}");
    }
}
