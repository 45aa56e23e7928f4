//! Looks at each call before it is made, and bounds what comes back.

use std::error::Error as StdError;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use longshore_domain::{
    Code, HeaderPart, HttpCall, HttpFailure, HttpFailureKind, HttpGrant, LoadedJob, LogLevel, Secret,
    beginning_of, parse_web_url,
};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::body::{Bounded, Cut, Patience};
use crate::failure::{Ended, LimitsOf};
use crate::host_api;
use crate::log::TaskLog;
use crate::sandbox::Shared;
use crate::verdict::Verdict;

/// Bytes of a request's body that the guest may be ahead of the network with, in two pieces.
const CHUNK_BYTES: usize = 16 * 1024;

/// Characters of a path that are shown.
const PATH_CHARS_MAX: usize = 200;

/// Characters of a call that are shown: method, host and path.
const TARGET_CHARS_MAX: usize = 600;

type Answered = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

/// The calls of one guest.
pub(crate) struct Calls {
    /// None while it only describes itself.
    caller: Option<Arc<Caller>>,
    made: u64,
    verdict: Verdict,
}

/// Who makes them.
struct Caller {
    shared: Arc<Shared>,
    job: Arc<LoadedJob>,
    log: Arc<TaskLog>,
    verdict: Verdict,
    turns: Arc<Semaphore>,
}

impl Calls {
    /// Of a guest that may make none.
    pub(crate) fn none(verdict: Verdict) -> Self {
        Self { caller: None, made: 0, verdict }
    }

    /// Of a guest that runs an attempt of `job`.
    pub(crate) fn of(shared: Arc<Shared>, job: Arc<LoadedJob>, log: Arc<TaskLog>, verdict: Verdict) -> Self {
        let turns = Arc::new(Semaphore::new(job.policy.limits.http_in_flight_max as usize));
        let caller = Caller { shared, job, log, verdict: verdict.clone(), turns };
        Self { caller: Some(Arc::new(caller)), made: 0, verdict }
    }

    /// Looks whether a call may be made.
    fn look(&mut self, request: &Request<WasiBody>) -> Result<(Arc<Caller>, Url, HttpGrant), Ended> {
        let caller = self.caller.as_ref().ok_or_else(no_task)?;
        let requests_max = caller.job.policy.limits.http_requests_max;
        if self.made >= u64::from(requests_max) {
            let what = "the job has made all the calls of the web that it may";
            return Err(caller.limits_of().exceeded(what, requests_max.into(), "http_requests_max"));
        }
        self.made += 1;
        let method = request.method().as_str();
        let url = parse_web_url(&request.uri().to_string()).map_err(|why| {
            Ended::failed(Code::PermissionDenied, format!("the job called what cannot be granted: {why}"))
        })?;
        match caller.job.policy.grants.http(method, &url) {
            Some(grant) => Ok((Arc::clone(caller), url, grant.clone())),
            None => Err(caller.not_granted(method, &url)),
        }
    }
}

/// Why a component that only describes itself calls nobody.
fn no_task() -> Ended {
    Ended::failed(Code::PermissionDenied, "describe made a call of the web; there is no task at that time")
}

impl WasiHttpHooks for Calls {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answered, Error>> + Send> {
        match self.look(&request) {
            Ok((caller, url, grant)) => {
                Box::new(async move { caller.call(url, grant, request, options.unwrap_or_default()).await })
            }
            Err(ended) => {
                self.verdict.set(ended);
                Box::new(async { Err(Error::HttpRequestDenied) })
            }
        }
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK_BYTES
    }
}

