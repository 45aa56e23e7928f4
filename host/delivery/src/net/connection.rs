//! A connection to an address that was looked at, and the request that goes over it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::header::{CONNECTION, HOST, HeaderValue};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Position, Url};

/// How long one address of several is tried.
const CONNECT: Duration = Duration::from_secs(3);

/// Bytes in both directions, within TLS or not.
pub(crate) type Stream = Box<dyn ReadWrite>;

pub(crate) trait ReadWrite: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> ReadWrite for T {}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("no connection: {0}")]
    Connection(io::Error),
    #[error("no TLS: {0}")]
    Tls(io::Error),
}

/// Connects to one of the `addresses` of the host of `url`.
pub(crate) async fn open(
    url: &Url,
    addresses: &[SocketAddr],
    tls: Option<Arc<ClientConfig>>,
) -> Result<Stream, ConnectError> {
    let stream = connect(addresses).await.map_err(ConnectError::Connection)?;
    let Some(config) = tls else { return Ok(Box::new(stream)) };
    let no_name = || ConnectError::Tls(io::Error::other("the host's name is none for TLS"));
    let name = server_name(url).ok_or_else(no_name)?;
    let stream = TlsConnector::from(config).connect(name, stream).await.map_err(ConnectError::Tls)?;
    Ok(Box::new(stream))
}

/// Makes `request` one for `url`, the only one of its connection.
pub(crate) fn address<B>(request: &mut Request<B>, url: &Url) -> Result<(), hyper::http::Error> {
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort])?;
    request.headers_mut().insert(HOST, host);
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    *request.uri_mut() = url[Position::BeforePath..Position::AfterQuery].parse()?;
    Ok(())
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
