//! What the file is called.

use crate::input::{Compression, Format, Input};
use unicode_segmentation::UnicodeSegmentation;

/// Bytes of a name that is made from a table's, extensions not counted. The host takes 240 and 128 characters.
const STEM_BYTES_MAX: usize = 200;
const STEM_CHARS_MAX: usize = 100;

/// The name that the input gives, or one made of the table's.
pub(crate) fn of(input: &Input, table: &str) -> String {
    if let Some(name) = &input.file_name {
        return name.clone();
    }
    let extension = match input.format {
        Format::Csv => "csv",
        Format::Jsonl => "jsonl",
        Format::Json => "json",
        Format::Parquet => "parquet",
    };
    let gzipped = input.compression == Some(Compression::Gzip) && input.format != Format::Parquet;
    format!("{}.{extension}{}", stem(table), if gzipped { ".gz" } else { "" })
}

/// A table may have any name. A file's has the same letters in any script, but none of the characters that a file
/// system or a shell of any system takes for something else.
fn stem(table: &str) -> String {
    let is_plain = |c: char| !(c.is_control() || r#"/\<>:"|?*"#.contains(c));
    let plain: String = table.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut stem = String::new();
    let mut chars = 0;
    // Cut between characters as they are read, never within one.
    for letter in plain.trim_start_matches('.').graphemes(true) {
        chars += letter.chars().count();
        if chars > STEM_CHARS_MAX || stem.len() + letter.len() > STEM_BYTES_MAX {
            break;
        }
        stem.push_str(letter);
    }
    if stem.trim().is_empty() { "export".into() } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn name(input: serde_json::Value, table: &str) -> String {
        of(&serde_json::from_value(input).unwrap(), table)
    }

    #[test]
    fn files_are_named_after_tables() {
        assert_eq!(name(json!({ "table": "orders" }), "orders"), "orders.csv");
        assert_eq!(
            name(json!({ "table": "x", "format": "jsonl", "compression": "gzip" }), "x"),
            "x.jsonl.gz"
        );
        assert_eq!(
            name(json!({ "table": "x", "format": "parquet", "compression": "gzip" }), "x"),
            "x.parquet"
        );
        assert_eq!(name(json!({ "table": "x" }), "../a/b"), "_a_b.csv");
        assert_eq!(name(json!({ "table": "x" }), "..."), "export.csv");
        assert_eq!(name(json!({ "table": "x", "file_name": "march.csv" }), "x"), "march.csv");
    }

    #[test]
    fn letters_of_every_script_stay() {
        for table in [
            "ऑर्डर",
            "注文 2026",
            "commandes d’été",
            "cafe\u{301}",
            "👩‍👩‍👧 orders",
            "हिन्दी (पुराना)",
            "نامه‌ها",
            "a+b=c",
        ] {
            assert_eq!(stem(table), table);
        }
        assert_eq!(stem("a:b|c\u{7}"), "a_b_c_");
    }

    #[test]
    fn long_names_are_cut_between_letters() {
        assert_eq!(stem(&"語".repeat(100)), "語".repeat(66));
        assert_eq!(stem(&"x".repeat(300)), "x".repeat(100));
        let family = "👩‍👩‍👧";
        assert_eq!(stem(&family.repeat(100)), family.repeat(STEM_BYTES_MAX / family.len()));
    }
}
