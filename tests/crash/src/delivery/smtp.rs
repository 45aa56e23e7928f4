//! A mail server that takes what it is given, without TLS and without logins.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use mail_parser::MessageParser;
use smtp_proto::Request;
use smtp_proto::request::receiver::DataReceiver;

use super::desk::{Answer, Desk};
use super::received::{Delivery, Kind};

/// Serves a connection.
pub(super) fn serve(mut stream: TcpStream, desk: &Desk) -> io::Result<()> {
    let Some(visit) = desk.visit(&mut stream)? else { return Ok(()) };
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut envelope = BTreeMap::new();
    say(&mut stream, "220 receiver.example ESMTP")?;
    while let Some(line) = line(&mut lines)? {
        let answer = match Request::parse(&mut line.iter()) {
            Ok(Request::Ehlo { .. }) => "250-receiver.example\r\n250 8BITMIME",
            Ok(Request::Mail { from }) => {
                envelope = BTreeMap::from([("from".into(), from.address.into_owned())]);
                "250 go on"
            }
            Ok(Request::Rcpt { to }) => {
                envelope.insert("to".into(), to.address.into_owned());
                "250 go on"
            }
            Ok(Request::Data) => {
                say(&mut stream, "354 go on")?;
                let Some(content) = content(&mut lines)? else { return Ok(()) };
                let mail = delivery(std::mem::take(&mut envelope), content)?;
                match visit.arrived(&mut stream, mail) {
                    Answer::Taken => {
                        say(&mut stream, "250 taken")?;
                        visit.answered();
                        continue;
                    }
                    Answer::Later => "451 later",
                    Answer::Nothing => return Ok(()),
                }
            }
            Ok(Request::Rset) => {
                envelope.clear();
                "250 forgotten"
            }
            Ok(Request::Quit) => return say(&mut stream, "221 bye"),
            _ => "502 not here",
        };
        say(&mut stream, answer)?;
    }
    Ok(())
}

fn say(stream: &mut TcpStream, answer: &str) -> io::Result<()> {
    // In one piece, or the sender waits for the acknowledgement of the first.
    stream.write_all(format!("{answer}\r\n").as_bytes())
}

/// The next line with its end. None when the sender is gone.
fn line(lines: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    lines.read_until(b'\n', &mut line)?;
    Ok(line.ends_with(b"\n").then_some(line))
}

/// What follows on DATA, without the dots that were put in for the way.
fn content(lines: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let (mut receiver, mut content) = (DataReceiver::new(), Vec::new());
    while let Some(line) = line(lines)? {
        if receiver.ingest(&mut line.iter(), &mut content) {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

/// A mail as a delivery: the part of its Message-ID before the @ is the message's id.
fn delivery(envelope: BTreeMap<String, String>, content: Vec<u8>) -> io::Result<Delivery> {
    let parsed = MessageParser::default().parse(&content);
    let id = parsed.as_ref().and_then(|mail| mail.message_id()?.split_once('@'));
    let Some(id) = id.map(|(id, _)| id.to_owned()) else {
        let what = format!("a mail has no id: {}", String::from_utf8_lossy(&content));
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    };
    Ok(Delivery { kind: Kind::Mail, id, envelope, content })
}
