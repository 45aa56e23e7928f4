//! One HTTP request on a connection of its own, to an address that was looked at.
//!
//! There is nothing here to follow a redirect, to ask a proxy, or to use a connection again: what is called is what was
//! checked.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use longshore_domain::DeliveryError;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use url::{Host, Position, Url};

use super::answer::Answer;

/// How long one address of several is tried.
const CONNECT: Duration = Duration::from_secs(3);
/// Bytes of an answer that are read, to say what went wrong.
const ANSWER_BYTES_MAX: usize = 1_024;

/// Posts `body` and gives the answer.
pub(super) async fn post(
    url: &Url,
    addresses: &[SocketAddr],
    tls: Option<Arc<ClientConfig>>,
    mut headers: HeaderMap,
    body: Bytes,
) -> Result<Answer, DeliveryError> {
    let origin = url.origin().ascii_serialization();
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        DeliveryError::transient(format!("{origin}: {what}: {error}"))
    };
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort])
        .map_err(|error| failed("its name cannot be a header", &error))?;
    headers.insert(HOST, host);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url[Position::BeforePath..Position::AfterQuery]
        .parse()
        .map_err(|error| failed("its path cannot be asked for", &error))?;
    *request.headers_mut() = headers;

    let stream = connect(addresses).await.map_err(|error| failed("no connection", &error))?;
    let exchanged = match tls {
        None => exchange(stream, request).await,
        Some(config) => {
            let name = server_name(url).ok_or_else(|| failed("its name is none for TLS", &origin))?;
            let connector = TlsConnector::from(config);
            let stream = connector.connect(name, stream).await.map_err(|error| failed("no TLS", &error))?;
            exchange(stream, request).await
        }
    };
    exchanged.map_err(|error| failed("no answer", &error))
}

/// Connects to the first address that answers. The last one may take what time there is.
async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for (number, address) in addresses.iter().enumerate() {
        let connecting = TcpStream::connect(address);
        let connected = if number + 1 < addresses.len() {
            tokio::time::timeout(CONNECT, connecting).await.map_err(io::Error::from).flatten()
        } else {
            connecting.await
        };
        match connected {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

fn server_name(url: &Url) -> Option<ServerName<'static>> {
    match url.host()? {
        Host::Domain(name) => ServerName::try_from(name.to_owned()).ok(),
        Host::Ipv4(address) => Some(ServerName::IpAddress(address.into())),
        Host::Ipv6(address) => Some(ServerName::IpAddress(address.into())),
    }
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> hyper::Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
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
