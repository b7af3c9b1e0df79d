//! Fetches a set of keys: one GET, bounded in time and size, that follows nobody elsewhere.

use chassis::{BoxError, Context as _, prelude::*};
use http::{Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use std::{path::Path, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs},
};

/// More than 100 keys with certificates have.
const MAX_BYTES: usize = 256 << 10;

/// Where a set of keys is, and how it is reached.
pub(crate) struct Source {
    uri: Uri,
    tls: Option<TlsConnector>,
    timeout: Duration,
}

impl Source {
    /// Reads the certificates to trust. It blocks while it does.
    pub(crate) fn new(uri: Uri, ca: Option<&Path>, timeout: Duration) -> Result<Self> {
        let tls = match uri.scheme_str() {
            Some("https") => Some(connector(ca)?),
            _ => None,
        };
        Ok(Self { uri, tls, timeout })
    }

    /// What stands there.
    pub(crate) async fn fetch(&self) -> Result<Bytes> {
        let fetched = tokio::time::timeout(self.timeout, self.get()).await;
        fetched.unwrap_or_else(|_| {
            let message = format!("there was no answer within {:?}", self.timeout);
            Err(Error::msg(message))
        })
    }

    async fn get(&self) -> Result<Bytes> {
        let authority = self.uri.authority().context("it is no address")?;
        let host = authority.host().trim_matches(['[', ']']);
        let port = authority.port_u16().unwrap_or(match self.tls {
            Some(_) => 443,
            None => 80,
        });
        let stream = TcpStream::connect((host, port)).await;
        let stream = stream.context(format!("`{authority}` can't be reached"))?;
        match &self.tls {
            None => self.ask(authority.as_str(), stream).await,
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned())?;
                let stream = tls.connect(name, stream).await;
                let stream = stream.context(format!("`{authority}` is not to be trusted"))?;
                self.ask(authority.as_str(), stream).await
            }
        }
    }

    async fn ask(
        &self,
        authority: &str,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Bytes> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ended with this future, whatever the other side does.
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let request = http::Request::get(path)
            .header(header::HOST, authority)
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .header(header::CONNECTION, "close")
            .header(header::USER_AGENT, "chassis-jwt-authentication")
            .body(Empty::<Bytes>::new())?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        if status.is_redirection() {
            let message = format!("it answers {status}, and nobody is followed elsewhere");
            return Err(Error::msg(message).with_help("set `jwks_url` to where the keys are"));
        }
        if status != StatusCode::OK {
            return Err(Error::msg(format!("it answers {status}")));
        }
        let body = Limited::new(response.into_body(), MAX_BYTES)
            .collect()
            .await;
        let body = body.map_err(|error: BoxError| {
            Error::msg(format!("its answer can't be read, up to 256KiB: {error}"))
        })?;
        Ok(body.to_bytes())
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Source").field(&self.uri).finish()
    }
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(file) => {
            let shown = file.display();
            let certificates = CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .context(format!("`jwks_ca`: `{shown}` can't be read as PEM"))?;
            for certificate in certificates {
                let added = roots.add(certificate);
                added.context(format!("`jwks_ca`: a certificate in `{shown}` is none"))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            let (_, wrong) = roots.add_parsable_certificates(found.certs);
            if wrong > 0 || !found.errors.is_empty() {
                tracing::warn!(wrong, errors = ?found.errors, "some of the system's certificates can't be read");
            }
        }
    }
    if roots.is_empty() {
        let error = Error::msg("there are no certificates to trust");
        return Err(
            error.with_help("install those of the system (`ca-certificates`), or set `jwks_ca`")
        );
    }
    // Said in so many words: other crates in the process may have brought another provider.
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}
