//! Email against a server on this machine.

mod server;

use std::time::Duration;

use longshore_delivery::{SecretSource, SmtpLogin, SmtpOptions, SmtpSecurity, SmtpSink};
use longshore_domain::{DeliveryError, MessageSink as _};

use self::server::{Behaviour, SmtpServer};
use crate::kit::{Certificate, NOW, message};

/// A server that takes mail without TLS and without a login, but for these answers; and what a delivery comes to.
async fn answered(answers: &'static [(&'static str, &'static str)]) -> Result<(), DeliveryError> {
    let server = SmtpServer::start(Behaviour { answers, ..Behaviour::default() }).await;
    let sent = SmtpSink::new(plain(&server)).unwrap().deliver(&message(), NOW).await;
    assert_eq!(server.taken().len(), usize::from(sent.is_ok()));
    sent
}

fn plain(server: &SmtpServer) -> SmtpOptions {
    SmtpOptions {
        host: "localhost".into(),
        port: server.address.port(),
        security: SmtpSecurity::None,
        login: None,
        from: "Shop <shop@example.com>".into(),
        ca_file: None,
    }
}

fn login(certificate: &Certificate, password: &str) -> SmtpLogin {
    let password = SecretSource::File(certificate.file("password", password));
    SmtpLogin { username: "shop".into(), password }
}

#[tokio::test]
async fn a_message_is_one_email() {
    let server = SmtpServer::start(Behaviour::default()).await;
    let (sink, message) = (SmtpSink::new(plain(&server)).unwrap(), message());
    for _ in 0..2 {
        sink.deliver(&message, NOW).await.unwrap();
    }
    let taken = server.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].text, taken[1].text, "each try sends the same bytes");
    assert_eq!(
        (taken[0].from.as_str(), &taken[0].to[..]),
        ("shop@example.com", &["orders@supplier.example".into()][..])
    );
    assert!(
        taken[0].text.contains(&format!("Message-ID: <{}@example.com>\r\n", message.id)),
        "{}",
        taken[0].text
    );
}

