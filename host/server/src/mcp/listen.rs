//! `subscriptions/listen`: tells a client of changes for as long as it wants.
//!
//! rmcp's own listening knows neither tasks nor their notifications, so the request comes as a custom one and everything
//! about it is made here, tools included: one way for all.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use longshore_domain::TaskId;
use longshore_scheduler::TaskStatus;
use rmcp::model::{CustomNotification, CustomResult, ErrorData, RequestId};
use rmcp::service::{Peer, RequestContext, RoleServer, ServiceError as SendError};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::caller::Caller;
use super::front::Front;
use super::tools::ToolChanges;
use super::{convert, tasks};

const SUBSCRIPTION_KEY: &str = "io.modelcontextprotocol/subscriptionId";
/// Tasks that one subscription may name.
const TASKS_MAX: usize = 1_000;
/// A task whose progress alone changes is told of this often; a change of its state is told at once.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Params {
    notifications: Filter,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    tools_list_changed: Option<bool>,
    task_ids: Option<Vec<String>>,
}

/// Serves one subscription until the client cancels it or the connection closes.
pub(super) async fn listen(
    front: &Front,
    params: Option<Value>,
    context: &RequestContext<RoleServer>,
) -> Result<CustomResult, ErrorData> {
    let params: Params = serde_json::from_value(params.unwrap_or_default()).map_err(|error| {
        ErrorData::invalid_params(format!("params of subscriptions/listen: {error}"), None)
    })?;
    let Filter { tools_list_changed, task_ids } = params.notifications;
    let tasks = match task_ids {
        Some(_) if !Caller::of(context).tasks => return Err(tasks::not_declared()),
        Some(ids) if ids.len() > TASKS_MAX => {
            let message =
                format!("taskIds has {} entries, more than the {TASKS_MAX} of one subscription", ids.len());
            return Err(ErrorData::invalid_params(message, None));
        }
        Some(ids) => Some(known_tasks(front, &ids).await),
        None => None,
    };
    front.in_flight.waits(&context.id);
    let subscription = Subscription { peer: context.peer.clone(), id: context.id.clone() };
    let tools = tools_list_changed == Some(true);
    let changes = ToolChanges::of(&front.service);

    let mut accepted = json!({});
    if tools {
        accepted["toolsListChanged"] = true.into();
    }
    if let Some(tasks) = &tasks {
        accepted["taskIds"] = tasks.iter().map(ToString::to_string).collect();
    }
    let acknowledged = json!({ "notifications": accepted });
    let open = subscription.tell("notifications/subscriptions/acknowledged", acknowledged).await.is_ok();

    if open {
        let mut following: FuturesUnordered<_> =
            tasks.into_iter().flatten().map(|id| follow(front, &subscription, id)).collect();
        let follow_tasks = async {
            while following.next().await.is_some() {}
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = front.closing.cancelled() => {}
            () = context.ct.cancelled() => {}
            () = follow_tools(&subscription, changes, tools) => {}
            () = follow_tasks => {}
        }
    }
    Ok(CustomResult::new(json!({
        "resultType": "complete",
        "_meta": { SUBSCRIPTION_KEY: subscription.id },
    })))
}

/// The tasks that are there, each once. Others are left out, as the acknowledgement shows.
async fn known_tasks(front: &Front, ids: &[String]) -> BTreeSet<TaskId> {
    let mut known = BTreeSet::new();
    for id in ids.iter().filter_map(|id| id.parse().ok()) {
        if !known.contains(&id) && front.service.status(&front.owner, id).await.is_ok() {
            known.insert(id);
        }
    }
    known
}

struct Subscription {
    peer: Peer<RoleServer>,
    id: RequestId,
}

impl Subscription {
    async fn tell(&self, method: &str, mut params: Value) -> Result<(), SendError> {
        params["_meta"] = json!({ SUBSCRIPTION_KEY: self.id });
        self.peer.send_notification(CustomNotification::new(method, Some(params)).into()).await
    }
}

/// Tells of each change of the tools, if wanted. Never ends by itself.
async fn follow_tools(subscription: &Subscription, mut changes: ToolChanges, wanted: bool) {
    if wanted {
        while changes.next().await
            && subscription.tell("notifications/tools/list_changed", json!({})).await.is_ok()
        {}
    }
    std::future::pending::<()>().await;
}

/// Tells how a task is: once at the start, since it may have ended before anybody listened, and then at each change. A task
/// that has ended is still followed, because it may be run again.
async fn follow(front: &Front, subscription: &Subscription, id: TaskId) {
    let mut watch = front.service.watch(id);
    let mut told: Option<TaskStatus> = None;
    let mut progress_due = Instant::now();
    loop {
        // A task that is gone was pruned; nothing more can happen to it.
        let Ok(status) = front.service.status(&front.owner, id).await else { return };
        let progress_waits = match &told {
            Some(before) if same_state(before, &status) => before.task.progress != status.task.progress,
            _ => false,
        };
        let changed = told.as_ref().is_none_or(|before| !same_state(before, &status));
        if changed || (progress_waits && Instant::now() >= progress_due) {
            let Ok(task) = serde_json::to_value(convert::detailed_task(&status)) else { return };
            if subscription.tell("notifications/tasks", task).await.is_err() {
                return;
            }
            told = Some(status);
            progress_due = Instant::now() + PROGRESS_EVERY;
            watch.changed().await;
        } else if progress_waits {
            tokio::select! {
                () = watch.changed() => {}
                () = tokio::time::sleep_until(progress_due) => {}
            }
        } else {
            watch.changed().await;
        }
    }
}

fn same_state(before: &TaskStatus, after: &TaskStatus) -> bool {
    let key = |status: &TaskStatus| (status.task.state, status.task.attempts, status.waiting.clone());
    key(before) == key(after)
}
