//! Whether somebody works on what waits: the processes that live, and job types that are paused.

use longshore_domain::{Catalog, LiveCounts, PausedTypes};
use longshore_scheduler::TaskService;

use super::{Finding, Severity};
use crate::app::processes::{self, Process};
use crate::config::Config;

/// Looks at who works, and for whom nobody does.
pub(super) async fn examine(config: &Config, service: &TaskService, catalog: &Catalog) -> Vec<Finding> {
    let (Ok(live), Ok(paused)) = (service.live_counts().await, service.paused().await) else {
        return Vec::new();
    };
    let living = processes::living(config);
    let mut findings = of_pauses(&live, &paused);
    if living.is_empty() {
        findings.extend(nobody(&live, &paused, catalog));
    }
    findings.extend(living.iter().filter(|process| !process.is_up_to_date).map(another_configuration));
    findings
}

/// Job types that are paused, with how many jobs wait for that.
fn of_pauses(live: &LiveCounts, paused: &PausedTypes) -> Vec<Finding> {
    let of_one = |(job_type, since): (&_, &longshore_domain::Timestamp)| {
        let waiting = live.get(job_type).map_or(0, |counts| counts.queued);
        let severity = if waiting > 0 { Severity::Warning } else { Severity::Note };
        let message = format!("Its jobs are not started since {}; {waiting} wait for that.", since.rfc3339());
        let mend = format!("`longshore resume {job_type}` starts them again.");
        Finding::new(severity, "job_type_paused", job_type, message, mend)
    };
    paused.iter().map(of_one).collect()
}

/// Jobs that could run, where nobody is there to run them.
fn nobody(live: &LiveCounts, paused: &PausedTypes, catalog: &Catalog) -> Option<Finding> {
    let may_start =
        |name: &longshore_domain::JobTypeName| catalog.will_run(name.as_str()) && !paused.contains_key(name);
    let waiting: u64 = live
        .iter()
        .map(|(name, counts)| counts.running + if may_start(name) { counts.queued } else { 0 })
        .sum();
    (waiting > 0).then(|| {
        Finding::new(
            Severity::Warning,
            "nobody_works",
            "jobs",
            if waiting == 1 {
                "1 job waits, and no process works on the project.".to_owned()
            } else {
                format!("{waiting} jobs wait, and no process works on the project.")
            },
            "Start `longshore worker`, or a client with `longshore serve`.",
        )
    })
}

/// A process that began with another version, or with what the configuration was before.
fn another_configuration(process: &Process) -> Finding {
    let Process { pid, role, version, started_at, .. } = process;
    Finding::new(
        Severity::Warning,
        "configuration_differs",
        format!("process {pid}"),
        format!(
            "It ({role}, version {version}, since {started_at}) works with another version or configuration than \
             longshore.toml and this program have now."
        ),
        format!(
            "Restart it if it is to follow: `kill {pid}` ends it, and another process resumes its jobs from their \
             checkpoints."
        ),
    )
}

#[cfg(test)]
mod tests {
    use longshore_domain::{JobTypeCounts, LOADING, Problem, Timestamp};

    use super::*;

    #[test]
    fn only_what_could_run_waits_for_a_process() {
        let counts = |queued, running| JobTypeCounts { queued, running, ..JobTypeCounts::default() };
        let live: LiveCounts = [("loading", 2), ("missing", 4), ("paused", 8)]
            .map(|(name, queued)| (name.parse().unwrap(), counts(queued, 0)))
            .into();
        let paused: PausedTypes = [("paused".parse().unwrap(), Timestamp::from_ms(0))].into();
        let problem = Problem {
            file: "loading.wasm".into(),
            code: LOADING.into(),
            message: String::new(),
            serving: None,
        };
        let problems = [("loading".to_owned(), problem)].into();
        let catalog = Catalog { problems, ..Catalog::default() };
        let found = nobody(&live, &paused, &catalog).unwrap();
        assert!(found.message.starts_with("2 jobs wait"), "{}", found.message);
        let running: LiveCounts = [("missing".parse().unwrap(), counts(0, 1))].into();
        assert!(nobody(&running, &paused, &catalog).unwrap().message.starts_with("1 job waits"));
        assert!(nobody(&LiveCounts::new(), &paused, &catalog).is_none());
    }
}
