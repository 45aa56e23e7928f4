//! What of a job's progress has room in one line.

use console::{measure_text_width, truncate_str};

/// Columns of the bar itself.
const BAR_MIN: usize = 10;
const BAR_MAX: usize = 30;
/// Columns between two parts.
const GAP: usize = 2;
/// Columns that a message has before there is anything else than the share and the bar.
const MESSAGE_MIN: usize = 12;

/// What there is to show.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    /// Per cent done, where the total is known.
    pub(super) share: Option<u8>,
    /// How much is done, from the longest way of saying it to the shortest.
    pub(super) counts: Vec<String>,
    pub(super) rate: Option<String>,
    /// Time that is left, or that was spent where that is not known.
    pub(super) left: Option<String>,
    /// The job's own words, with nothing in them that a terminal obeys.
    pub(super) message: &'a str,
    /// A remark of ours, which comes before the job's words where there is no room for both.
    pub(super) note: &'a str,
}

/// The parts in `width` columns at most. Those that matter less are left out first: the rate, the time, the counts, the
/// bar. What the job and we say is cut.
pub(super) fn line(parts: &Parts<'_>, width: usize) -> String {
    let mut room = Room { left: width, is_empty: true };
    let share = parts.share.map(|share| format!("{share:>3} %")).filter(|share| room.take(share.len()));
    let words = words(parts, width);
    let wanted = measure_text_width(&words).min(MESSAGE_MIN.max(measure_text_width(parts.note)));
    let words_min = wanted.min(room.for_one_more());
    let has_words = words_min > 0 && room.take(words_min);
    let has_bar = share.is_some() && room.take(BAR_MIN);
    let counts = parts.counts.iter().find(|counts| room.take(measure_text_width(counts)));
    let time = parts.left.as_ref().filter(|time| room.take(time.len()));
    let rate = parts.rate.as_ref().filter(|rate| room.take(rate.len()));
    let more_words = if has_words { (measure_text_width(&words) - words_min).min(room.left) } else { 0 };
    let bar_columns = BAR_MAX.min(BAR_MIN + room.left - more_words);
    let bar = parts.share.filter(|_| has_bar).map(|share| bar(share, bar_columns));
    let words = has_words.then(|| truncate_str(&words, words_min + more_words, "…").into_owned());
    let shown = [bar.as_ref(), share.as_ref(), counts, rate, time, words.as_ref()];
    shown.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("  ")
}

/// Columns that are left of a line.
struct Room {
    left: usize,
    is_empty: bool,
}

impl Room {
    /// How many columns the next part may have.
    fn for_one_more(&self) -> usize {
        self.left.saturating_sub(if self.is_empty { 0 } else { GAP })
    }

    /// Takes room for a part, if there is so much, and says whether there was.
    fn take(&mut self, columns: usize) -> bool {
        let fits = columns <= self.for_one_more();
        if fits {
            self.left = self.for_one_more() - columns;
            self.is_empty = false;
        }
        fits
    }
}

/// The note and the job's words; only the note where there is no room for both.
fn words(parts: &Parts<'_>, width: usize) -> String {
    match (parts.message, parts.note) {
        (words, "") | ("", words) => words.to_owned(),
        (message, note) if measure_text_width(note) + GAP + MESSAGE_MIN <= width => {
            format!("{note}  {message}")
        }
        (_, note) => note.to_owned(),
    }
}

fn bar(share: u8, columns: usize) -> String {
    let done = columns * usize::from(share.min(100)) / 100;
    format!("{}{}", "█".repeat(done), "░".repeat(columns - done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_remark_comes_before_the_words_of_the_job() {
        let parts = Parts { message: "writing the register", note: "cancelling", ..Parts::default() };
        assert_eq!(line(&parts, 40), "cancelling  writing the register");
        assert_eq!(line(&parts, 24), "cancelling  writing the…");
        assert_eq!(line(&parts, 20), "cancelling");
        assert_eq!(line(&parts, 5), "canc…");
    }

    #[test]
    fn a_bar_is_as_full_as_the_job() {
        assert_eq!([bar(0, 4), bar(50, 4), bar(99, 4), bar(100, 4)], ["░░░░", "██░░", "███░", "████"]);
    }
}
