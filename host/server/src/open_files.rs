//! How many files the process may have open.

/// Files that a process has open without any job: the database, pipes, logs, the compiler's.
const OF_THE_HOST: u64 = 32;

/// Files that a job has open, as most do: what it reads with its log and index, an artifact, a connection.
const OF_A_JOB: u64 = 8;

/// Raises the limit to what the system allows. The usual 1,024 is for programs that wait with `select`; a host has two files
/// for each cursor, one for each artifact, and a connection for each call.
#[cfg(unix)]
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where it cannot be raised it stays as it is, and fewer jobs run at once.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Other systems have no such limit.
#[cfg(not(unix))]
pub(crate) fn raise_limit() {}

/// How many of `slots` jobs can run at once under the limit. More would fail for want of files, and be tried again in vain.
pub(crate) fn slots_within_limit(slots: u32) -> u32 {
    let Some(limit) = limit() else { return slots };
    let fitting = jobs_within(limit);
    if fitting >= slots {
        return slots;
    }
    tracing::warn!(
        "this process may have {limit} files open (ulimit -n, LimitNOFILE), so it runs {fitting} jobs at once instead of {slots}"
    );
    fitting
}

fn jobs_within(limit: u64) -> u32 {
    let jobs = limit.saturating_sub(OF_THE_HOST) / OF_A_JOB;
    u32::try_from(jobs).unwrap_or(u32::MAX).max(1)
}

#[cfg(unix)]
fn limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn limit() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_files_are_few_jobs_and_never_none() {
        let jobs = [10, 40, 64, 432, 1 << 20, u64::MAX].map(jobs_within);
        assert_eq!(jobs, [1, 1, 4, 50, 131_068, u32::MAX]);
    }
}
