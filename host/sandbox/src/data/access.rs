//! What a query may read, as SQLite asks for each thing that a statement touches.

use std::sync::{Arc, Mutex, PoisonError};

use longshore_domain::Tables;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// Schema queries that a job may make besides SELECT; they only read.
const PRAGMAS: [&str; 7] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
];

/// Those of them whose argument is the name of the table that they tell of.
const PRAGMAS_OF_A_TABLE: [&str; 4] = ["table_info", "table_xinfo", "index_list", "foreign_key_list"];

/// Tables that hold nothing but what they are given.
const TABLES_OF_ARGUMENTS: [&str; 2] = ["json_each", "json_tree"];

/// Functions that reach out of the database.
const DENIED_FUNCTIONS: [&str; 5] = ["load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"];

/// Decides what one query may read, and remembers what it was refused.
#[derive(Clone, Default)]
pub(crate) struct Access {
    /// All tables without it.
    tables: Option<Arc<Tables>>,
    refused: Arc<Mutex<Option<String>>>,
}

impl Access {
    pub(crate) fn new(tables: Option<Tables>) -> Self {
        Self { tables: tables.map(Arc::new), refused: Arc::default() }
    }

    /// What the query was refused first, for people.
    pub(crate) fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers SQLite. Which view or common table expression reads a column is of no account: SQLite tells of its name
    /// only, and a query can give any name to an expression of its own. So what a view reads has to be granted, too.
    pub(crate) fn authorize(&self, context: &AuthContext<'_>) -> Authorization {
        let is_allowed = match context.action {
            AuthAction::Select | AuthAction::Recursive => true,
            AuthAction::Read { table_name, column_name } => self.may_read(table_name, column_name),
            AuthAction::Function { function_name } => !is(function_name, &DENIED_FUNCTIONS),
            AuthAction::Pragma { pragma_name, pragma_value } => self.may_ask(pragma_name, pragma_value),
            _ => false,
        };
        if is_allowed { Authorization::Allow } else { Authorization::Deny }
    }

    fn may_read(&self, table: &str, column: &str) -> bool {
        let Some(tables) = &self.tables else { return true };
        let is_pragma = table.get(..7).is_some_and(|start| {
            start.eq_ignore_ascii_case("pragma_") && is(&table[7..], &PRAGMAS_OF_A_TABLE)
        });
        // What such a table tells of is asked of `may_ask`.
        if is_pragma || is(table, &TABLES_OF_ARGUMENTS) || tables.allow(table, column) {
            return true;
        }
        self.note(if column.is_empty() { format!("{table:?}") } else { format!("{table:?}.{column:?}") });
        false
    }

    fn may_ask(&self, pragma: &str, value: Option<&str>) -> bool {
        if !is(pragma, &PRAGMAS) {
            return false;
        }
        let Some(tables) = &self.tables else { return true };
        let is_allowed =
            is(pragma, &PRAGMAS_OF_A_TABLE) && value.is_some_and(|table| tables.allow(table, ""));
        if !is_allowed {
            self.note(format!("{pragma} of {:?}", value.unwrap_or("everything")));
        }
        is_allowed
    }

    fn note(&self, what: String) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
    }
}

fn is(name: &str, of: &[&str]) -> bool {
    of.iter().any(|other| other.eq_ignore_ascii_case(name))
}
