//! Keys that are fetched over TLS, from those who are to be trusted.

use crate::made::{ED, get, pem, service, token_of};
use serde_json::json;
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer},
};

/// Publishes a key, with a certificate for these names; its address, and the certificate.
async fn server(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let body = json!({"keys": [ED.jwk("a")]}).to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut request).await.unwrap();
            }
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream
                .write_all(format!("{head}{body}").as_bytes())
                .await
                .unwrap();
            _ = stream.shutdown().await;
        }
    });
    (
        format!("https://127.0.0.1:{port}/jwks.json"),
        pem("CERTIFICATE", made.cert.der()),
    )
}

#[tokio::test]
async fn who_is_not_to_be_trusted_gives_no_keys() {
    let directory = tempfile::tempdir().unwrap();
    let (url, certificate) = server("127.0.0.1").await;
    let (elsewhere, of_another) = server("id.example.com").await;
    let (unknown, _) = server("127.0.0.1").await;
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, format!("{certificate}{of_another}")).unwrap();
    for (url, status) in [(url, 200), (elsewhere, 503), (unknown, 503)] {
        let app = service(json!({
            "audience": ["orders"],
            "issuers": [{"issuer": "set", "algorithm": "EdDSA", "jwks_url": url, "jwks_ca": ca}],
        }));
        let app = app.start().await.unwrap();
        let token = token_of(&ED, "a", &json!({"iss": "set"}));
        assert_eq!(get(&app, "/orders", &token).await.status(), status, "{url}");
    }
}
