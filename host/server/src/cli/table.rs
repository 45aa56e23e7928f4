//! Tables for people.

use crate::terminal;

/// A table, laid out when it is printed.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings and no rows.
    pub(super) fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(ToString::to_string).collect()] }
    }

    /// Adds a row. Line breaks would tear the table apart, so they become spaces. What else a terminal would obey is
    /// escaped here, because the columns are as wide as what is shown.
    pub(super) fn row(&mut self, cells: &[String]) {
        let on_one_line = |cell: &String| cell.split_whitespace().collect::<Vec<_>>().join(" ");
        self.rows.push(cells.iter().map(|cell| terminal::line(&on_one_line(cell)).into_owned()).collect());
    }

    /// The table as text, each column as wide as its widest cell and the last one as long as it is.
    pub(super) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["NAME", "STATE"]);
        table.row(&["export".into(), "ready".into()]);
        table.row(&["é".into(), "blocked\nwhy".into()]);
        assert_eq!(table.render(), "NAME    STATE\nexport  ready\né       blocked why");
    }

    #[test]
    fn a_cell_cannot_reach_out_of_its_table() {
        let mut table = Table::new(&["NAME", "STATE"]);
        table.row(&["a\u{1b}[2J".into(), "one\u{85}two\u{202e}".into()]);
        table.row(&["b".into(), "c".into()]);
        assert_eq!(table.render(), "NAME        STATE\na\\u001b[2J  one two\\u202e\nb           c");
    }
}
