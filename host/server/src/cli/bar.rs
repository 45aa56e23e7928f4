//! The progress bar of one job, on stderr.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use longshore_domain::TaskState;
use longshore_scheduler::TaskStatus;

use crate::terminal;

const WITH_TOTAL: &str = "{bar:30} {percent:>3} %  {human_pos} of {human_len}  {rate}  {eta} left  {msg}";
const WITHOUT_TOTAL: &str = "{spinner} {human_pos} done  {rate}  {elapsed}  {msg}";
const WAITING: &str = "{spinner} {msg}";

/// Shows how far a job is. On something that is no terminal, shows nothing.
pub(super) struct Bar {
    line: ProgressBar,
    form: &'static str,
    note: &'static str,
}

impl Bar {
    /// A bar that waits for its job; one that is never seen unless `show`.
    pub(super) fn new(show: bool) -> Self {
        Self { line: line(show), form: "", note: "" }
    }

    /// Shows the job as it is now.
    pub(super) fn show(&mut self, status: &TaskStatus) {
        let progress = &status.task.progress;
        let form = match (status.task.state, progress.total) {
            (TaskState::Running, Some(_)) => WITH_TOTAL,
            (TaskState::Running, None) => WITHOUT_TOTAL,
            _ => WAITING,
        };
        if form != self.form {
            self.form = form;
            self.line.set_style(style(form));
            if form != WAITING {
                // What was done before, by an earlier attempt, says nothing about how fast this one is.
                self.line.set_position(progress.done);
                self.line.reset_eta();
            }
        }
        if let Some(total) = progress.total {
            self.line.set_length(total);
        }
        self.line.set_position(progress.done);
        let waiting = status.waiting.as_deref().unwrap_or(status.task.state.as_str());
        let message = if form == WAITING { waiting } else { &progress.message };
        let gap = if self.note.is_empty() || message.is_empty() { "" } else { "  " };
        tell(&self.line, &format!("{message}{gap}{}", self.note));
    }

    /// Adds a remark that stays.
    pub(super) fn note(&mut self, note: &'static str) {
        self.note = note;
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.line.finish_and_clear();
    }
}

/// A line on stderr that changes; none unless `show`, or on something that is no terminal.
pub(super) fn line(show: bool) -> ProgressBar {
    let target = if show { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let line = ProgressBar::with_draw_target(None, target);
    line.enable_steady_tick(Duration::from_millis(120));
    line
}

/// Has the line say something, which may be a job's own words.
pub(super) fn tell(line: &ProgressBar, message: &str) {
    line.set_message(terminal::line(message).into_owned());
}

fn style(form: &str) -> ProgressStyle {
    let rate = |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{}/s", super::text::count(state.per_sec() as u64));
    };
    // The forms are constants that the test below reads; should one be wrong, the plain bar still moves.
    ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("rate", rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_are_templates() {
        for form in [WITH_TOTAL, WITHOUT_TOTAL, WAITING] {
            ProgressStyle::with_template(form).unwrap();
        }
    }

    #[test]
    fn a_job_cannot_draw_beyond_its_line() {
        let line = line(false);
        tell(&line, "half\u{1b}[2J\r\nway");
        assert_eq!(line.message(), "half\\u001b[2J\\r\\nway");
    }
}
