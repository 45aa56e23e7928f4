//! Calls of the web, as a job makes them and its policy bounds them. A real client is tested where it is, in `delivery`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt as _, Full};
use longshore_domain::{
    Code, HttpBody, HttpCall, HttpClient, HttpFailure, HttpFailureKind, RunReport, Secret, SecretError,
    Secrets,
};
use serde_json::{Value, json};

use crate::support::{Bed, assert_failure, completed, failed};

/// A web that remembers how it was called, and answers as it is told.
#[derive(Debug, Default)]
struct Web {
    calls: Mutex<Vec<(String, HeaderMap, usize)>>,
    answer_bytes: usize,
    fails: Option<HttpFailureKind>,
    hangs: bool,
    busy: AtomicUsize,
    /// Calls that were under way at once.
    most: AtomicUsize,
}

#[async_trait]
impl HttpClient for Web {
    async fn send(&self, call: HttpCall) -> Result<Response<HttpBody>, HttpFailure> {
        let (head, body) = call.request.into_parts();
        let sent = body.collect().await.map(|body| body.to_bytes().len());
        let shown = format!("{} {}", head.method, call.url);
        self.calls.lock().unwrap().push((shown, head.headers, sent.unwrap_or(0)));
        self.most.fetch_max(self.busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        self.busy.fetch_sub(1, Ordering::SeqCst);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        if let Some(kind) = self.fails {
            return Err(HttpFailure { kind, message: "nobody is at home".into() });
        }
        let body = Full::new(Bytes::from(vec![b'y'; self.answer_bytes])).map_err(|never| match never {});
        Ok(Response::new(body.boxed_unsync()))
    }
}

#[derive(Debug)]
struct Keys;

#[async_trait]
impl Secrets for Keys {
    fn names(&self) -> Vec<String> {
        vec!["crm_token".into(), "gone".into()]
    }

