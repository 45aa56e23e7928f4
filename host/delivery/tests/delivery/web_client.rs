//! Calls of jobs against a server on this machine.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use longshore_delivery::WebClient;
use longshore_domain::{HttpBody, HttpCall, HttpClient as _, HttpFailure, HttpFailureKind};
use url::Url;

use crate::http::HttpServer;
use crate::kit::Certificate;

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn call(url: &str, body: &'static str) -> HttpCall {
    let body = Full::new(Bytes::from_static(body.as_bytes())).map_err(|never| match never {}).boxed_unsync();
    let request =
        Request::post("https://elsewhere.test/other").header("host", "elsewhere.test").body(body).unwrap();
    HttpCall { url: Url::parse(url).unwrap(), request, allow_private: true }
}

async fn send(url: &str) -> Result<Response<HttpBody>, HttpFailure> {
    WebClient::default().send(call(url, "orders")).await
}

async fn text(answer: Response<HttpBody>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
}

#[tokio::test]
async fn what_was_looked_at_is_what_is_called() {
    let server = HttpServer::start(Some(HELLO), None).await;
    let answer = send(&format!("http://{}/v1/orders?city=Delhi", server.address)).await.unwrap();
    assert_eq!((answer.status().as_u16(), text(answer).await.as_str()), (200, "hello"));
    let request = server.received().remove(0);
    assert_eq!(
        (request.line.as_str(), request.body.as_slice()),
        ("POST /v1/orders?city=Delhi HTTP/1.1", &b"orders"[..])
    );
    assert_eq!(request.headers["host"], server.address.to_string());
    assert!(request.headers["user-agent"].starts_with("Longshore/"));
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let elsewhere = HttpServer::start(Some(HELLO), None).await;
    let answer = format!("HTTP/1.1 302 Found\r\nLocation: http://{}/\r\n\r\n", elsewhere.address);
    let server = HttpServer::start(Some(&answer), None).await;
    assert_eq!(send(&format!("http://{}/", server.address)).await.unwrap().status().as_u16(), 302);
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn nothing_private_is_called_unless_the_operator_says_so() {
    let server = HttpServer::start(Some(HELLO), None).await;
    for url in ["http://localhost", "https://localhost", "https://127.0.0.1", "http://[::ffff:127.0.0.1]"] {
        let url = format!("{url}:{}/", server.address.port());
        let careful = HttpCall { allow_private: false, ..call(&url, "") };
        let failure = WebClient::default().send(careful).await.unwrap_err();
        assert_eq!(failure.kind, HttpFailureKind::Prohibited, "{failure}");
        assert!(failure.message.contains("allow_private"), "{failure}");
    }
    let failure = send("http://8.8.8.8/").await.unwrap_err();
    assert!(failure.kind == HttpFailureKind::Prohibited && failure.message.contains("https"), "{failure}");
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn the_certificate_of_the_server_is_checked() {
    let certificate = Certificate::new();
    let server = HttpServer::start(Some(HELLO), Some(certificate.acceptor.clone())).await;
    let url = |host: &str| format!("https://{host}:{}/", server.address.port());
    let trusting = WebClient::new(Some(certificate.ca_file()));
    let answer = trusting.send(call(&url("localhost"), "")).await.unwrap();
    assert_eq!(text(answer).await, "hello");
    let other_name = trusting.send(call(&url("127.0.0.1"), "")).await.unwrap_err();
    let other = Certificate::new();
    let stranger = WebClient::new(Some(other.ca_file()));
    let stranger = stranger.send(call(&url("localhost"), "")).await.unwrap_err();
    for failure in [other_name, stranger] {
        assert_eq!(failure.kind, HttpFailureKind::Tls, "{failure}");
    }
    let missing =
        WebClient::new(Some("/no/such.pem".into())).send(call(&url("localhost"), "")).await.unwrap_err();
    assert_eq!(missing.kind, HttpFailureKind::Configuration, "{missing}");
    assert_eq!(server.received().len(), 1, "nothing was sent without trust");
}

#[tokio::test]
async fn what_goes_wrong_says_where() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(send(&nobody).await.unwrap_err().kind, HttpFailureKind::NoConnection);
    assert_eq!(send("http://name.invalid/").await.unwrap_err().kind, HttpFailureKind::NotFound);
    for answer in ["", "no HTTP at all\r\n\r\n"] {
        let server = HttpServer::start(Some(answer), None).await;
        let failure = send(&format!("http://{}/", server.address)).await.unwrap_err();
        assert_eq!(failure.kind, HttpFailureKind::NoAnswer, "{failure}");
    }
}

#[tokio::test]
async fn the_head_of_an_answer_is_bounded() {
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1_000_000));
    let server = HttpServer::start(Some(&endless), None).await;
    let failure = send(&format!("http://{}/", server.address)).await.unwrap_err();
    assert_eq!(failure.kind, HttpFailureKind::NoAnswer, "{failure}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_whole_answer() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello";
    let server = HttpServer::start(Some(cut), None).await;
    let answer = send(&format!("http://{}/", server.address)).await.unwrap();
    assert!(answer.into_body().collect().await.is_err());
}
