//! A receiver of webhooks: one request a connection. It checks what a careful receiver checks.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::desk::{Answer, Desk};
use super::received::{Delivery, Kind};

/// Headers of a request at most.
const HEADERS_MAX: usize = 32;

/// How old a signature may be, or how far ahead, as the libraries of Standard Webhooks have it.
const SIGNATURE_AGE_MAX: Duration = Duration::from_mins(5);

/// Headers that name the try and not the message.
const OF_A_TRY: [&str; 2] = ["webhook-timestamp", "webhook-signature"];

/// A request as it came.
struct Request {
    path: String,
    /// By names in small letters.
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Serves a connection.
pub(super) fn serve(mut stream: TcpStream, desk: &Desk) -> io::Result<()> {
    let Some(visit) = desk.visit(&mut stream)? else { return Ok(()) };
    let Some(request) = read(&mut stream)? else { return Ok(()) };
    let answer = visit.arrived(&mut stream, delivery(request, desk)?);
    let status = match answer {
        Answer::Taken => "200 OK",
        Answer::Later => "503 Service Unavailable",
        Answer::Nothing => return Ok(()),
    };
    stream.write_all(
        format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    if answer == Answer::Taken {
        visit.answered();
    }
    Ok(())
}

/// Reads a request. None when the sender went away before its end.
fn read(stream: &mut TcpStream) -> io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let (mut request, begin) = loop {
        if let Some(head) = head(&bytes)? {
            break head;
        }
        if !read_more(stream, &mut bytes)? {
            return Ok(None);
        }
    };
    let length = request.headers.get("content-length").and_then(|length| length.parse::<usize>().ok());
    let length = length.ok_or_else(|| wrong(format!("a webhook to {} has no length", request.path)))?;
    while bytes.len() < begin + length {
        if !read_more(stream, &mut bytes)? {
            return Ok(None);
        }
    }
    request.body = bytes.split_off(begin);
    Ok(Some(request))
}

/// A request without its body, and where that begins, once all before it is there.
fn head(bytes: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let parsed = request.parse(bytes).map_err(|error| wrong(format!("what came is no request: {error}")))?;
    let httparse::Status::Complete(begin) = parsed else { return Ok(None) };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let path = request.path.unwrap_or_default().to_owned();
    let headers = request.headers.iter();
    let headers = headers.map(|header| (header.name.to_ascii_lowercase(), text(header.value))).collect();
    Ok(Some((Request { path, headers, body: Vec::new() }, begin)))
}

/// Reads what is there. Says whether there can be more.
fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut more = [0; 4_096];
    let count = stream.read(&mut more)?;
    bytes.extend_from_slice(&more[..count]);
    Ok(count > 0)
}

/// The message in a request whose signature is right.
fn delivery(request: Request, desk: &Desk) -> io::Result<Delivery> {
    let Request { path, mut headers, body } = request;
    let [timestamp, signature] = OF_A_TRY.map(|name| headers.remove(name).unwrap_or_default());
    let id = headers.get("webhook-id").cloned().unwrap_or_default();
    if id.is_empty() || !desk.secret.has_signed(&signature, &id, &timestamp, &body) {
        return Err(wrong(format!("the webhook {id:?} to {path} is not signed: {signature:?}")));
    }
    let signed_at = UNIX_EPOCH + Duration::from_secs(timestamp.parse().map_err(|_| wrong(timestamp))?);
    let now = SystemTime::now();
    let age = now.duration_since(signed_at).or_else(|_| signed_at.duration_since(now)).unwrap_or_default();
    if age > SIGNATURE_AGE_MAX {
        return Err(wrong(format!("the signature of the webhook {id} is {age:?} from now")));
    }
    headers.insert("path".into(), path);
    Ok(Delivery { kind: Kind::Webhook, id, envelope: headers, content: body })
}

fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
