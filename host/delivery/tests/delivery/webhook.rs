//! Webhooks against a server on this machine.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use longshore_delivery::{SecretSource, WebhookBody, WebhookOptions, WebhookSink, WebhookTarget};
use longshore_domain::{DeliveryError, MessageSink as _, OutboxMessage};
use serde_json::Value;

use crate::http::HttpServer;
use crate::kit::{Certificate, NOW, message};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn options(url: String, secret: PathBuf) -> WebhookOptions {
    WebhookOptions {
        target: WebhookTarget::Fixed(url),
        secret: SecretSource::File(secret),
        body: WebhookBody::Message,
        allow_private: true,
        ca_file: None,
        permanent_statuses: BTreeSet::new(),
    }
}

async fn deliver(options: WebhookOptions, message: &OutboxMessage) -> Result<(), DeliveryError> {
    WebhookSink::new(options).unwrap().deliver(message, NOW).await
}

/// What a delivery comes to that gets this answer.
async fn answered(answer: &str) -> Result<(), DeliveryError> {
    let files = Certificate::new();
    let server = HttpServer::start(Some(answer), None).await;
    let url = format!("http://{}/hook?token=hidden", server.address);
    let delivered = deliver(options(url, files.file("secret", SECRET)), &message()).await;
    assert_eq!(server.received().len(), 1);
    delivered
}

#[tokio::test]
async fn a_message_is_one_signed_post() {
    let files = Certificate::new();
    let server = HttpServer::start(Some("HTTP/1.1 204 No Content\r\n\r\n"), None).await;
    let url = format!("http://{}/hook?a=b", server.address);
    let (options, message) = (options(url, files.file("secret", &format!("{SECRET}\n"))), message());
    deliver(options.clone(), &message).await.unwrap();
    let request = server.received().remove(0);
    assert_eq!(request.line, "POST /hook?a=b HTTP/1.1");
    assert_eq!(request.body, message.message.body.as_bytes());
    let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
    assert_eq!(header("host"), server.address.to_string());
    assert_eq!(header("content-type"), "text/plain");
    assert_eq!(header("webhook-id"), message.id.to_string());
    assert_eq!(header("webhook-timestamp"), "1772323200");
    assert!(header("webhook-signature").starts_with("v1,"));
    assert!(header("user-agent").starts_with("Longshore/"));

    deliver(WebhookOptions { body: WebhookBody::Json, ..options }, &message).await.unwrap();
    let request = server.received().remove(1);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(
        (&body["recipient"], &body["subject"]),
        (&"orders@supplier.example".into(), &"Restock".into())
    );
}

