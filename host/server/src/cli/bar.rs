//! The progress bar of one job, on stderr. It is one line of the terminal, however narrow that is.

mod layout;
mod pace;

use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use longshore_domain::{Progress, TaskState};
use longshore_scheduler::TaskStatus;

use self::layout::Parts;
use self::pace::Pace;
use super::text;
use crate::logging::{self, LogFormat};
use crate::terminal;

/// The line is laid out here. `wide_msg` cuts it once more, for a terminal that has become narrower since.
const PLAIN: &str = "{wide_msg}";
const SPINNING: &str = "{spinner} {wide_msg}";
/// Columns that the spinner takes.
const SPINNER: usize = 2;

/// Shows how far a job is. On something that is no terminal, shows nothing.
pub(super) struct Bar {
    line: ProgressBar,
    template: &'static str,
    pace: Pace,
    note: &'static str,
}

impl Bar {
    /// A bar that waits for its job; one that is never seen unless `show`.
    pub(super) fn new(show: bool) -> Self {
        Self { line: line(show), template: "", pace: Pace::default(), note: "" }
    }

    /// Shows the job as it is now.
    pub(super) fn show(&mut self, status: &TaskStatus) {
        let task = &status.task;
        let is_running = task.state == TaskState::Running;
        let template = if is_running && task.progress.total.is_some() { PLAIN } else { SPINNING };
        if template != self.template {
            self.template = template;
            self.line.set_style(style(template));
        }
        let width = columns() - if template == SPINNING { SPINNER } else { 0 };
        let text = if is_running {
            self.pace.observe(Instant::now(), task.attempts, task.progress.done);
            running(&task.progress, &self.pace, self.note, width)
        } else {
            let why = status.waiting.as_deref().unwrap_or(task.state.as_str());
            layout::line(&Parts { message: &terminal::line(why), note: self.note, ..Parts::default() }, width)
        };
        self.line.set_message(text);
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

/// The line of a job that runs.
fn running(progress: &Progress, pace: &Pace, note: &str, width: usize) -> String {
    let Progress { done, total, message } = progress;
    let counts = match total {
        Some(total) => {
            let of = |count: fn(u64) -> String| format!("{} of {}", count(*done), count(*total));
            vec![of(text::count), of(text::short_count), text::short_count(*done)]
        }
        None => vec![format!("{} done", text::count(*done)), text::short_count(*done)],
    };
    let left =
        total.and_then(|total| pace.left(*done, total)).map(|left| format!("{} left", text::clock(left)));
    let parts = Parts {
        share: progress.percent(),
        counts,
        rate: pace.per_second().map(text::rate),
        left: left.or_else(|| total.is_none().then(|| pace.elapsed().map(text::clock)).flatten()),
        message: &terminal::line(message),
        note,
    };
    layout::line(&parts, width)
}

/// Columns of a line. The last one stays free: what is written there makes some terminals go on to the next line.
fn columns() -> usize {
    usize::from(Term::stderr().size().1).saturating_sub(1).max(SPINNER + 1)
}

/// A line on stderr that changes; none unless `show`, or on something that is no terminal.
pub(super) fn line(show: bool) -> ProgressBar {
    let show = show && logging::format() == LogFormat::Human;
    let target = if show { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let line = ProgressBar::with_draw_target(None, target);
    line.enable_steady_tick(Duration::from_millis(120));
    line
}

/// Has a line that spins and shows how long it has done so say something.
pub(super) fn tell(line: &ProgressBar, message: &str) {
    line.set_message(terminal::line(message).into_owned());
}

/// A line for [`tell`].
pub(super) fn spinner() -> ProgressBar {
    line(true).with_style(style("{spinner} {elapsed:>3}  {wide_msg}"))
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants that the test below reads; should one be wrong, the plain bar still moves.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Runs `work`, which may take its time, and shows a spinner with its name meanwhile.
pub(super) async fn spin_during<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    let bar = spinner();
    tell(&bar, name);
    let done = tokio::task::spawn_blocking(work).await;
    bar.finish_and_clear();
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_templates() {
        for template in [PLAIN, SPINNING, "{spinner} {elapsed:>3}  {wide_msg}"] {
            ProgressStyle::with_template(template).unwrap();
        }
    }

    #[test]
    fn a_job_cannot_draw_beyond_its_line() {
        let line = line(false);
        tell(&line, "half\u{1b}[2J\r\nway");
        assert_eq!(line.message(), "half\\u001b[2J\\r\\nway");
    }

    #[test]
    fn whatever_a_job_says_it_is_one_line() {
        let start = Instant::now();
        let messages =
            ["", "ok", "\u{1b}[2Jtwo\nlines", &"long ".repeat(100), &"東京".repeat(60), "e\u{301}👩‍🚀"];
        for message in messages {
            for (done, total) in [
                (0, None),
                (u64::MAX, None),
                (0, Some(0)),
                (3, Some(7)),
                (9, Some(7)),
                (u64::MAX - 1, Some(u64::MAX)),
            ] {
                let mut pace = Pace::default();
                pace.observe(start, 1, 0);
                pace.observe(start + Duration::from_secs(3), 1, done);
                let progress = Progress { done, total, message: message.into() };
                for note in ["", "cancelling (Ctrl-C again leaves at once)"] {
                    for width in [1, 2, 5, 10, 19, 39, 59, 79, 99, 199] {
                        let line = running(&progress, &pace, note, width);
                        let columns = console::measure_text_width(&line);
                        assert!(columns <= width, "{columns} > {width}: {line:?}");
                        assert_eq!(terminal::line(&line), line);
                    }
                }
            }
        }
    }

    #[test]
    fn a_wide_terminal_shows_everything_and_a_narrow_one_what_matters() {
        let mut pace = Pace::default();
        let start = Instant::now();
        pace.observe(start, 1, 0);
        pace.observe(start + Duration::from_secs(2), 1, 500_000);
        let progress = Progress { done: 500_000, total: Some(1_000_000), message: "orders".into() };
        let at = |width| running(&progress, &pace, "", width);
        assert_eq!(
            at(99),
            "███████████████░░░░░░░░░░░░░░░   50 %  500,000 of 1,000,000  250 k/s  2 s left  orders"
        );
        assert_eq!(at(59), "██████░░░░░░   50 %  500,000 of 1,000,000  2 s left  orders");
        assert_eq!(at(39), "█████░░░░░   50 %  500 k of 1 M  orders");
        assert_eq!(at(6), " 50 %");
    }
}
