//! The calls of jobs: one connection each, to an address that was looked at.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::header::{HeaderValue, USER_AGENT};
use hyper_util::rt::TokioIo;
use longshore_domain::{HttpBody, HttpCall, HttpClient, HttpFailure, HttpFailureKind};
use rustls::ClientConfig;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use crate::net::address::{self, AddressError, Asker};
use crate::net::connection::{self, ConnectError};
use crate::net::trust;

/// Bytes of the head of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Makes the calls of jobs.
#[derive(Default)]
pub struct WebClient {
    ca_file: Option<PathBuf>,
    tls: OnceCell<Arc<ClientConfig>>,
}

impl WebClient {
    /// A client that believes the authorities in `ca_file` (PEM), and nobody else; those of the machine when there is no
    /// file. Nothing is read yet.
    pub fn new(ca_file: Option<PathBuf>) -> Self {
        Self { ca_file, tls: OnceCell::new() }
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>, HttpFailure> {
        let make = || trust::client_config(self.ca_file.as_deref());
        let made = self.tls.get_or_try_init(make).await;
        made.map(Arc::clone).map_err(|error| failure(HttpFailureKind::Configuration, &error))
    }
}

impl fmt::Debug for WebClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebClient").field("ca_file", &self.ca_file).finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for WebClient {
    async fn send(&self, call: HttpCall) -> Result<http::Response<HttpBody>, HttpFailure> {
        let HttpCall { url, mut request, allow_private } = call;
        let addresses =
            address::resolve(&url, allow_private, Asker::Job).await.map_err(|error| match error {
                AddressError::NotFound(_) => failure(HttpFailureKind::NotFound, &error),
                AddressError::Private { .. } => failure(
                    HttpFailureKind::Prohibited,
                    &format_args!("{error}; allow_private = true in the grant would allow it"),
                ),
                AddressError::Plain(_) => failure(HttpFailureKind::Prohibited, &error),
            })?;
        let tls = match url.scheme() {
            "https" => Some(self.tls().await?),
            _ => None,
        };
        connection::address(&mut request, &url)
            .map_err(|error| failure(HttpFailureKind::NoAnswer, &error))?;
        let agent = HeaderValue::from_static(concat!("Longshore/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().entry(USER_AGENT).or_insert(agent);
        let stream = connection::open(&url, &addresses, tls).await.map_err(|error| match error {
            ConnectError::Connection(_) => failure(HttpFailureKind::NoConnection, &error),
            ConnectError::Tls(_) => failure(HttpFailureKind::Tls, &error),
        })?;
        let no_answer = |error: hyper::Error| failure(HttpFailureKind::NoAnswer, &Causes(&error));
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(no_answer)?;
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let answer = sender.send_request(request).await.map_err(no_answer)?;
        Ok(answer.map(|body| Answering { body, _driver: driver }.boxed_unsync()))
    }
}

fn failure(kind: HttpFailureKind, error: &dyn fmt::Display) -> HttpFailure {
    HttpFailure { kind, message: error.to_string() }
}

/// An error with what caused it; hyper's say little without.
struct Causes<'a>(&'a dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        self.0.source().map_or(Ok(()), |cause| write!(f, ": {}", Causes(cause)))
    }
}

/// The body of an answer. Its connection lives as long as it does.
struct Answering {
    body: Incoming,
    _driver: JoinSet<hyper::Result<()>>,
}

impl Body for Answering {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
