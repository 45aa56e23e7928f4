//! Virtual tables of a source: indexes for full text and for ranges, whose contents are in ordinary tables of their own.

use rusqlite::Connection;

/// Modules whose tables only read tables of the same database, and the ends of the names of those.
const INDEXES: [(&str, &[&str]); 6] = [
    ("fts3", &["content", "segments", "segdir", "docsize", "stat"]),
    ("fts4", &["content", "segments", "segdir", "docsize", "stat"]),
    ("fts5", &["data", "idx", "content", "docsize", "config"]),
    ("rtree", &["node", "rowid", "parent"]),
    ("rtree_i32", &["node", "rowid", "parent"]),
    ("geopoly", &["node", "rowid", "parent"]),
];

/// The indexes of a source, with the ends of the names of their own tables.
#[derive(Debug, Default)]
pub(crate) struct VirtualTables(Vec<(String, &'static [&'static str])>);

impl VirtualTables {
    /// Those of the source that `connection` reads.
    pub(crate) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        // Virtual tables have no page of their own.
        let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND rootpage = 0";
        let mut statement = connection.prepare(sql)?;
        let tables =
            statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        let mut indexes = Vec::new();
        for table in tables {
            let Ok((name, sql)) = table else { continue };
            let module = module(&sql).unwrap_or_default();
            let known = INDEXES.iter().find(|(known, _)| known.eq_ignore_ascii_case(&module));
            indexes.extend(known.map(|(_, suffixes)| (name, *suffixes)));
        }
        Ok(Self(indexes))
    }

    /// The index that keeps its contents in `table`.
    pub(crate) fn owner_of(&self, table: &str) -> Option<&str> {
        let owns = |name: &str, suffixes: &[&str]| {
            let (start, end) = table.split_at_checked(name.len())?;
            let end = end.strip_prefix('_')?;
            let is_own = start.eq_ignore_ascii_case(name)
                && suffixes.iter().any(|suffix| suffix.eq_ignore_ascii_case(end));
            is_own.then_some(())
        };
        self.0.iter().find(|(name, suffixes)| owns(name, suffixes).is_some()).map(|(name, _)| name.as_str())
    }
}

/// The module in a `CREATE VIRTUAL TABLE name USING module(…)`, as SQLite keeps it.
fn module(sql: &str) -> Option<String> {
    let mut rest = sql.trim_start().get("CREATE VIRTUAL TABLE".len()..)?;
    let mut words = std::iter::from_fn(|| {
        let (word, after) = word(rest)?;
        rest = after;
        Some(word)
    });
    words.find(|word| matches!(word, Word::Bare(word) if word.eq_ignore_ascii_case("using")))?;
    words.next().map(|(Word::Bare(word) | Word::Quoted(word))| word.to_owned())
}

/// A name, or what stands for one.
enum Word<'a> {
    Bare(&'a str),
    Quoted(&'a str),
}

/// The first word of `sql`, and what comes after it.
fn word(sql: &str) -> Option<(Word<'_>, &str)> {
    let sql = sql.trim_start_matches(|c: char| c.is_whitespace() || c == '.');
    let end = match sql.chars().next()? {
        quote @ ('"' | '`' | '\'') => quote,
        '[' => ']',
        _ => {
            let end = sql.find(|c: char| c.is_whitespace() || "(.\"[`'".contains(c)).unwrap_or(sql.len());
            let (word, after) = sql.split_at(end.max(1));
            return Some((Word::Bare(word), after));
        }
    };
    let (word, after) = sql.get(1..)?.split_once(end)?;
    Some((Word::Quoted(word), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_found_whatever_the_name() {
        for (sql, expected) in [
            ("CREATE VIRTUAL TABLE notes USING fts5(body)", "fts5"),
            ("CREATE VIRTUAL TABLE \"a using b\" USING \"rtree\" (id, x0, x1)", "rtree"),
            ("CREATE VIRTUAL TABLE [using] using FTS4(x)", "FTS4"),
            ("CREATE VIRTUAL TABLE main.t\nUSING\n  dbstat", "dbstat"),
            ("CREATE VIRTUAL TABLE 'x' USING\tspellfix1", "spellfix1"),
        ] {
            assert_eq!(module(sql).as_deref(), Some(expected), "{sql}");
        }
        for sql in ["", "CREATE", "CREATE VIRTUAL TABLE \"x", "CREATE VIRTUAL TABLE x USING"] {
            assert_eq!(module(sql), None, "{sql}");
        }
    }

    #[test]
    fn the_tables_of_an_index_are_its_own() {
        let connection = crate::data::in_memory();
        connection
            .execute_batch(
                "CREATE VIRTUAL TABLE notes USING fts5(body);
                 CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
                 CREATE TABLE notes_mine(a); CREATE TABLE orders(a); CREATE TABLE orders_data(a);",
            )
            .unwrap();
        let tables = VirtualTables::of(&connection).unwrap();
        for own in ["notes_data", "NOTES_idx", "notes_content", "notes_docsize", "notes_config"] {
            assert_eq!(tables.owner_of(own), Some("notes"), "{own}");
        }
        assert_eq!(tables.owner_of("boxes_node"), Some("boxes"));
        for other in ["notes", "notes_mine", "orders_data", "boxes_data", "orders", "", "ünotes_data"] {
            assert_eq!(tables.owner_of(other), None, "{other}");
        }
    }
}
