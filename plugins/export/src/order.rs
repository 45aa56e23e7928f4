//! The order in which rows are read, and how reading goes on after a row.

use crate::catalog::Table;
use crate::sql::{self, Conditions};
use longshore_plugin::prelude::*;
use longshore_plugin::{Cell, Source};

/// A total order of the rows, chosen so that going on costs as little as the source allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ReadOrder {
    /// By key: the rowid, or the primary key of a WITHOUT ROWID table. Going on is one search in its index.
    Key(
        /// SQL of the key's parts.
        Vec<String>,
    ),
    /// In the order in which the source gives them, skipping those that were read. For views, which have no key:
    /// SQLite gives the rows of the same query on the same data in the same order.
    Skip,
}

/// Where reading is: after so many rows, the last of which has this key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// How many rows were read.
    pub(crate) rows: u64,
    /// Key of the last one; none at the start and where rows are skipped.
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
            return Self::Skip;
        }
        Self::Key(key.iter().map(|column| sql::column(&column.name)).collect())
    }

    /// How many cells at the end of each row are the key.
    pub(crate) fn key_len(&self) -> usize {
        match self {
            Self::Key(parts) => parts.len(),
            Self::Skip => 0,
        }
    }

    /// The query that reads `columns` (SQL of each) of `table` from `position` on, and its parameters.
    pub(crate) fn select(
        &self,
        columns: &[String],
        table: &str,
        conditions: &Conditions,
        position: &Position,
    ) -> (String, Vec<Value>) {
        let mut conditions = conditions.clone();
        let mut selected = columns.to_vec();
        let mut tail = String::new();
        if let Self::Key(parts) = self {
            selected.extend_from_slice(parts);
            tail = format!(" ORDER BY {}", parts.join(", "));
        }
        let mut skipped = 0;
        match (self, &position.key) {
            (Self::Key(parts), Some(key)) => {
                let marks = vec!["?"; parts.len()].join(", ");
                conditions.push(format!("({}) > ({marks})", parts.join(", ")), key.iter().cloned());
            }
            _ => skipped = position.rows,
        }
        let mut params = conditions.params().to_vec();
        if matches!(self, Self::Skip) || skipped > 0 {
            // Written from the start on, so that a resumed run's query differs in a bound value only and cannot
            // be planned differently.
            tail.push_str(" LIMIT -1 OFFSET ?");
            params.push(Value::Integer(i64::try_from(skipped).unwrap_or(i64::MAX)));
        }
        let (selected, table) = (selected.join(", "), sql::quoted(table));
        (format!("SELECT {selected} FROM {table} AS t{}{tail}", conditions.sql()), params)
    }
}

/// The key of a row, as values that can be bound again; none if the row has none or it cannot be.
pub(crate) fn key_of<'a>(cells: impl Iterator<Item = Cell<'a>>) -> Option<Vec<Value>> {
    let key: Option<Vec<_>> = cells
        .map(|cell| match cell {
            // Perhaps text that is not UTF-8, which compares differently when bound as a blob. Skipping rows is
            // slower, and right.
            Cell::Blob(_) => None,
            _ => Some(cell.to_value()),
        })
        .collect();
    key.filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rows: u64, key: &[i64]) -> Position {
        let key: Vec<_> = key.iter().copied().map(Value::Integer).collect();
        Position { rows, key: (!key.is_empty()).then_some(key) }
    }

    #[test]
    fn a_key_is_searched() {
        let order = ReadOrder::Key(vec!["t.\"a\"".into(), "t.\"b\"".into()]);
        let columns = ["t.\"c\"".to_owned()];
        let (sql, params) = order.select(&columns, "x", &Conditions::default(), &at(0, &[]));
        assert_eq!(sql, r#"SELECT t."c", t."a", t."b" FROM "x" AS t ORDER BY t."a", t."b""#);
        assert_eq!(params, []);
        let mut conditions = Conditions::default();
        conditions.push("t.\"c\" = ?".into(), [Value::Integer(7)]);
        let (sql, params) = order.select(&columns, "x", &conditions, &at(2, &[1, 2]));
        let expected = r#"SELECT t."c", t."a", t."b" FROM "x" AS t WHERE t."c" = ? AND (t."a", t."b") > (?, ?) ORDER BY t."a", t."b""#;
        assert_eq!(sql, expected);
        assert_eq!(params, [7.into(), 1.into(), 2.into()]);
    }

    #[test]
    fn rows_without_a_key_are_skipped() {
        let (sql, params) =
            ReadOrder::Skip.select(&["t.\"c\"".into()], "v", &Conditions::default(), &at(5, &[]));
        assert_eq!(sql, r#"SELECT t."c" FROM "v" AS t LIMIT -1 OFFSET ?"#);
        assert_eq!(params, [5.into()]);
    }

    #[test]
    fn a_key_that_cannot_be_bound_again_is_not_kept() {
        assert_eq!(key_of([Cell::Integer(1), Cell::Blob(b"\xff")].into_iter()), None);
        assert_eq!(key_of([].into_iter()), None);
        assert_eq!(
            key_of([Cell::Integer(1), Cell::Text(b"a")].into_iter()),
            Some(vec![1.into(), "a".into()])
        );
    }
}
