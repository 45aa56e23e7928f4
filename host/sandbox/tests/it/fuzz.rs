//! What strangers wrote, changed at random: components, and the numbers with which they call the host.

use std::path::Path;
use std::time::Duration;

use longshore_domain::{Code, RunOutcome};
use longshore_fuzz::Corpus;
use longshore_sandbox::load_plugin;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{Bed, completed, guest, request};

/// Longer than anything in here takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

fn corpus(name: &str) -> Corpus {
    Corpus::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name))
}

/// Each file is served, or refused with a code; and what is served runs to an end.
#[test]
fn any_bytes_are_a_component_or_are_refused() {
    let runtime = Runtime::new().unwrap();
    let mut bed = Bed::with(|_, options| options.cache_dir = None);
    bed.policy.limits.timeout_ms = 1_000;
    bed.policy.limits.fuel = 10_000_000;
    let path = bed.folder.path().join("trivial.wasm");
    let inputs =
        corpus("components")
            .map(|bytes| {
                if bytes.starts_with(b";;") { wat::parse_bytes(&bytes).unwrap().into_owned() } else { bytes }
            })
            .with("trivial", std::fs::read(guest("trivial")).unwrap());
    inputs.fuzz(400, |bytes| {
        std::fs::write(&path, bytes).unwrap();
        runtime.block_on(async {
            let loaded =
                tokio::time::timeout(PATIENCE, load_plugin(&bed.sandbox, &path, &bed.policy, None)).await;
            match loaded.expect("it is loaded or refused") {
                Err(problem) => {
                    assert!(!problem.code.is_empty() && !problem.message.is_empty(), "{problem:?}");
                }
                Ok(job) => {
                    let request = request(&job, &json!({}), 1, None, &std::sync::Arc::default());
                    let ran = tokio::time::timeout(PATIENCE, job.program.run(request)).await;
                    sound(&ran.expect("it ends").outcome);
                }
            }
            let _ = std::fs::remove_dir_all(bed.folder.path().join("files/1"));
        });
    });
}

/// Each call is answered, or ends the attempt for what the guest did; the host is none the worse.
#[test]
fn any_numbers_may_be_passed_to_the_host() {
    let runtime = Runtime::new().unwrap();
    let mut bed = Bed::with(|folder, options| {
        rusqlite::Connection::open(folder.join("shop.db"))
            .unwrap()
            .execute_batch("CREATE TABLE orders(id)")
            .unwrap();
        options.sources.insert("shop".into(), folder.join("shop.db"));
    });
    bed.policy.limits.timeout_ms = 2_000;
    bed.policy.limits.fuel = 100_000_000;
    bed.policy.grants.data = vec!["shop".into()];
    bed.policy.grants.outbox = vec!["email".into()];
    let job = runtime.block_on(bed.job("raw"));
    let trivial = runtime.block_on(bed.job("trivial"));
    let mut runs = 0;
    corpus("calls").fuzz(3_000, |bytes| {
        let input = json!({"calls": bytes.chunks(14).map(numbers).collect::<Vec<_>>()});
        runs += 1;
        runtime.block_on(async {
            let request = request(&job, &input, runs, None, &std::sync::Arc::default());
            let ran = tokio::time::timeout(PATIENCE, job.program.run(request)).await;
            sound(&ran.expect("it ends").outcome);
        });
    });
    let request = request(&trivial, &json!({}), runs + 1, None, &std::sync::Arc::default());
    completed(&runtime.block_on(trivial.program.run(request)));
}

/// A function and its arguments. Bytes stand for what is worth a try: places in memory, small lengths, ends of ranges.
fn numbers(bytes: &[u8]) -> Vec<i64> {
    let argument = |byte: u8| match byte {
        byte @ ..16 => i64::from(byte),
        byte @ 16..240 => i64::from(byte) * 4_096,
        240..244 => i64::from(i32::MAX),
        244..248 => i64::from(i32::MIN),
        248..252 => -1,
        252 => i64::MAX,
        253 => i64::MIN,
        254 => 1 << 24,
        255 => 0xffff_fff0,
    };
    let function = bytes.first().map(|byte| i64::from(byte % 17));
    function.into_iter().chain(bytes.iter().skip(1).map(|byte| argument(*byte))).collect()
}

/// Whatever a guest does, it is not the host that fails.
fn sound(outcome: &RunOutcome) {
    match outcome {
        RunOutcome::Completed(result) => drop(serde_json::from_str::<Value>(result).unwrap()),
        RunOutcome::Failed(failure) => {
            let of_the_host = [Code::HostError, Code::StorageFailed, Code::StorageFull, Code::WorkerLost];
            assert!(!of_the_host.contains(&failure.code) && !failure.message.is_empty(), "{failure:?}");
        }
        other => panic!("{other:?}"),
    }
}
