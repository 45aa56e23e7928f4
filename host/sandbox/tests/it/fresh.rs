//! No guest finds what another left. Instances are taken from a pool, whose memories and tables are cleared and used again.

use std::sync::Arc;

use longshore_domain::JobCatalog as _;
use serde_json::json;

use crate::registry::Folder;
use crate::support::{completed, request};

const FRESH: &str = include_str!("../corpus/components/fresh.wat");

#[tokio::test(flavor = "multi_thread")]
async fn no_memory_and_no_table_has_what_another_guest_left() {
    let mut folder = Folder::new(&[]).await;
    folder.put("fresh.wasm", &wat::parse_str(FRESH).unwrap());
    // Another component of the same form, which may be given the place of the first.
    folder.put("dirty.wasm", &wat::parse_str(FRESH.replace("\"fresh\"", "\"dirty\"")).unwrap());
    folder.until("both", |catalog| catalog.job("fresh").is_some() && catalog.job("dirty").is_some()).await;
    let catalog = folder.registry.current();
    let run = async |name: &str| {
        let job = catalog.job(name).unwrap();
        let report = job.program.run(request(job, &json!({}), 1, None, &Arc::default())).await;
        assert_eq!(completed(&report), "{}");
    };
    for _ in 0..20 {
        run("fresh").await;
        run("dirty").await;
        tokio::join!(run("fresh"), run("dirty"), run("fresh"));
    }
}
