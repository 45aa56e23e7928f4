//! Which font each part of a text is written in.

use super::fonts::Noto;
use super::text;
use unicode_segmentation::UnicodeSegmentation;

/// A part of a text that one font has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run<'a> {
    /// None for Helvetica.
    pub(super) font: Option<Noto>,
    pub(super) text: &'a str,
}

/// Splits a text into runs.
///
/// Letters that are read as one, such as a consonant and its vowel sign, stay together because they are shaped
/// together. A word is not half in Helvetica and half in the embedded Latin font. What no font has is Helvetica's,
/// which writes `?`.
pub(super) fn split(text: &str) -> Vec<Run<'_>> {
    if text::has(text) {
        return vec![Run { font: None, text }];
    }
    let mut runs = Runs { text, ends: Vec::new() };
    for word in text.split_inclusive(' ') {
        let is_latin = word.graphemes(true).any(|cluster| !text::has(cluster) && Noto::LATIN.has(cluster));
        for cluster in word.graphemes(true) {
            if is_latin && Noto::LATIN.has(cluster) {
                runs.push(Some(Noto::LATIN), cluster.len());
            } else {
                runs.push_cluster(cluster);
            }
        }
    }
    runs.finish()
}

struct Runs<'a> {
    text: &'a str,
    /// The runs so far: font, and where the run ends.
    ends: Vec<(Option<Noto>, usize)>,
}

impl<'a> Runs<'a> {
    fn push_cluster(&mut self, cluster: &str) {
        let font = self.font_of(cluster);
        if font.is_some() || text::has(cluster) {
            self.push(font, cluster.len());
            return;
        }
        for letter in cluster.split_inclusive(|_| true) {
            self.push(self.font_of(letter), letter.len());
        }
    }

    /// The font of the run before is best, because scripts share some signs.
    fn font_of(&self, letters: &str) -> Option<Noto> {
        if text::has(letters) {
            return None;
        }
        let last = self.ends.last().and_then(|(font, _)| *font);
        last.filter(|font| font.has(letters)).or_else(|| Noto::with(letters))
    }

    fn push(&mut self, font: Option<Noto>, length: usize) {
        let end = self.start_of(self.ends.len()) + length;
        if font.is_some() && self.is_joined_by_space(font) {
            self.ends.pop();
        }
        match self.ends.last_mut() {
            Some((last, last_end)) if *last == font => *last_end = end,
            _ => self.ends.push((font, end)),
        }
    }

    /// Whether there is just space since this font's last run. It is more compact to write all as one run.
    fn is_joined_by_space(&self, font: Option<Noto>) -> bool {
        let [.., (before, _), (None, end)] = self.ends[..] else { return false };
        let between = &self.text[self.start_of(self.ends.len() - 1)..end];
        before == font && between.chars().all(|letter| letter == ' ' || text::is_invisible(letter))
    }

    fn start_of(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before].1)
    }

    fn finish(self) -> Vec<Run<'a>> {
        let run = |(index, (font, end)): (usize, &(Option<Noto>, usize))| Run {
            font: *font,
            text: &self.text[self.start_of(index)..*end],
        };
        self.ends.iter().enumerate().map(run).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The runs with the script in the font's name, `-` for Helvetica.
    fn runs(text: &str) -> Vec<(&'static str, &str)> {
        let script = |font: Noto| font.name().trim_start_matches("NotoSans").trim_end_matches("-Regular");
        split(text).into_iter().map(|run| (run.font.map_or("-", script), run.text)).collect()
    }

    #[test]
    fn windows_1252_stays_in_helvetica() {
        assert_eq!(runs("Café – ₹5"), [("-", "Café – ₹5")]);
        assert_eq!(runs(""), [("-", "")]);
    }

    #[test]
    fn each_script_is_a_run() {
        assert_eq!(runs("12, गांधी मार्ग"), [("-", "12, "), ("Devanagari", "गांधी मार्ग")]);
        assert_eq!(
            runs("முருகன் & গান্ধী (Лев)"),
            [("Tamil", "முருகன்"), ("-", " & "), ("Bengali", "গান্ধী"), ("-", " "), ("", "(Лев)")]
        );
        assert_eq!(runs("1 Łódź 2"), [("-", "1 "), ("", "Łódź "), ("-", "2")]);
    }

    #[test]
    fn signs_stay_with_the_script_before_them() {
        // The danda is Devanagari's, and other scripts use it too.
        assert_eq!(runs("গান্ধী।"), [("Bengali", "গান্ধী।")]);
        // Joiners are part of the word.
        assert_eq!(runs("क्\u{200d}ष"), [("Devanagari", "क्\u{200d}ष")]);
        assert_eq!(runs("शर्\u{200c}मा A"), [("Devanagari", "शर्\u{200c}मा"), ("-", " A")]);
        // So is an accent that is apart from its letter.
        assert_eq!(runs("de\u{301}f"), [("", "de\u{301}f")]);
    }

    #[test]
    fn what_no_font_has_is_helveticas() {
        assert_eq!(runs("क漢字"), [("Devanagari", "क"), ("-", "漢字")]);
        assert_eq!(runs("क\u{1dff0}"), [("Devanagari", "क"), ("-", "\u{1dff0}")]);
    }
}