#[tokio::test]
async fn the_certificate_of_the_receiver_is_checked() {
    let certificate = Certificate::new();
    let ok = Some("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let server = HttpServer::start(ok, Some(certificate.acceptor.clone())).await;
    let secret = certificate.file("secret", SECRET);
    let url = |host: &str| format!("https://{host}:{}/", server.address.port());
    let trusting =
        WebhookOptions { ca_file: Some(certificate.ca_file()), ..options(url("localhost"), secret.clone()) };
    deliver(trusting.clone(), &message()).await.unwrap();
    assert_eq!(server.received().len(), 1);

    let other_name = WebhookOptions { target: WebhookTarget::Fixed(url("127.0.0.1")), ..trusting.clone() };
    let error = deliver(other_name, &message()).await.unwrap_err();
    assert!(error.retryable && error.message.contains("no TLS"), "{error}");
    let other = Certificate::new();
    let stranger = WebhookOptions { ca_file: Some(other.ca_file()), ..trusting.clone() };
    assert!(deliver(stranger, &message()).await.unwrap_err().message.contains("no TLS"));
    let missing = WebhookOptions { ca_file: Some("/no/such.pem".into()), ..trusting };
    assert!(deliver(missing, &message()).await.unwrap_err().message.contains("/no/such.pem"));
    assert_eq!(server.received().len(), 1, "nothing was sent without trust");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = HttpServer::start(Some("HTTP/1.1 200 OK\r\n\r\n"), None).await;
    let answer =
        format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{}/\r\n\r\n", elsewhere.address);
    let error = answered(&answer).await.unwrap_err();
    assert!(error.retryable && error.message.contains("redirects are not followed"), "{error}");
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn the_answer_says_whether_and_when_to_try_again() {
    let gone = answered("HTTP/1.1 410 Gone\r\n\r\n").await.unwrap_err();
    assert!(!gone.retryable, "{gone}");
    for line in ["400 Bad Request", "401 Unauthorized", "404 Not Found", "422 Unprocessable", "500 Oops"] {
        let refused = answered(&format!("HTTP/1.1 {line}\r\n\r\n")).await.unwrap_err();
        assert!(refused.retryable, "{refused}");
    }
    let busy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 90\r\nContent-Length: 24\r\n\r\n/hook?token=hidden\nlater";
    let busy = answered(busy).await.unwrap_err();
    assert_eq!((busy.retryable, busy.retry_after), (true, Some(Duration::from_secs(90))));
    assert!(busy.message.contains("later") && !busy.message.contains("hidden"), "{busy}");
    let broken = answered("no HTTP at all\r\n\r\n").await.unwrap_err();
    assert!(broken.retryable && broken.message.contains("no answer"), "{broken}");
    let cut = answered("").await.unwrap_err();
    assert!(cut.retryable, "{cut}");
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let endless = format!("HTTP/1.1 500 Oops\r\nContent-Length: 99999999\r\n\r\n{}", "x".repeat(100_000));
    let files = Certificate::new();
    let server = HttpServer::start(Some(&endless), None).await;
    let url = format!("http://{}/", server.address);
    let error = deliver(options(url, files.file("secret", SECRET)), &message()).await.unwrap_err();
    assert!(error.message.len() < 1_000, "{} bytes", error.message.len());
}

#[tokio::test]
async fn nothing_private_is_called_unless_the_operator_says_so() {
    let files = Certificate::new();
    let server = HttpServer::start(Some("HTTP/1.1 200 OK\r\n\r\n"), None).await;
    for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        let url = format!("https://{host}:{}/", server.address.port());
        let careful = WebhookOptions { allow_private: false, ..options(url, files.file("secret", SECRET)) };
        let error = deliver(careful, &message()).await.unwrap_err();
        assert!(!error.retryable && error.message.contains("allow_private"), "{error}");
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_recipient_chooses_among_what_the_operator_named() {
    let files = Certificate::new();
    let server = HttpServer::start(Some("HTTP/1.1 200 OK\r\n\r\n"), None).await;
    let base = format!("http://{}", server.address);
    let options = WebhookOptions {
        target: WebhookTarget::Allowed(vec![format!("{base}/in")]),
        ..options(base.clone(), files.file("secret", SECRET))
    };
    let mut message = message();
    message.message.recipient = format!("{base}/in/7");
    deliver(options.clone(), &message).await.unwrap();
    assert_eq!(server.received()[0].line, "POST /in/7 HTTP/1.1");
    message.message.recipient = format!("{base}/admin");
    let error = deliver(options, &message).await.unwrap_err();
    assert!(!error.retryable && error.message.contains("allow_recipients"), "{error}");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn without_a_good_secret_nothing_is_sent() {
    let files = Certificate::new();
    let server = HttpServer::start(Some("HTTP/1.1 200 OK\r\n\r\n"), None).await;
    let url = format!("http://{}/", server.address);
    for secret in ["", "whsec_short", "not base64 at all"] {
        let error =
            deliver(options(url.clone(), files.file("secret", secret)), &message()).await.unwrap_err();
        assert!(error.retryable, "the operator can mend it: {error}");
        assert!(secret.is_empty() || !error.message.contains(secret), "{error}");
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn nobody_there_is_tried_again() {
    let files = Certificate::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = deliver(options(url, files.file("secret", SECRET)), &message()).await.unwrap_err();
    assert!(error.retryable && error.message.contains("no connection"), "{error}");
}
