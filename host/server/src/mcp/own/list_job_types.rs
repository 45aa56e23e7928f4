//! `list_job_types`: what can be run, and what cannot and why.

use longshore_domain::{LOADING, LoadedJob, Policy, Problem, Timestamp};
use serde_json::{Map, Value, json};

use super::{Effect, OwnTool};
use crate::mcp::answer::Answer;
use crate::mcp::arguments::Arguments;
use crate::mcp::front::{Front, LIST_LOADING_MAX};
use crate::mcp::refusal::Refusal;
use crate::view::rfc3339_to_the_second;

pub(super) const TOOL: OwnTool = OwnTool {
    name: "list_job_types",
    title: "List job types",
    description: "Lists the job types with version, input and result schema, permissions and limits, and the plugins \
                  that are not available, with the reason.",
    input_schema,
    effect: Effect::Looks,
};

fn input_schema(_callbacks: bool) -> Value {
    json!({
        "type": "object",
        "properties": { "job_type": { "type": "string" } }
    })
}

pub(super) async fn call(front: &Front, mut arguments: Arguments) -> Result<Answer, Refusal> {
    let only = arguments.text("job_type");
    arguments.finish()?;
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    // A client that has just started the host is to see what there is, not that it is being loaded.
    front.service.all_loaded(LIST_LOADING_MAX).await;
    let (catalog, paused) = (front.service.catalog(), front.service.paused().await?);
    let types: Vec<Value> = catalog
        .jobs
        .iter()
        .filter(|(name, _)| wanted(name.as_str()))
        .map(|(name, job)| job_type(job, paused.get(name).copied()))
        .collect();
    let problems: Vec<Value> = catalog
        .problems
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, problem)| self::problem(name, problem))
        .collect();
    if let Some(name) = only
        && types.is_empty()
        && problems.is_empty()
    {
        let available = catalog.jobs.keys().map(ToString::to_string).collect();
        let unknown = longshore_scheduler::ServiceError::UnknownJobType { name, available, problem: None };
        return Err(unknown.into());
    }
    let mut body = Map::new();
    body.insert("job_types".into(), types.into());
    body.insert("problems".into(), problems.into());
    if catalog.problems.values().any(|problem| problem.code == LOADING) {
        body.insert(
            "next".into(),
            "Some plugins are still being loaded: call again in a few seconds.".into(),
        );
    }
    Ok(Answer::data(body))
}

/// A job type; one that is paused says since when, for its jobs are accepted and wait.
fn job_type(job: &LoadedJob, paused_since: Option<Timestamp>) -> Value {
    let LoadedJob { job_type, policy, .. } = job;
    let mut shown = json!({
        "job_type": job_type.name,
        "version": job_type.version,
        "title": job_type.title,
        "description": job_type.description,
        "input_schema": job_type.input_schema,
        "output_schema": job_type.output_schema,
        "permissions": job_type.permissions,
        "grants": granted(policy),
        "limits": {
            "timeout_ms": policy.limits.timeout_ms,
            "max_attempts": policy.retry.max_attempts,
            "concurrency": policy.concurrency,
            "ttl_ms": policy.ttl_ms,
        },
    });
    if let Some(since) = paused_since {
        shown["paused_since"] = rfc3339_to_the_second(since).into();
    }
    shown
}

/// What a job may use by name; what else is granted is no concern of an agent.
fn granted(policy: &Policy) -> Value {
    json!({ "data": policy.grants.data, "outbox": policy.grants.outbox })
}

fn problem(name: &str, problem: &Problem) -> Value {
    json!({
        "job_type": name,
        "file": problem.file,
        "code": problem.code,
        "message": problem.message,
        "serving_version": problem.serving,
    })
}
