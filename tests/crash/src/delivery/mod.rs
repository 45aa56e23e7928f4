//! Deliveries to real receivers, which live across the kills: a mail server and a receiver of webhooks. They note what they
//! have taken, make trouble as networks and servers do, and kill who delivers at the moments at which only they know what has
//! happened.

mod conduct;
mod content;
mod desk;
mod http;
pub(crate) mod outlets;
pub(crate) mod peer;
mod received;
mod server;
mod signature;
mod smtp;
mod verify;

use std::sync::Arc;

use anyhow::Result;
use fastrand::Rng;

use self::conduct::Conduct;
pub(crate) use self::conduct::Moment;
use self::desk::Desk;
use self::outlets::Outlets;
use self::received::Received;
use self::server::Server;
use self::signature::Secret;
pub(crate) use self::verify::verify;
use crate::process::Processes;

/// The receivers of a campaign.
pub(crate) struct Receivers {
    desk: Arc<Desk>,
    http: Server,
    smtp: Server,
}

impl Receivers {
    /// Starts them. How they treat deliveries is drawn; those whom they kill are among `processes`.
    pub(crate) fn start(mut rng: Rng, processes: Arc<Processes>) -> Result<Self> {
        let mut secret = [0; 32];
        rng.fill(&mut secret);
        Self::with(Desk::new(Secret(secret), processes, move || Conduct::draw(&mut rng)))
    }

    fn with(desk: Desk) -> Result<Self> {
        let desk = Arc::new(desk);
        let http = Server::start(http::serve, Arc::clone(&desk))?;
        let smtp = Server::start(smtp::serve, Arc::clone(&desk))?;
        Ok(Self { desk, http, smtp })
    }

    /// Where they are.
    pub(crate) fn outlets(&self) -> Outlets {
        let Self { desk, http, smtp } = self;
        Outlets { smtp: smtp.port(), http: http.port(), secret: desk.secret.clone() }
    }

    /// From now on everything is taken at once.
    pub(crate) fn calm(&self) {
        self.desk.calm();
    }

    /// All that was taken since the last time. Nobody may be sending any more.
    pub(crate) fn empty(&self) -> Received {
        self.http.rest();
        self.smtp.rest();
        self.desk.empty()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, TcpStream};
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    const SECRET: Secret = Secret([7; 32]);

    fn receivers(conducts: Vec<Conduct>, processes: &Arc<Processes>) -> Receivers {
        let mut conducts = conducts.into_iter();
        let draw = move || conducts.next().unwrap_or(Conduct::Take);
        Receivers::with(Desk::new(SECRET, Arc::clone(processes), draw)).unwrap()
    }

    /// Says all of it at once, and gives all that is answered.
    fn say(port: u16, what: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(what.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn webhook(body: &str, signed: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
        let signature = SECRET.sign("m-1", &now, signed.as_bytes());
        format!(
            "POST /messages HTTP/1.1\r\nWebhook-Id: m-1\r\nWebhook-Timestamp: {now}\r\n\
             Webhook-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    const MAIL: &str = "EHLO here\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n\
        Message-ID: <m-1@example.com>\r\n\r\n..one\r\n.\r\nQUIT\r\n";

    const CONDUCTS: [Conduct; 4] =
        [Conduct::Refuse, Conduct::HangUp, Conduct::TakeAndHangUp, Conduct::TakeLate];

    #[test]
    fn a_webhook_is_taken_once_or_again_as_its_receiver_behaves() {
        let receivers = receivers(CONDUCTS.to_vec(), &Arc::default());
        let post = || say(receivers.outlets().http, &webhook("{}", "{}"));
        let answers: Vec<String> = (0..5).map(|_| post().chars().take(12).collect()).collect();
        assert_eq!(answers, ["HTTP/1.1 503", "", "", "", "HTTP/1.1 200"]);
        let received = receivers.empty();
        assert_eq!(received.problems, [""; 0]);
        assert_eq!((received.by_id["m-1"].count, &*received.by_id["m-1"].first.content), (3, &b"{}"[..]));
        assert!(receivers.empty().by_id.is_empty());
    }

    #[test]
    fn a_mail_is_taken_once_or_again_as_its_receiver_behaves() {
        let receivers = receivers(CONDUCTS.to_vec(), &Arc::default());
        let last = |_| say(receivers.outlets().smtp, MAIL).lines().rev().nth(1).unwrap().to_owned();
        let answers: Vec<String> = (0..5).map(last).collect();
        assert_eq!(answers, ["451 later", "250 go on", "250 go on", "250 go on", "250 taken"]);
        let received = receivers.empty();
        assert_eq!(received.problems, [""; 0]);
        let mail = &received.by_id["m-1"];
        assert_eq!((mail.count, &mail.first.envelope["to"]), (3, &"b@example.com".to_owned()));
        assert!(mail.first.content.ends_with(b"\r\n\r\n.one\r\n"));
    }

    #[test]
    fn a_webhook_that_is_not_signed_is_a_problem() {
        let receivers = receivers(Vec::new(), &Arc::default());
        assert_eq!(say(receivers.outlets().http, &webhook("{}", "[]")), "");
        let received = receivers.empty();
        assert!(received.by_id.is_empty() && received.problems[0].contains("not signed"));
    }

    #[test]
    fn the_process_that_delivers_is_killed_and_no_other() {
        let processes = Arc::new(Processes::default());
        let receivers = receivers(vec![Conduct::Kill(Moment::Taken); 2], &processes);
        let port = receivers.outlets().http;
        let deliver = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; printf %s \"$0\" >&3; read -u 3");
        let bystander = processes.add(Command::new("sleep").arg("60").spawn().unwrap());
        let sender = Command::new("bash").args(["-c", &deliver, &webhook("{}", "{}")]).spawn().unwrap();
        let sender = processes.add(sender);
        let status = loop {
            if let Some(status) = sender.try_wait().unwrap() {
                break status;
            }
            std::thread::yield_now();
        };
        assert_eq!((status.signal(), sender.killed_at()), (Some(9), Some(Moment::Taken)));
        assert_eq!((bystander.try_wait().unwrap(), bystander.killed_at()), (None, None));
        // Nobody is killed who is not of the campaign.
        assert!(say(port, &webhook("{}", "{}")).starts_with("HTTP/1.1 200"));
        assert_eq!(receivers.empty().by_id["m-1"].count, 2);
        bystander.kill();
    }
}
