//! One POST on a connection of its own, to an address that was looked at.
//!
//! There is nothing here to follow a redirect, to ask a proxy, or to use a connection again: what is called is what was
//! checked.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use longshore_domain::DeliveryError;
use rustls::ClientConfig;
use tokio::task::JoinSet;
use url::Url;

use super::answer::Answer;
use crate::net::connection::{self, Stream};

/// Bytes of an answer that are read, to say what went wrong.
const ANSWER_BYTES_MAX: usize = 1_024;

/// Posts `body` and gives the answer.
pub(super) async fn post(
    url: &Url,
    addresses: &[SocketAddr],
    tls: Option<Arc<ClientConfig>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Answer, DeliveryError> {
    let origin = url.origin().ascii_serialization();
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        DeliveryError::transient(format!("{origin}: {what}: {error}"))
    };
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.headers_mut() = headers;
    connection::address(&mut request, url).map_err(|error| failed("it cannot be asked for", &error))?;
    let stream = connection::open(url, addresses, tls)
        .await
        .map_err(|error| DeliveryError::transient(format!("{origin}: {error}")))?;
    exchange(stream, request).await.map_err(|error| failed("no answer", &error))
}

async fn exchange(stream: Stream, request: Request<Full<Bytes>>) -> hyper::Result<Answer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with this future, whether it is done or dropped.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await?;
    Ok(read(response).await)
}

/// The answer with the beginning of its body. What of it cannot be read does not matter: the status is there.
async fn read(response: Response<Incoming>) -> Answer {
    let (head, mut body) = response.into_parts();
    let mut text = Vec::new();
    if !head.status.is_success() {
        while text.len() < ANSWER_BYTES_MAX
            && let Some(Ok(frame)) = body.frame().await
        {
            text.extend(frame.data_ref().into_iter().flatten());
        }
    }
    text.truncate(ANSWER_BYTES_MAX);
    Answer { status: head.status, headers: head.headers, text: String::from_utf8_lossy(&text).into_owned() }
}
