//! Documents say what the code does: every code of an error or a finding is in the one for operators.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Texts in quotes that follow one of `before`, where they look like a code.
fn codes(text: &str, before: &[&str]) -> BTreeSet<String> {
    let product = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let mut found = BTreeSet::new();
    for before in before {
        for rest in product.split(before).skip(1) {
            let Some(code) = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next())
            else {
                continue;
            };
            if code != "snake_case"
                && code.contains('_')
                && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            {
                found.insert(code.to_owned());
            }
        }
    }
    found
}

#[test]
fn every_code_is_in_the_document_for_operators() {
    let document = read("docs/operations.md");
    let tables = document.split("## Every code").nth(1).unwrap();
    let sources: [(&str, &[&str], usize); 6] = [
        ("host/store/src/checkup/finding.rs", &[" = "], 40),
        ("host/domain/src/failure.rs", &[" = "], 12),
        ("host/domain/src/store.rs", &["=> "], 9),
        ("host/store/src/backup/error.rs", &["=> "], 4),
        ("host/scheduler/src/error.rs", &["=> "], 15),
        ("host/server/src/app/doctor.rs", &["Severity::Error,", "Severity::Warning,", "Severity::Note,"], 9),
    ];
    let mut missing = Vec::new();
    for (file, before, at_least) in sources {
        let codes = codes(&read(file), before);
        assert!(codes.len() >= at_least, "{file} has its codes elsewhere: {codes:?}");
        missing.extend(codes.into_iter().filter(|code| !tables.contains(&format!("`{code}`"))));
    }
    assert!(missing.is_empty(), "docs/operations.md says nothing of {missing:?} under \"Every code\"");
}