#[tokio::test]
async fn the_login_goes_through_tls_only() {
    let certificate = Certificate::new();
    let starttls = Behaviour {
        starttls: Some(certificate.acceptor.clone()),
        login: Some(("shop", "hunter2")),
        ..Behaviour::default()
    };
    let tls = Behaviour { tls: starttls.starttls.clone(), starttls: None, ..starttls.clone() };
    for (behaviour, security) in [(starttls, SmtpSecurity::StartTls), (tls, SmtpSecurity::Tls)] {
        let server = SmtpServer::start(behaviour).await;
        let options = SmtpOptions {
            security,
            login: Some(login(&certificate, "hunter2\n")),
            ca_file: Some(certificate.ca_file()),
            ..plain(&server)
        };
        SmtpSink::new(options).unwrap().deliver(&message(), NOW).await.unwrap();
        let taken = server.taken().remove(0);
        assert_eq!((taken.secured, taken.user.as_deref()), (true, Some("shop")));
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_nothing() {
    let certificate = Certificate::new();
    let server =
        SmtpServer::start(Behaviour { login: Some(("shop", "hunter2")), ..Behaviour::default() }).await;
    let options = SmtpOptions {
        security: SmtpSecurity::StartTls,
        login: Some(login(&certificate, "hunter2")),
        ca_file: Some(certificate.ca_file()),
        ..plain(&server)
    };
    let error = SmtpSink::new(options).unwrap().deliver(&message(), NOW).await.unwrap_err();
    assert!(error.retryable && error.message.contains("STARTTLS"), "{error}");
    let heard = server.heard();
    assert!(!heard.contains("AUTH") && !heard.contains("MAIL"), "{heard}");
}

#[tokio::test]
async fn a_stranger_gets_nothing() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let behaviour = Behaviour { starttls: Some(certificate.acceptor.clone()), ..Behaviour::default() };
    let server = SmtpServer::start(behaviour).await;
    let options =
        SmtpOptions { security: SmtpSecurity::StartTls, ca_file: Some(other.ca_file()), ..plain(&server) };
    let error = SmtpSink::new(options).unwrap().deliver(&message(), NOW).await.unwrap_err();
    assert!(error.retryable, "{error}");
    assert!(server.taken().is_empty() && !server.heard().contains("MAIL"));
}

#[tokio::test]
async fn a_refused_login_is_tried_again_and_told_without_the_password() {
    let certificate = Certificate::new();
    let server =
        SmtpServer::start(Behaviour { login: Some(("shop", "hunter2")), ..Behaviour::default() }).await;
    let options = SmtpOptions { login: Some(login(&certificate, "wr0ng-password")), ..plain(&server) };
    let sink = SmtpSink::new(options).unwrap();
    let error = sink.deliver(&message(), NOW).await.unwrap_err();
    assert!(error.retryable && error.message.contains("535"), "{error}");
    assert!(!error.message.contains("wr0ng") && !error.message.contains("AHNob3A"), "{error}");
    // The password is read for each try: once it is right, mail goes out.
    certificate.file("password", "hunter2");
    sink.deliver(&message(), NOW).await.unwrap();
}

#[tokio::test]
async fn what_will_never_go_is_told_from_what_may_go_later() {
    for answers in [
        &[("RCPT", "550 5.1.1 no such user")],
        &[("THE DATA", "554 5.7.1 spam")],
        &[("MAIL", "553 5.1.8 not from you")],
    ] {
        let error = answered(answers).await.unwrap_err();
        assert!(!error.retryable && error.message.contains(&answers[0].1[10..]), "{error}");
    }
    for answers in [
        &[("CONNECT", "421 too busy")],
        &[("RCPT", "451 4.7.1 try again later")],
        &[("THE DATA", "452 4.3.1 disk full")],
        &[("MAIL", "530 5.7.0 log in first")],
        &[("CONNECT", "what is this")],
    ] {
        let error = answered(answers).await.unwrap_err();
        assert!(error.retryable, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_can_be_left() {
    let slow: &[(&str, &str)] = &[("DATA", "")];
    let server = SmtpServer::start(Behaviour { answers: slow, ..Behaviour::default() }).await;
    let sink = SmtpSink::new(plain(&server)).unwrap();
    let message = message();
    let delivery = sink.deliver(&message, NOW);
    assert!(tokio::time::timeout(Duration::from_millis(200), delivery).await.is_err());
    assert!(server.heard().contains("DATA") && server.taken().is_empty());
}

#[tokio::test]
async fn a_domain_outside_ascii_goes_to_any_server_as_its_a_label() {
    let server = SmtpServer::start(Behaviour::default()).await;
    let options = SmtpOptions { from: "Büro <shop@büro.example>".into(), ..plain(&server) };
    let mut message = message();
    message.message.recipient = "Ravi <ravi@bücher.example>".into();
    SmtpSink::new(options).unwrap().deliver(&message, NOW).await.unwrap();
    let taken = server.taken().remove(0);
    assert_eq!(taken.from, "shop@xn--bro-hoa.example");
    assert_eq!(taken.to, ["ravi@xn--bcher-kva.example"]);
    assert!(!server.heard().contains("SMTPUTF8"), "{}", server.heard());
}

#[tokio::test]
async fn an_address_that_the_server_cannot_take_fails_at_once() {
    let mut message = message();
    message.message.recipient = "rävi@supplier.example".into();
    let server = SmtpServer::start(Behaviour::default()).await;
    let error = SmtpSink::new(plain(&server)).unwrap().deliver(&message, NOW).await.unwrap_err();
    assert!(!error.retryable, "{error}");
    assert!(error.message.contains("SMTPUTF8") && error.message.contains("rävi@supplier.example"), "{error}");
    assert!(server.taken().is_empty() && !server.heard().contains("MAIL"));

    let able = SmtpServer::start(Behaviour { smtputf8: true, ..Behaviour::default() }).await;
    SmtpSink::new(plain(&able)).unwrap().deliver(&message, NOW).await.unwrap();
    assert_eq!(able.taken()[0].to, ["rävi@supplier.example"]);
}

#[tokio::test]
async fn what_is_no_address_is_known_before_anything_is_sent() {
    let server = SmtpServer::start(Behaviour::default()).await;
    let sink = SmtpSink::new(plain(&server)).unwrap();
    for good in ["a@example.com", "Ann <a@example.com>", "ann@bücher.example", "änn@example.com"] {
        sink.accepts(good).unwrap();
    }
    for bad in
        ["", "nobody", "a@", "@example.com", "a@b@c", "a@example.com, b@example.com", "a b@example.com"]
    {
        let refused = sink.accepts(bad).unwrap_err();
        assert!(!refused.retryable && refused.message.contains(&format!("{bad:?}")), "{refused}");
    }
}
