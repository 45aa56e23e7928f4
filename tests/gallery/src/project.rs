//! The project folder of a run: a shop to read, a channel to write to, the good neighbour, and guests with their policies.

use std::fs;
use std::path::{Path, PathBuf};

use longshore_bench::Result;
use longshore_bench::project::Project;
use rusqlite::Connection;

use crate::guests::Guest;
use crate::neighbours;

const TABLES: &str = "\
[sources.shop]
kind = \"sqlite\"
path = \"shop.db\"

[channels.email]
kind = \"spool\"
path = \"spool\"
";

const SHOP: &str = "\
PRAGMA journal_mode = wal;
CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER, total REAL);
INSERT INTO orders VALUES (1, 7, 9.5), (2, 7, 1.0);
CREATE TABLE customers(id INTEGER PRIMARY KEY, city TEXT, email TEXT);
INSERT INTO customers VALUES (7, 'Delhi', 'ann@example.com');
CREATE TABLE secrets(word TEXT);
INSERT INTO secrets VALUES ('hush');
";

/// What there is in the folder of a project when all goes well.
const KNOWN: [&str; 8] =
    ["longshore.toml", "plugins", "data", "spool", "shop.db", "shop.db-wal", "shop.db-shm", "serve.log"];

/// What projects are made of.
pub(crate) struct Ground<'a> {
    pub(crate) longshore: &'a Path,
    /// The components of all guests.
    pub(crate) components: PathBuf,
    /// Compiled code, which all projects of a run share.
    pub(crate) cache: PathBuf,
}

impl Ground<'_> {
    /// A project with the good neighbour in it.
    pub(crate) fn project(&self) -> Result<Project> {
        let none = tempfile::tempdir()?;
        let project = Project::with_config(self.longshore, none.path(), TABLES)?
            .with_env("XDG_CACHE_HOME", &self.cache);
        Connection::open(project.folder().join("shop.db"))?.execute_batch(SHOP)?;
        put(&project, neighbours::NAME, &self.component(neighbours::NAME)?, neighbours::POLICY)?;
        Ok(project)
    }

    /// The component of that name.
    pub(crate) fn component(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.components.join(name).with_extension("wasm");
        Ok(fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?)
    }

    /// Puts a guest into the plugin folder.
    pub(crate) fn add(&self, project: &Project, guest: &Guest) -> Result<()> {
        put(project, guest.name, &self.component(guest.name)?, &guest.policy_file())
    }
}

/// Puts a component into the plugin folder, in one step as an operator should, after its policy.
pub(crate) fn put(project: &Project, name: &str, component: &[u8], policy: &str) -> Result<()> {
    let (aside, plugins) = (project.folder().join("new.wasm"), project.folder().join("plugins"));
    fs::write(plugins.join(name).with_extension("toml"), policy)?;
    fs::write(&aside, component)?;
    fs::rename(aside, plugins.join(name).with_extension("wasm"))?;
    Ok(())
}

/// Files in the project's folder that should not be there.
pub(crate) fn strays(project: &Project) -> Result<Vec<String>> {
    let names = fs::read_dir(project.folder())?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>>>()?;
    Ok(names.into_iter().filter(|name| !KNOWN.contains(&name.as_str())).collect())
}
