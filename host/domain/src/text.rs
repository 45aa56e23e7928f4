//! Texts that are cut before they are kept, or repeated in an error.

/// The first `chars` characters of `text`, or all of it where there are no more.
pub fn beginning_of(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_stay_whole() {
        assert_eq!(beginning_of("näïve", 3), "näï");
        assert_eq!(beginning_of("näïve", 5), "näïve");
        assert_eq!(beginning_of("", 5), "");
        assert_eq!(beginning_of("x", 0), "");
    }
}
