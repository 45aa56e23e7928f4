//! Calls of the web that the host makes for a job.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use url::Url;

/// A body that is sent, or received, piece by piece.
pub type HttpBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// One call. What it is allowed to be was looked at before.
#[derive(Debug)]
pub struct HttpCall {
    /// What is called.
    pub url: Url,
    /// Method, headers and body. Its URI is not looked at.
    pub request: http::Request<HttpBody>,
    /// Whether an address may be called that is not on the public internet.
    pub allow_private: bool,
}

/// Makes calls of the web.
#[async_trait]
pub trait HttpClient: fmt::Debug + Send + Sync {
    /// Makes a call, and gives the answer as soon as its headers are there. No redirect is followed, no proxy asked, and a
    /// name is resolved once. Dropping the future, or the body of the answer, ends the call; how long it may take is the
    /// caller's business.
    async fn send(&self, call: HttpCall) -> Result<http::Response<HttpBody>, HttpFailure>;
}

/// Makes no calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHttp;

#[async_trait]
impl HttpClient for NoHttp {
    async fn send(&self, _: HttpCall) -> Result<http::Response<HttpBody>, HttpFailure> {
        let message = "this host makes no calls of the web".to_owned();
        Err(HttpFailure { kind: HttpFailureKind::Configuration, message })
    }
}

/// A call got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HttpFailure {
    /// Where it ended.
    pub kind: HttpFailureKind,
    /// Why, for people.
    pub message: String,
}

/// Where a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpFailureKind {
    /// The name has no address.
    NotFound,
    /// The address is none that may be called.
    Prohibited,
    /// Nobody answers there.
    NoConnection,
    /// There is somebody, but who is not known.
    Tls,
    /// There was a connection, but no answer.
    NoAnswer,
    /// The host is set up wrongly.
    Configuration,
}
