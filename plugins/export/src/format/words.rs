//! Short texts copied and searched eight bytes at a time.
//!
//! Most cells are short. For those a call that copies bytes, and a loop that looks at each, cost more than all the
//! rest; eight bytes in a register are copied by one instruction and searched by a few.

/// Texts up to this long are copied word by word; for longer ones the general copy is faster.
const SHORT: usize = 64;

const ONES: u64 = u64::from_le_bytes([0x01; 8]);
const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

/// Not zero if one of the word's bytes is below `limit`, which is 128 at most.
#[inline]
pub(super) fn any_below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS
}

/// Not zero if one of the word's bytes is `byte`.
#[inline]
pub(super) fn any_equal(word: u64, byte: u8) -> u64 {
    any_below(word ^ (ONES * u64::from(byte)), 1)
}

/// Appends a text, and says whether `special` (not zero if a word has such a byte) was met. Words are filled up by
/// repeating bytes of the text, so there is nothing in them that is not in it.
#[inline]
pub(super) fn push_searched(text: &[u8], out: &mut Vec<u8>, special: impl Fn(u64) -> u64) -> bool {
    let mut found = 0;
    if text.len() > SHORT {
        let (words, _) = text.as_chunks::<8>();
        for word in words {
            found |= special(u64::from_le_bytes(*word));
        }
        if let Some(last) = text.last_chunk() {
            found |= special(u64::from_le_bytes(*last));
        }
        out.extend_from_slice(text);
        return found != 0;
    }
    if let Some(last) = text.last_chunk::<8>() {
        let (words, rest) = text.as_chunks::<8>();
        for word in words {
            found |= special(u64::from_le_bytes(*word));
            out.extend_from_slice(word);
        }
        if !rest.is_empty() {
            // The last eight bytes, over those of them that are there already.
            found |= special(u64::from_le_bytes(*last));
            out.truncate(out.len() + rest.len() - 8);
            out.extend_from_slice(last);
        }
    } else if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let [first_word, last_word] = [first, last].map(|half| u64::from(u32::from_le_bytes(*half)));
        found = special(first_word | last_word << 32);
        out.extend_from_slice(first);
        out.truncate(out.len() + text.len() - 8);
        out.extend_from_slice(last);
    } else {
        for byte in text {
            found |= special(ONES * u64::from(*byte));
            out.push(*byte);
        }
    }
    found != 0
}

/// Appends bytes that need no search.
#[inline]
pub(super) fn push(bytes: &[u8], out: &mut Vec<u8>) {
    push_searched(bytes, out, |_| 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_searched() {
        for byte in 0..=255u8 {
            for place in 0..8 {
                let mut word = [0x7f; 8];
                word[place] = byte;
                let word = u64::from_le_bytes(word);
                assert_eq!(any_below(word, 0x20) != 0, byte < 0x20, "{byte:#x}");
                assert_eq!(any_equal(word, b'"') != 0, byte == b'"', "{byte:#x}");
            }
        }
    }

    #[test]
    fn texts_of_every_length_are_copied_and_searched() {
        for length in 0..200usize {
            let text: Vec<u8> = (0..length).map(|place| 0x80 | (place % 100) as u8).collect();
            let mut out = b"before".to_vec();
            assert!(!push_searched(&text, &mut out, |word| any_equal(word, b',')));
            assert_eq!(out, [b"before".as_slice(), &text].concat());
            for place in 0..length {
                let mut text = text.clone();
                text[place] = b',';
                let mut out = Vec::new();
                assert!(push_searched(&text, &mut out, |word| any_equal(word, b',')), "{place} of {length}");
                assert_eq!(out, text);
            }
        }
    }
}
