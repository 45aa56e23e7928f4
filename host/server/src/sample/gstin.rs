//! GST identification numbers: state code (2 digits), PAN (10 characters), registration number of that PAN in
//! the state, the letter Z, and a check character.

use super::dice::Dice;

const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The number of a company with this PAN; `registration` counts its registrations in the state, from 1.
pub(super) fn gstin(state_code: &str, pan: &str, registration: u8) -> String {
    let body = format!("{state_code}{pan}{registration}Z");
    let check = check_character(&body);
    format!("{body}{check}")
}

/// A PAN: three letters, the kind of holder (`C` company, `F` firm, `P` person), the holder's initial, four
/// digits, and a letter.
pub(super) fn pan(dice: &mut Dice, kind: char, initial: char) -> String {
    let mut letter = || char::from(b'A' + dice.below(26) as u8);
    let (a, b, c, last) = (letter(), letter(), letter(), letter());
    let digits = dice.between(1, 9999);
    format!("{a}{b}{c}{kind}{initial}{digits:04}{last}")
}

/// Luhn's rule in base 36: every second character counts double, and digits of products are added up.
fn check_character(body: &str) -> char {
    let sum: usize = body
        .bytes()
        .enumerate()
        .map(|(position, byte)| {
            let value = ALPHABET.iter().position(|c| *c == byte).unwrap_or_default();
            let product = value * (1 + position % 2);
            product / 36 + product % 36
        })
        .sum();
    char::from(ALPHABET[(36 - sum % 36) % 36])
}

#[cfg(test)]
pub(super) fn is_valid(text: &str) -> bool {
    let shape = "99AAAAA9999A9ZX";
    let fits = |(c, s): (char, char)| match s {
        '9' => c.is_ascii_digit(),
        'A' => c.is_ascii_uppercase(),
        'Z' => c == 'Z',
        _ => c.is_ascii_digit() || c.is_ascii_uppercase(),
    };
    text.len() == shape.len() && text.chars().zip(shape.chars()).all(fits) && {
        let (body, check) = text.split_at(14);
        check.starts_with(check_character(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_character_is_that_of_a_published_number() {
        assert_eq!(check_character("27AAPFU0939F1Z"), 'V');
        assert!(is_valid("27AAPFU0939F1ZV"));
        assert!(!is_valid("27AAPFU0939F1ZX"));
        assert!(!is_valid("27AAPFU0993F1ZV"), "two digits swapped");
        assert!(!is_valid("27AAPFU0939F1Z"));
    }

    #[test]
    fn what_we_make_is_valid() {
        let mut dice = Dice::new(1);
        for _ in 0..1000 {
            let pan = pan(&mut dice, 'C', 'K');
            assert!(is_valid(&gstin("07", &pan, 1)), "{pan}");
        }
    }
}
