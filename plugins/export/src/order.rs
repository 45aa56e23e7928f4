//! The order in which rows are read, and how reading resumes after a row.

use crate::catalog::Table;
use crate::sql::{self, Conditions};
use longshore_plugin::prelude::*;
use longshore_plugin::{Cell, Source};

/// The order of the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ReadOrder {
    /// By key: the rowid, or the primary key of a WITHOUT ROWID table. As long as the data does not change, reading
    /// resumes by one search in the key's index.
    Key(
        /// SQL of the key's parts.
        Vec<String>,
    ),
    /// In the order in which the source gives them: that of a view is its own.
    AsGiven,
}

/// Where reading is: after so many rows, the last of which has this key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// How many rows are in the file.
    pub(crate) rows: u64,
    /// How many rows were read, with those that were judged not to be wanted.
    pub(crate) read: u64,
    /// Key of the last one; none at the start, and where there is none to search by.
    pub(crate) key: Option<Vec<Value>>,
}

impl ReadOrder {
    /// The best order that the table has.
    pub(crate) fn of(table: &Table, source: &Source) -> Self {
        if let Some(rowid) = table.rowid(source) {
            return Self::Key(vec![format!("t.{rowid}")]);
        }
        let mut key: Vec<_> = table.columns.iter().filter(|column| column.key_part > 0).collect();
        key.sort_by_key(|column| column.key_part);
        if table.is_view || key.is_empty() {
            return Self::AsGiven;
        }
        Self::Key(key.iter().map(|column| sql::column(&column.name)).collect())
    }

    /// How many cells at the end of each row are the key.
    pub(crate) fn key_len(&self) -> usize {
        match self {
            Self::Key(parts) => parts.len(),
            Self::AsGiven => 0,
        }
    }

    /// The query that reads `columns` (SQL of each) of `table`, all rows or those after a key, and its parameters.
    pub(crate) fn select(
        &self,
        columns: &[String],
        table: &str,
        conditions: &Conditions,
        after: Option<&[Value]>,
    ) -> (String, Vec<Value>) {
        let mut conditions = conditions.clone();
        let mut selected = columns.to_vec();
        let mut tail = String::new();
        if let Self::Key(parts) = self {
            selected.extend_from_slice(parts);
            tail = format!(" ORDER BY {}", parts.join(", "));
            if let Some(key) = after {
                let marks = vec!["?"; parts.len()].join(", ");
                conditions.push(format!("({}) > ({marks})", parts.join(", ")), key.iter().cloned());
            }
        }
        let (selected, table) = (selected.join(", "), sql::quoted(table));
        let sql = format!("SELECT {selected} FROM {table} AS t{}{tail}", conditions.sql());
        (sql, conditions.params().to_vec())
    }
}

/// The key of a row, as values that can be bound again; none if the row has none or it cannot be.
pub(crate) fn key_of<'a>(cells: impl Iterator<Item = Cell<'a>>) -> Option<Vec<Value>> {
    let key: Option<Vec<_>> = cells
        .map(|cell| match cell {
            // It would be bound as a blob, which compares differently.
            Cell::InvalidText(_) => None,
            _ => Some(cell.to_value()),
        })
        .collect();
    key.filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_searched() {
        let order = ReadOrder::Key(vec!["t.\"a\"".into(), "t.\"b\"".into()]);
        let columns = ["t.\"c\"".to_owned()];
        let (sql, params) = order.select(&columns, "x", &Conditions::default(), None);
        assert_eq!(sql, r#"SELECT t."c", t."a", t."b" FROM "x" AS t ORDER BY t."a", t."b""#);
        assert_eq!(params, []);
        let mut conditions = Conditions::default();
        conditions.push("t.\"c\" = ?".into(), [Value::Integer(7)]);
        let (sql, params) = order.select(&columns, "x", &conditions, Some(&[1.into(), 2.into()]));
        let expected = r#"SELECT t."c", t."a", t."b" FROM "x" AS t WHERE t."c" = ? AND (t."a", t."b") > (?, ?) ORDER BY t."a", t."b""#;
        assert_eq!(sql, expected);
        assert_eq!(params, [7.into(), 1.into(), 2.into()]);
    }

    #[test]
    fn a_key_that_cannot_be_bound_again_is_not_kept() {
        assert_eq!(key_of([Cell::Integer(1), Cell::InvalidText(b"\xff")].into_iter()), None);
        assert_eq!(key_of([].into_iter()), None);
        assert_eq!(
            key_of([Cell::Integer(1), Cell::Text(b"a")].into_iter()),
            Some(vec![1.into(), "a".into()])
        );
    }
}
