//! Policies that go with nothing: without a component, or with grants of what is not there.

use std::fs;

use longshore_domain::{Catalog, JobCatalog as _};

use crate::registry::{Folder, plugins};
use crate::support::guest;

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_without_its_component_is_told_of() {
    let mut folder = Folder::new(&[]).await;
    folder.put("steps.toml", b"[limits]\nfuel = 77000\n");
    let problem = folder.problem("steps", "component_missing").await;
    assert!(problem.file == "steps.toml" && problem.message.contains(".wasm"), "{problem:?}");

    folder.put("steps.wasm", &fs::read(guest("steps")).unwrap());
    let catalog = folder.until("the component", |c| c.job("steps").is_some()).await;
    assert!(catalog.problems.is_empty());
    assert_eq!(catalog.job("steps").unwrap().policy.limits.fuel, 77_000);

    fs::remove_file(plugins(&folder.bed).join("steps.wasm")).unwrap();
    let problem = folder.problem("steps", "component_missing").await;
    assert_eq!(problem.serving, None);
    assert!(folder.registry.current().jobs.is_empty(), "it is withdrawn");

    fs::remove_file(plugins(&folder.bed).join("steps.toml")).unwrap();
    folder.until("nothing", |c| c.problems.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_of_what_is_not_there_is_a_warning_and_no_more() {
    let mut folder = Folder::with(&["trivial"], |folder, options| {
        let path = folder.join("shop.db");
        let shop = rusqlite::Connection::open(&path).unwrap();
        shop.execute_batch("CREATE TABLE orders (id INTEGER, city TEXT)").unwrap();
        options.sources.insert("shop".into(), path);
        options.sources.insert("away".into(), folder.join("away.db"));
    })
    .await;
    let grant = |tables: &str| format!("[grants]\ndata = [\"shop\", \"away\"]\n{tables}").into_bytes();
    folder.put("trivial.toml", &grant("[grants.tables.shop]\nordrs = \"*\"\norders = [\"id\", \"town\"]\n"));
    let warning = |c: &Catalog| c.warnings.get("trivial").cloned();
    let warned = warning(&*folder.until("the warning", |c| warning(c).is_some()).await).unwrap();
    assert_eq!((warned.file.as_str(), warned.code.as_str()), ("trivial.toml", "unmatched_grant"));
    for name in ["[grants.tables.shop]", "\"ordrs\"", "\"town\"", "id, city"] {
        assert!(warned.message.contains(name), "{warned:?}");
    }
    let catalog = folder.registry.current();
    assert!(catalog.job("trivial").is_some() && catalog.problems.is_empty(), "it is served: {catalog:?}");

    folder.put(
        "trivial.toml",
        &grant("[grants.tables.shop]\norders = [\"id\"]\n[grants.tables.away]\nany = \"*\"\n"),
    );
    let catalog = folder.until("the correction", |c| warning(c).is_none()).await;
    assert!(catalog.job("trivial").is_some(), "of a source that is away nothing is said");
}