    async fn read(&self, name: &str) -> Result<Secret, SecretError> {
        match name {
            "crm_token" => Ok(Secret::new("hunter2hunter2")),
            name => Err(SecretError(format!("the secret {name:?} is not there"))),
        }
    }
}

fn bed(web: Web, grants: Value) -> (Bed, Arc<Web>) {
    let web = Arc::new(web);
    let mut bed = Bed::with(|_, options| {
        options.http = Arc::clone(&web) as Arc<dyn HttpClient>;
        options.secrets = Arc::new(Keys);
    });
    bed.policy.grants = serde_json::from_value(grants).unwrap();
    (bed, web)
}

/// A policy that lets a job read everything on `api.test`.
fn reading() -> Value {
    json!({"http": [{"url": "https://api.test/v1"}]})
}

fn call(path: &str) -> Value {
    json!({"scheme": "https", "authority": "api.test", "path": path})
}

async fn fetch(bed: &Bed, calls: Value) -> RunReport {
    bed.run("fetch", &json!({"calls": calls})).await
}

fn answers(report: &RunReport) -> Value {
    serde_json::from_str(&completed(report)).unwrap()
}

#[tokio::test]
async fn what_is_granted_is_called() {
    let (bed, web) = bed(Web { answer_bytes: 200_000, ..Web::default() }, reading());
    let answered = answers(&fetch(&bed, json!([call("/v1/orders?city=Delhi"), call("/v1/x/../y")])).await);
    assert_eq!((&answered[0]["status"], &answered[0]["bytes"]), (&json!(200), &json!(200_000)));
    let calls = web.calls.lock().unwrap();
    assert_eq!(calls[0].0, "GET https://api.test/v1/orders?city=Delhi");
    // What is compared is what is called.
    assert_eq!(calls[1].0, "GET https://api.test/v1/y");
}

#[tokio::test]
async fn what_is_not_granted_ends_the_attempt_with_the_line_to_add() {
    let post = json!({"method": "POST", "scheme": "https", "authority": "api.test", "path": "/v1/orders"});
    for (call, line) in [
        (post, "methods = [\"POST\"]"),
        (call("/v2/orders"), "{ url = \"https://api.test/v2/orders\", methods = [\"GET\"] }"),
        (call("/v1/../admin?key=s3cret"), "https://api.test/admin\""),
        (json!({"authority": "api.test", "path": "/v1"}), "allow_private = true"),
        (
            json!({"scheme": "https", "authority": "api.test@evil.test", "path": "/v1"}),
            "a user or a password",
        ),
        (json!({"scheme": "https", "authority": "169.254.169.254", "path": "/"}), "https://169.254.169.254/"),
        (
            json!({"method": "TRACE", "scheme": "https", "authority": "api.test", "path": "/v1"}),
            "nobody can grant it",
        ),
    ] {
        let (bed, web) = bed(Web::default(), reading());
        let failure = failed(fetch(&bed, json!([call])).await);
        assert_failure(&failure, Code::PermissionDenied, &[line]);
        assert!(!failure.message.contains("s3cret"), "{failure:?}");
        assert!(web.calls.lock().unwrap().is_empty(), "{call}");
    }
}

#[tokio::test]
async fn a_job_without_any_grant_calls_nobody() {
    let (bed, _) = bed(Web::default(), json!({}));
    let failure = failed(fetch(&bed, json!([call("/v1")])).await);
    let line = "write `http = [{ url = \"https://api.test/v1\", methods = [\"GET\"] }]` under [grants] in fetch.toml";
    assert_failure(&failure, Code::PermissionDenied, &["GET https://api.test/v1", line]);
}

#[tokio::test]
async fn the_host_sets_headers_that_the_job_does_not_see() {
    let headers = json!({"authorization": "Bearer {crm_token}", "x-from": "longshore"});
    let (bed, web) = bed(Web::default(), json!({"http": [{"url": "https://api.test", "headers": headers}]}));
    let forged = json!({
        "scheme": "https", "authority": "api.test", "path": "/",
        "headers": {"Authorization": "Bearer mine", "accept": "text/csv"},
    });
    completed(&fetch(&bed, json!([forged])).await);
    let calls = web.calls.lock().unwrap();
    let header =
        |name: &str| calls[0].1.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(header("authorization"), ["Bearer hunter2hunter2"]);
    assert_eq!((header("x-from"), header("accept")), (vec!["longshore"], vec!["text/csv"]));
}

#[tokio::test]
async fn a_header_whose_secret_is_not_there_sends_nothing() {
    let headers = json!({"authorization": "Bearer {gone}"});
    let (bed, web) = bed(Web::default(), json!({"http": [{"url": "https://api.test", "headers": headers}]}));
    let answered = answers(&fetch(&bed, json!([call("/")])).await);
    assert_eq!(answered[0]["error"], "ErrorCode::ConfigurationError");
    assert!(bed.log()[0].contains("the secret \"gone\" is not there"), "{:?}", bed.log());
    assert!(web.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn headers_of_the_connection_are_the_hosts() {
    for name in ["Host", "Connection", "Transfer-Encoding", "Proxy-Authorization"] {
        let (bed, web) = bed(Web::default(), reading());
        let mut call = call("/v1");
        call["headers"] = json!({name: "x"});
        let answered = answers(&fetch(&bed, json!([call])).await);
        assert_eq!(answered[0]["error"], "header: HeaderError::Forbidden", "{name}");
        assert!(web.calls.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn limits_name_themselves() {
    let (mut bed, _) = bed(Web { answer_bytes: 1_001, ..Web::default() }, reading());
    bed.policy.limits.http_response_bytes_max = 1_000;
    let failure = failed(fetch(&bed, json!([call("/v1")])).await);
    assert_failure(&failure, Code::LimitExceeded, &["1000", "limits.http_response_bytes_max in fetch.toml"]);

    bed.policy.limits.http_response_bytes_max = 2_000;
    bed.policy.limits.http_requests_max = 2;
    let failure = failed(fetch(&bed, json!([call("/v1"), call("/v1"), call("/v1")])).await);
    assert_failure(&failure, Code::LimitExceeded, &["2", "limits.http_requests_max in fetch.toml"]);
}

#[tokio::test]
async fn a_request_has_so_many_bytes() {
    let grants = json!({"http": [{"url": "https://api.test", "methods": ["POST"]}]});
    let (mut bed, web) = bed(Web::default(), grants);
    bed.policy.limits.http_request_bytes_max = 100_000;
    let post = |bytes: usize| json!({"method": "POST", "scheme": "https", "authority": "api.test", "path": "/", "send_bytes": bytes});
    completed(&fetch(&bed, json!([post(100_000)])).await);
    assert_eq!(web.calls.lock().unwrap()[0].2, 100_000);
    let failure = failed(fetch(&bed, json!([post(1_000_000)])).await);
    assert_failure(&failure, Code::LimitExceeded, &["100000", "limits.http_request_bytes_max in fetch.toml"]);
}

#[tokio::test]
async fn a_call_that_takes_too_long_ends_and_the_job_goes_on() {
    let (mut bed, _) = bed(Web { hangs: true, ..Web::default() }, reading());
    bed.policy.limits.http_timeout_ms = 50;
    let answered = answers(&fetch(&bed, json!([call("/v1")])).await);
    assert_eq!(answered[0]["error"], "ErrorCode::HttpResponseTimeout");
    assert!(bed.log()[0].contains("50 (limits.http_timeout_ms in fetch.toml)"), "{:?}", bed.log());

    bed.policy.limits.http_timeout_ms = 60_000;
    let mut patient = call("/v1");
    patient["first_byte_ms"] = json!(50);
    let answered = answers(&fetch(&bed, json!([patient])).await);
    assert_eq!(answered[0]["error"], "ErrorCode::HttpResponseTimeout");
}

#[tokio::test]
async fn calls_wait_for_their_turn() {
    for (at_once, most) in [(1, 1), (2, 2), (16, 3)] {
        let (mut bed, web) = bed(Web::default(), reading());
        bed.policy.limits.http_in_flight_max = at_once;
        let input = json!({"calls": [call("/v1/a"), call("/v1/b"), call("/v1/c")], "at_once": true});
        let answered = answers(&bed.run("fetch", &input).await);
        assert!(answered.as_array().unwrap().iter().all(|answer| answer["status"] == 200), "{answered}");
        assert_eq!(web.most.load(Ordering::SeqCst), most);
    }
}

#[tokio::test]
async fn a_job_that_does_not_bear_a_refusal_is_still_told_why() {
    let (bed, _) = bed(Web::default(), reading());
    let mut refused = call("/v2");
    refused["or_panic"] = json!(true);
    let failure = failed(fetch(&bed, json!([refused])).await);
    assert_failure(&failure, Code::PermissionDenied, &["https://api.test/v2"]);
}

#[tokio::test]
async fn a_job_that_waits_for_the_web_is_cancelled_and_times_out() {
    let (mut bed, _) = bed(Web { hangs: true, ..Web::default() }, reading());
    bed.policy.limits.timeout_ms = Duration::from_millis(200).as_millis() as u64;
    let failure = failed(fetch(&bed, json!([call("/v1")])).await);
    assert_failure(&failure, Code::Timeout, &["limits.timeout_ms in fetch.toml"]);
}

#[tokio::test]
async fn what_went_wrong_is_in_the_log_and_the_job_is_told_its_code() {
    for (kind, code) in [
        (HttpFailureKind::NotFound, "ErrorCode::DnsError"),
        (HttpFailureKind::Prohibited, "ErrorCode::DestinationIpProhibited"),
        (HttpFailureKind::NoConnection, "ErrorCode::ConnectionRefused"),
        (HttpFailureKind::Tls, "ErrorCode::TlsProtocolError"),
        (HttpFailureKind::NoAnswer, "ErrorCode::ConnectionTerminated"),
    ] {
        let (bed, _) = bed(Web { fails: Some(kind), ..Web::default() }, reading());
        let answered = answers(&fetch(&bed, json!([call("/v1?key=s3cret")])).await);
        assert!(answered[0]["error"].as_str().unwrap().starts_with(code), "{answered}");
        assert_eq!(bed.log(), ["GET https://api.test/v1: nobody is at home"]);
    }
}

#[tokio::test]
async fn a_secret_is_read_by_those_who_are_granted_it() {
    let (bed, _) = bed(Web::default(), json!({"secrets": ["crm_token", "gone"]}));
    let secret = |name: &str| json!({"secret": {"name": name}});
    assert_eq!(
        bed.probe(json!([secret("crm_token"), secret("gone")])).await,
        json!([14, "secret_unavailable"])
    );
    let failure = failed(bed.run("probe", &json!({"calls": [secret("other")]})).await);
    let line = "`secrets = [\"crm_token\", \"gone\", \"other\"]` under [grants] in probe.toml";
    assert_failure(&failure, Code::PermissionDenied, &["asked for the secret \"other\"", line]);
}

#[tokio::test]
async fn a_secret_is_kept_nowhere() {
    let put = |place: &str| json!([{"secret": {"name": "crm_token", "put": place}}]);
    let bed = || bed(Web::default(), json!({"secrets": ["crm_token"], "outbox": ["email"]})).0;
    for place in ["log", "output"] {
        let bed = bed();
        bed.probe(put(place)).await;
        assert_eq!(bed.log(), ["Authorization: ***"], "{place}");
    }
    for (place, kept) in
        [("checkpoint", "its checkpoint"), ("message", "a message"), ("answer", "its result")]
    {
        let failure = failed(bed().run("probe", &json!({"calls": put(place)})).await);
        assert_failure(&failure, Code::PermissionDenied, &["\"crm_token\"", kept]);
    }
    let failure = failed(bed().run("probe", &json!({"calls": put("failure")})).await);
    assert_failure(&failure, Code::JobFailed, &["refused: ***"]);
    let bed = bed();
    let failure = failed(bed.run("probe", &json!({"calls": put("panic")})).await);
    assert!(!format!("{failure:?} {:?}", bed.log()).contains("hunter2"), "{failure:?} {:?}", bed.log());
    let report = bed.run("probe", &json!({"calls": put("progress")})).await;
    assert_eq!(report.progress.message, "***");
}