impl Caller {
    fn limits_of(&self) -> LimitsOf<'_> {
        LimitsOf { job: Some(self.job.job_type.name.as_str()), limits: &self.job.policy.limits }
    }

    fn not_granted(&self, method: &str, url: &Url) -> Ended {
        // Long paths are no use to an operator, who is told of all that is below the host instead.
        let path = if url.path().len() > PATH_CHARS_MAX { "/" } else { url.path() };
        let target = format!("{} {}{path}", host_api::shown(method), url.origin().ascii_serialization());
        let target = beginning_of(&target, TARGET_CHARS_MAX);
        let job = self.job.job_type.name.as_str();
        host_api::denied(job, &self.job.policy.grants, "http", "called", target)
    }

    /// Makes a call, and tells in the task's log why there was no answer.
    async fn call(
        self: Arc<Self>,
        url: Url,
        grant: HttpGrant,
        request: Request<WasiBody>,
        options: RequestOptions,
    ) -> Result<Answered, Error> {
        let shown = format!("{} {}{}", request.method(), url.origin().ascii_serialization(), url.path());
        let limits = &self.job.policy.limits;
        let start = Instant::now();
        let until = start + Duration::from_millis(limits.http_timeout_ms);
        let patience = Patience { until, between: options.between_bytes_timeout };
        // Connecting is part of waiting for the first byte here, so that may take as long as both together.
        let connect = options.connect_timeout.unwrap_or_default();
        let own =
            options.first_byte_timeout.and_then(|first| start.checked_add(first.saturating_add(connect)));
        let first = own.map_or(until, |own| own.min(until));
        let exchange = async {
            // What it sends waits with it, and no connection does.
            let turn = Arc::clone(&self.turns).acquire_owned().await.ok();
            let call = self.prepare(url, grant, request, patience).await?;
            let client = Arc::clone(&self.shared.http);
            client.send(call).await.map(|answer| (answer, turn))
        };
        let (answer, turn) = match tokio::time::timeout_at(first, exchange).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(failure)) => return Err(self.told(&shown, &failure.message, error_of(failure.kind))),
            Err(_) if first < until => {
                return Err(self.told(
                    &shown,
                    "it took longer than the job waits",
                    Error::HttpResponseTimeout,
                ));
            }
            Err(_) => return Err(self.late(&shown)),
        };
        let bytes_max = limits.http_response_bytes_max;
        let answer = answer.map(|body| {
            let caller = Arc::clone(&self);
            let body = Bounded::new(body, bytes_max, patience, turn);
            body.map_err(move |cut| caller.answer_cut(&shown, cut)).boxed_unsync()
        });
        Ok((answer, Box::new(async { Ok(()) })))
    }

    /// The call as it is made: with the headers of the operator, and a body that has a limit.
    async fn prepare(
        self: &Arc<Self>,
        url: Url,
        grant: HttpGrant,
        mut request: Request<WasiBody>,
        patience: Patience,
    ) -> Result<HttpCall, HttpFailure> {
        for (name, template) in &grant.headers {
            let mut value = String::new();
            for part in template.parts() {
                match part {
                    HeaderPart::Text(text) => value.push_str(text),
                    HeaderPart::Secret(name) => value.push_str(self.secret(name).await?.expose()),
                }
            }
            let name = HeaderName::try_from(name.as_str()).map_err(|error| misconfigured(&error))?;
            // What is wrong with a value is not said: it may be a secret.
            let mut value = HeaderValue::try_from(value).map_err(|_| {
                misconfigured(&format_args!("the header {name} has a secret that no header can have"))
            })?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        let caller = Arc::clone(self);
        let bytes_max = self.job.policy.limits.http_request_bytes_max;
        let request = request.map(|body| {
            // A guest that computes before it goes on is not slow.
            let body = Bounded::new(body, bytes_max, Patience { between: None, ..patience }, None);
            body.map_err(move |cut| caller.request_cut(&cut)).boxed_unsync()
        });
        Ok(HttpCall { url, request, allow_private: grant.allow_private })
    }

    /// A secret that goes into a header. Servers repeat what they were sent, so it is kept out of the task's record from
    /// now on, as if the job knew it.
    async fn secret(&self, name: &str) -> Result<Secret, HttpFailure> {
        let secret = self.shared.secrets.read(name).await.map_err(|error| misconfigured(&error))?;
        self.log.known.tell(name, &secret);
        Ok(secret)
    }

    /// The error for the job, and the reason for whoever reads its log.
    fn told(&self, shown: &str, why: &str, error: Error) -> Error {
        self.log.write(LogLevel::Warn, format!("{shown}: {why}"));
        error
    }

    fn late(&self, shown: &str) -> Error {
        let (what, ms) =
            ("it took longer than a call may, in milliseconds", self.job.policy.limits.http_timeout_ms);
        let why = self.limits_of().hit(Code::Timeout, what, ms, "http_timeout_ms").message;
        self.told(shown, &why, Error::HttpResponseTimeout)
    }

    fn answer_cut(&self, shown: &str, cut: Cut<Box<dyn StdError + Send + Sync>>) -> Error {
        match cut {
            Cut::TooLong => {
                let bytes_max = self.job.policy.limits.http_response_bytes_max;
                let what = "the job was answered by more bytes than an answer may have";
                self.verdict.set(self.limits_of().exceeded(what, bytes_max, "http_response_bytes_max"));
                Error::HttpResponseBodySize(Some(bytes_max))
            }
            Cut::Late => self.late(shown),
            Cut::Paused => {
                self.told(shown, "it paused for longer than the job waits", Error::HttpResponseTimeout)
            }
            Cut::Broken(error) => {
                self.told(shown, &format!("the answer broke off: {error}"), Error::HttpResponseIncomplete)
            }
        }
    }

    fn request_cut(&self, cut: &Cut<Error>) -> Box<dyn StdError + Send + Sync> {
        if let Cut::TooLong = cut {
            let bytes_max = self.job.policy.limits.http_request_bytes_max;
            let what = "the job sent more bytes than a call of the web may have";
            self.verdict.set(self.limits_of().exceeded(what, bytes_max, "http_request_bytes_max"));
        }
        cut.to_string().into()
    }
}

fn misconfigured(error: &dyn Display) -> HttpFailure {
    HttpFailure { kind: HttpFailureKind::Configuration, message: error.to_string() }
}

/// What a job is told.
fn error_of(kind: HttpFailureKind) -> Error {
    match kind {
        HttpFailureKind::NotFound => Error::DnsError { rcode: None, info_code: None },
        HttpFailureKind::Prohibited => Error::DestinationIpProhibited,
        HttpFailureKind::NoConnection => Error::ConnectionRefused,
        HttpFailureKind::Tls => Error::TlsProtocolError,
        HttpFailureKind::NoAnswer => Error::ConnectionTerminated,
        HttpFailureKind::Configuration => Error::ConfigurationError,
    }
}
