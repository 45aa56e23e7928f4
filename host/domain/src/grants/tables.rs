//! Which tables and columns of a source a job may read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Tables of a source, and what of each may be read. Names are compared as SQL does, ignoring the case of ASCII letters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tables(BTreeMap<String, Columns>);

impl Tables {
    /// The tables by their names, and the columns of each; all of a table without any.
    pub fn granted(&self) -> impl Iterator<Item = (&str, Option<&[String]>)> {
        self.0.iter().map(|(table, columns)| match columns {
            Columns::All(_) => (table.as_str(), None),
            Columns::Some(names) => (table.as_str(), Some(names.as_slice())),
        })
    }

    /// Whether a column of a table may be read. An empty column stands for the fact that there are rows.
    pub fn allow(&self, table: &str, column: &str) -> bool {
        let of = |name: &str| self.0.iter().find(|(granted, _)| granted.eq_ignore_ascii_case(name));
        match of(table) {
            None => false,
            Some((_, Columns::All(_))) => true,
            Some((_, Columns::Some(names))) => {
                column.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(column))
            }
        }
    }
}

/// Columns of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "\"*\" for all columns, or a list of their names")]
enum Columns {
    All(Star),
    Some(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Star {
    #[serde(rename = "*")]
    All,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_granted_by_name_in_any_case() {
        let tables: Tables = serde_json::from_str(r#"{"orders": "*", "Customers": ["id", "City"]}"#).unwrap();
        assert!(tables.allow("ORDERS", "anything") && tables.allow("orders", ""));
        assert!(tables.allow("customers", "ID") && tables.allow("CUSTOMERS", "city"));
        assert!(tables.allow("customers", ""), "that there are rows is no secret");
        assert!(!tables.allow("customers", "email") && !tables.allow("products", ""));
        assert!(serde_json::from_str::<Tables>(r#"{"orders": "all"}"#).is_err());
    }
}
