//! What a source has: its tables and views, their columns, and what a person probably meant.

use longshore_plugin::prelude::*;
use longshore_plugin::{Cell, Source};

/// Names that an error lists at most; past that a list helps nobody.
const NAMES_LISTED_MAX: usize = 40;

/// A table or view, as the source spells it.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) is_view: bool,
    pub(crate) columns: Vec<Column>,
}

/// A column of a [`Table`].
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) declared_type: String,
    /// Its place in the primary key, from 1; 0 if it is not part of it.
    pub(crate) key_part: u32,
    /// Whether its name is UTF-8; no other can be written in SQL.
    pub(crate) is_named: bool,
}

impl Table {
    /// Looks a table or view up, by its exact name or else ignoring case as SQL does.
    pub(crate) fn find(source: &Source, name: &str) -> Result<Self> {
        let all = source.list(
            "SELECT name, type = 'view' AS is_view FROM sqlite_schema \
             WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
            &[],
            // A name that is not UTF-8 cannot be written in SQL, so nobody can ask for that table.
            |row| Ok((row.get::<String>("name").ok(), row.get::<bool>("is_view")?)),
        );
        let all =
            all.map(|all| all.into_iter().filter_map(|(name, is_view)| Some((name?, is_view))).collect());
        // Where only some tables are granted the list of all is not, and what is asked for may well be.
        let all: Vec<_> = all.unwrap_or_else(|_| vec![(name.to_owned(), false)]);
        let Some(found) = pick(name, all.iter().map(|(name, _)| name.as_str())) else {
            let what = format!("there is no table or view `{name}` in the source `{}`", source.name());
            return Err(not_found(&what, name, all.iter().map(|(name, _)| name.as_str())));
        };
        let (name, is_view) = all[found].clone();
        let columns = source.list(
            // Hidden columns of virtual tables (1) are arguments rather than data; generated ones (2, 3) are data.
            "SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid",
            &[name.as_str().into()],
            |row| {
                let name: &[u8] = row.get("name")?;
                let declared_type = row.get::<Option<&[u8]>>("type")?.unwrap_or_default();
                Ok(Column {
                    is_named: std::str::from_utf8(name).is_ok(),
                    name: String::from_utf8_lossy(name).into_owned(),
                    declared_type: String::from_utf8_lossy(declared_type).into_owned(),
                    key_part: row.get("pk")?,
                })
            },
        )?;
        if columns.is_empty() {
            let what = format!("there is no table or view `{name}` in the source `{}`", source.name());
            return Err(JobError::invalid_input(what));
        }
        Ok(Self { name, is_view, columns })
    }

    /// Looks a column up, by its exact name or else ignoring case.
    pub(crate) fn column(&self, name: &str) -> Result<&Column> {
        let named = || self.columns.iter().filter(|column| column.is_named);
        let names = || named().map(|column| column.name.as_str());
        let found = pick(name, names()).and_then(|index| named().nth(index));
        found.ok_or_else(|| not_found(&format!("`{}` has no column `{name}`", self.name), name, names()))
    }

    /// Columns that seem to hold dates, to be offered when a date range lacks its column.
    pub(crate) fn date_like_columns(&self) -> Vec<&str> {
        let seems = |column: &&Column| {
            let (name, declared) = (column.name.to_lowercase(), column.declared_type.to_lowercase());
            name.ends_with("_at")
                || name.contains("date")
                || name.contains("time")
                || declared.contains("date")
        };
        self.columns.iter().filter(seems).map(|column| column.name.as_str()).collect()
    }

    /// A name of the table's rowid that no column hides; none for views and tables without one.
    ///
    /// Asked of SQLite itself, because a table's SQL does not tell reliably whether it is WITHOUT ROWID.
    pub(crate) fn rowid(&self, source: &Source) -> Option<&'static str> {
        if self.is_view {
            return None;
        }
        let hidden = |alias: &str| self.columns.iter().any(|column| column.name.eq_ignore_ascii_case(alias));
        let alias = ["rowid", "_rowid_", "oid"].into_iter().find(|alias| !hidden(alias))?;
        let sql = format!("SELECT t.{alias} FROM {} AS t LIMIT 1", crate::sql::quoted(&self.name));
        let mut is_integer = true;
        let asked = source.query(&sql, &[]).map_err(JobError::from).and_then(|mut cursor| {
            cursor.for_each(|row| {
                is_integer = matches!(row.cells().next(), Some(Cell::Integer(_)));
                Ok(())
            })
        });
        (asked.is_ok() && is_integer).then_some(alias)
    }
}

/// The index of the name that is meant: the exact one, or else the only one that differs in case alone.
fn pick<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<usize> {
    names.clone().position(|other| other == name).or_else(|| {
        let lower = name.to_lowercase();
        let mut alike = names.enumerate().filter(|(_, other)| other.to_lowercase() == lower);
        alike.next().filter(|_| alike.next().is_none()).map(|(index, _)| index)
    })
}

fn not_found<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str>) -> JobError {
    let mut names: Vec<_> = names.collect();
    let lower = name.to_lowercase();
    let likeness = |other: &str| strsim::jaro_winkler(&lower, &other.to_lowercase());
    let nearest = names.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = match nearest.filter(|other| likeness(other) > 0.8) {
        Some(other) => format!("; did you mean `{other}`?"),
        None => ".".into(),
    };
    let left_out = names.len().saturating_sub(NAMES_LISTED_MAX);
    names.truncate(NAMES_LISTED_MAX);
    let mut list = names.join(", ");
    if left_out > 0 {
        list = format!("{list} and {left_out} more");
    }
    JobError::invalid_input(format!("{what}{hint} There is: {list}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_exactly_or_without_case() {
        let names = ["Orders", "orders", "Customers"];
        assert_eq!(pick("orders", names.into_iter()), Some(1));
        assert_eq!(pick("customers", names.into_iter()), Some(2));
        assert_eq!(pick("ORDERS", names.into_iter()), None, "two names differ in case alone");
        assert_eq!(pick("order", names.into_iter()), None);
    }

    #[test]
    fn a_wrong_name_lists_what_exists_and_the_nearest() {
        let names = ["branches", "customers", "orders", "order_lines"];
        let error = not_found("there is no table `order`", "order", names.into_iter());
        let expected = "there is no table `order`; did you mean `orders`? \
                        There is: branches, customers, orders, order_lines";
        assert_eq!(error, JobError::invalid_input(expected));
        let error = not_found("there is no table `zzz`", "zzz", names.into_iter());
        assert!(error.to_string().contains("`zzz`. There is: branches"), "{error}");
    }
}
