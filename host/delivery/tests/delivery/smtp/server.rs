//! A small SMTP server: it keeps each email, and refuses what it is told to refuse.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// How the server behaves.
#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    /// With it the server can STARTTLS.
    pub(crate) starttls: Option<TlsAcceptor>,
    /// With it the server speaks TLS from the first byte.
    pub(crate) tls: Option<TlsAcceptor>,
    /// The only login that is taken, as user and password; without it the server asks for none.
    pub(crate) login: Option<(&'static str, &'static str)>,
    /// Answers in place of the usual ones, by the beginning of the command; an empty one is no answer at all.
    pub(crate) answers: &'static [(&'static str, &'static str)],
    /// Whether it takes addresses outside ASCII.
    pub(crate) smtputf8: bool,
}

/// An email that was taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
    pub(crate) secured: bool,
    pub(crate) user: Option<String>,
}

#[derive(Default)]
struct Log {
    taken: Vec<Taken>,
    lines: Vec<String>,
}

/// A running server. It ends when it is dropped.
pub(crate) struct SmtpServer {
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Log>>,
    serving: JoinHandle<()>,
}

impl SmtpServer {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log: Arc<Mutex<Log>> = Arc::default();
        let kept = Arc::clone(&log);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (behaviour, log) = (behaviour.clone(), Arc::clone(&kept));
                tokio::spawn(async move {
                    let mut session = Session { behaviour, log, email: Taken::default() };
                    let Some(tls) = session.behaviour.tls.clone() else {
                        if let Some(stream) = session.talk(stream, true).await
                            && let Some(tls) = session.behaviour.starttls.take()
                            && let Ok(stream) = tls.accept(stream).await
                        {
                            session.email.secured = true;
                            session.talk(stream, false).await;
                        }
                        return;
                    };
                    if let Ok(stream) = tls.accept(stream).await {
                        session.email.secured = true;
                        session.talk(stream, true).await;
                    }
                });
            }
        });
        Self { address, log, serving }
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.log.lock().unwrap().taken.clone()
    }

    /// Every command that came, one a line.
    pub(crate) fn heard(&self) -> String {
        self.log.lock().unwrap().lines.join("\n")
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Session {
    behaviour: Behaviour,
    log: Arc<Mutex<Log>>,
    email: Taken,
}

impl Session {
    /// Talks until the client goes, or wants TLS: then the stream is given back.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: S, greet: bool) -> Option<S> {
        let mut stream = BufReader::new(stream);
        if greet {
            let greeting = self.instead("CONNECT").unwrap_or("220 ready");
            self.say(&mut stream, greeting).await?;
        }
        loop {
            let line = self.hear(&mut stream).await?;
            let upper = line.to_ascii_uppercase();
            if let Some(answer) = self.instead(&upper) {
                self.say(&mut stream, answer).await?;
                continue;
            }
            if upper == "STARTTLS" && self.behaviour.starttls.is_some() {
                self.say(&mut stream, "220 go ahead").await?;
                return Some(stream.into_inner());
            }
            let answer = if upper.starts_with("EHLO") {
                self.abilities()
            } else if let Some(word) = line.strip_prefix("AUTH PLAIN ") {
                self.login(word)
            } else if upper.starts_with("MAIL FROM:") {
                self.email.from = address(&line);
                match (self.behaviour.login, &self.email.user) {
                    (Some(_), None) => "530 5.7.0 authentication required".into(),
                    _ => "250 ok".into(),
                }
            } else if upper.starts_with("RCPT TO:") {
                self.email.to.push(address(&line));
                "250 ok".into()
            } else if upper == "DATA" {
                self.say(&mut stream, "354 go on").await?;
                self.email.text = self.data(&mut stream).await?;
                let answer = self.instead("THE DATA").unwrap_or("250 taken");
                if answer.starts_with('2') {
                    self.log.lock().unwrap().taken.push(self.email.clone());
                }
                answer.into()
            } else if upper == "QUIT" {
                self.say(&mut stream, "221 bye").await?;
                return None;
            } else {
                "502 what".into()
            };
            self.say(&mut stream, &answer).await?;
        }
    }

    fn instead(&self, command: &str) -> Option<&'static str> {
        self.behaviour.answers.iter().find(|(begin, _)| command.starts_with(begin)).map(|(_, answer)| *answer)
    }

    fn abilities(&self) -> String {
        let mut lines = vec!["mail.example"];
        if self.behaviour.starttls.is_some() && !self.email.secured {
            lines.push("STARTTLS");
        }
        if self.behaviour.login.is_some() && (self.email.secured || self.behaviour.starttls.is_none()) {
            lines.push("AUTH PLAIN");
        }
        if self.behaviour.smtputf8 {
            lines.push("SMTPUTF8");
        }
        lines.push("8BITMIME");
        let last = lines.len() - 1;
        let mark =
            |(number, line): (usize, &str)| format!("250{}{line}", if number == last { " " } else { "-" });
        lines.into_iter().enumerate().map(mark).collect::<Vec<_>>().join("\r\n")
    }

    fn login(&mut self, word: &str) -> String {
        use base64::Engine as _;

        let given = base64::engine::general_purpose::STANDARD.decode(word).unwrap();
        match self.behaviour.login {
            Some((user, password)) if given == format!("\0{user}\0{password}").into_bytes() => {
                self.email.user = Some(user.into());
                "235 welcome".into()
            }
            // A server that repeats what it was given, as some do.
            _ => format!("535 5.7.8 no such login: {word} is {:?}", String::from_utf8_lossy(&given)),
        }
    }

    async fn data<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut BufReader<S>) -> Option<String> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if line == ".\r\n" {
                return Some(text);
            }
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
        }
    }

    async fn hear<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: &mut BufReader<S>) -> Option<String> {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        self.log.lock().unwrap().lines.push(line.clone());
        Some(line)
    }

    async fn say<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        answer: &str,
    ) -> Option<()> {
        if answer.is_empty() {
            return std::future::pending().await;
        }
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        stream.flush().await.ok()
    }
}

/// What is between the angle brackets.
fn address(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}
