//! What jobs say, as people see it: it neither acts on their terminals nor passes for what the host says.

use serde_json::json;

use crate::support::Project;

/// Sets a title, clears the screen, turns the reading order around, and begins a line that looks like the host's.
const EVIL: &str = "evil\u{1b}]0;x\u{7}\u{9b}2J\u{7f}\u{202e}txt\r\n2026-03-01 00:00:00Z #9 error forged";

/// Whether a terminal would do something else with the character than to show it.
fn acts(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn what_a_job_says_is_only_text() {
    let project = Project::with_guests(&["probe"], "");
    let calls = json!([
        {"log": {"lines": 1, "message": EVIL}},
        {"print": {"text": EVIL}},
        {"fail": {"kind": "failed", "message": EVIL}},
    ]);
    let payload = json!({ "calls": calls }).to_string();
    let ran = project.longshore(&["run", "probe", "--payload", &payload]);
    assert!(!ran.status.success());
    let id = project.json(&["task", "list", "--json"])["jobs"][0]["job_id"].as_str().unwrap().to_owned();

    let mut seen = vec![ran];
    for command in [&["task", "list"][..], &["task", "log", &id], &["task", "show", &id]] {
        seen.push(project.longshore(command));
        seen.push(project.longshore(&[command, &["--json"]].concat()));
    }
    for output in seen {
        for text in [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()) {
            assert!(!text.contains(acts), "{text:?}");
            assert!(!text.lines().any(|line| line.starts_with("2026-03-01")), "{text}");
        }
    }

    let shown = project.json(&["task", "show", &id, "--json"]);
    assert_eq!(shown["error"]["message"], EVIL, "JSON keeps every character");
    assert_eq!(shown["log"][0]["message"], EVIL);
}
