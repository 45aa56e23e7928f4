//! What a query may read, as SQLite asks for each thing that a statement touches.

use std::sync::{Arc, Mutex, PoisonError};

use longshore_domain::Tables;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::data::virtual_tables::VirtualTables;

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

/// Questions about the whole database that full-text indexes ask of it, and that say nothing of its contents.
const PRAGMAS_OF_INDEXES: [&str; 2] = ["data_version", "page_size"];

/// Tables that hold nothing but what they are given.
const TABLES_OF_ARGUMENTS: [&str; 2] = ["json_each", "json_tree"];

/// Functions that reach out of the database.
const DENIED_FUNCTIONS: [&str; 5] = ["load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"];

/// Decides what one query may read, and remembers what it was refused.
#[derive(Clone, Default)]
pub(crate) struct Access {
    /// All tables without it.
    tables: Option<Arc<Tables>>,
    virtual_tables: Arc<VirtualTables>,
    refused: Arc<Mutex<Option<String>>>,
    denied: Arc<Mutex<Option<String>>>,
}

impl Access {
    pub(crate) fn new(tables: Option<Tables>) -> Self {
        Self { tables: tables.map(Arc::new), ..Self::default() }
    }

    /// The same for a source with these virtual tables.
    pub(crate) fn with(&self, virtual_tables: VirtualTables) -> Self {
        Self { virtual_tables: Arc::new(virtual_tables), ..self.clone() }
    }

    /// What the query was refused first, for people.
    pub(crate) fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the statement would have done besides reading, for people; its first attempt at that.
    pub(crate) fn denied(&self) -> Option<String> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers SQLite. Which view or common table expression reads a column is of no account: SQLite tells of its name
    /// only, and a query can give any name to an expression of its own. So what a view reads has to be granted, too.
    pub(crate) fn authorize(&self, context: &AuthContext<'_>) -> Authorization {
        let is_allowed = match context.action {
            AuthAction::Select | AuthAction::Recursive => true,
            AuthAction::Read { table_name, column_name } => self.may_read(table_name, column_name),
            AuthAction::Function { function_name } => !is(function_name, &DENIED_FUNCTIONS),
            AuthAction::Pragma { pragma_name, pragma_value } => self.may_ask(pragma_name, pragma_value),
            // A full-text or R-tree index prepares all its statements when it is opened, those that write, too. Here they can be
            // prepared and do nothing: the connection only reads, and so does the VFS under it.
            AuthAction::Insert { table_name }
            | AuthAction::Delete { table_name }
            | AuthAction::Update { table_name, .. } => self.virtual_tables.owner_of(table_name).is_some(),
            _ => false,
        };
        if is_allowed {
            return Authorization::Allow;
        }
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        denied.get_or_insert_with(|| described(&context.action));
        Authorization::Deny
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
        // An index keeps its contents in tables of its own: who may read all of the index may read those.
        if self.virtual_tables.owner_of(table).is_some_and(|owner| tables.allow(owner, "*")) {
            return true;
        }
        self.note(if column.is_empty() { format!("{table:?}") } else { format!("{table:?}.{column:?}") });
        false
    }

    fn may_ask(&self, pragma: &str, value: Option<&str>) -> bool {
        if value.is_none() && is(pragma, &PRAGMAS_OF_INDEXES) {
            return true;
        }
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

/// What a statement would do, after "it would".
fn described(action: &AuthAction<'_>) -> String {
    match action {
        AuthAction::Insert { table_name } => format!("insert into {table_name:?}"),
        AuthAction::Delete { table_name } => format!("delete from {table_name:?}"),
        AuthAction::Update { table_name, .. } => format!("update {table_name:?}"),
        AuthAction::CreateTable { table_name } | AuthAction::CreateTempTable { table_name } => {
            format!("create the table {table_name:?}")
        }
        AuthAction::DropTable { table_name } => format!("drop the table {table_name:?}"),
        AuthAction::Attach { .. } => "attach another file".into(),
        AuthAction::Pragma { pragma_name, .. } => {
            format!("use PRAGMA {pragma_name}, and of those only {} are allowed", PRAGMAS.join(", "))
        }
        AuthAction::Function { function_name } => {
            format!("call {function_name}(), which reaches out of the database")
        }
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => "control a transaction".into(),
        _ => "do more than read".into(),
    }
}

fn is(name: &str, of: &[&str]) -> bool {
    of.iter().any(|other| other.eq_ignore_ascii_case(name))
}
