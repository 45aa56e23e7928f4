//! `longshore plugin new`

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use longshore_domain::JobTypeName;

use crate::cli::errors::Usage;
use crate::cli::output::print;
use crate::embedded::TEMPLATES;

const AFTER_HELP: &str = "\
Examples:
  longshore plugin new late_orders                      in Rust, in the new folder late_orders
  longshore plugin new late_orders --lang python
  longshore plugin new late_orders ~/plugins/orders

The folder is a complete job with its tests, and builds alone. Its README.md says how.";

/// Folders that are the same in every plugin.
const SHARED: [&str; 2] = ["longshore-plugin", "wit"];

/// Write a new plugin, with tests, to start from
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(in crate::cli) struct Args {
    /// Name of its job type, such as `late_orders`
    name: String,

    /// New directory to write it to [default: the name]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,

    /// Language
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    Javascript,
    Python,
    Rust,
}

impl Language {
    /// The name of its template.
    fn template(self) -> &'static str {
        match self {
            Self::Javascript => "javascript",
            Self::Python => "python",
            Self::Rust => "rust",
        }
    }

    /// How to test and how to build it.
    fn commands(self) -> [&'static str; 2] {
        match self {
            Self::Javascript => ["node --test", "npm ci && npm run build"],
            Self::Python => ["python3 -m unittest", "bash build.sh"],
            Self::Rust => ["cargo test", "cargo build --release --target wasm32-wasip2"],
        }
    }

    /// Where the build leaves the component.
    fn component(self, name: &str) -> String {
        match self {
            Self::Rust => format!("target/wasm32-wasip2/release/{name}.wasm"),
            Self::Javascript | Self::Python => format!("{name}.wasm"),
        }
    }
}

pub(super) fn run(args: &Args) -> Result<()> {
    let name = args.name.parse::<JobTypeName>().map_err(|error| Usage {
        message: error.to_string(),
        hint: "choose a name such as late_orders".into(),
    })?;
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from(name.as_str()));
    // Made here and now, so that nothing of anybody else can be in it.
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    if let Err(error) = fs::create_dir(&dir) {
        if dir.exists() {
            let message = format!("{} exists, and nothing was written", dir.display());
            return Err(
                Usage { message, hint: "name a new directory after the name of the plugin".into() }.into()
            );
        }
        return Err(error).with_context(|| format!("cannot create {}", dir.display()));
    }
    write(&dir, name.as_str(), args.lang)?;
    print(&report(&dir, name.as_str(), args.lang))
}

fn write(dir: &Path, name: &str, language: Language) -> Result<()> {
    let template = TEMPLATES.iter().find(|template| template.language == language.template());
    let template = template.with_context(|| format!("this program has no template in {language:?}"))?;
    for (path, text) in template.files {
        let shared = SHARED.iter().any(|folder| Path::new(path).starts_with(folder));
        let (path, text) = if shared {
            ((*path).to_owned(), (*text).to_owned())
        } else {
            (renamed(path, name), renamed(text, name))
        };
        let path = dir.join(path);
        let in_place = || format!("cannot write {}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(in_place)?;
        }
        fs::write(&path, text).with_context(in_place)?;
    }
    Ok(())
}

/// The text with the template's name, in each of its spellings, replaced by that of the new plugin.
fn renamed(text: &str, name: &str) -> String {
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    let camel: String = words.iter().map(|word| capital(word)).collect();
    text.replace("word_count", name)
        .replace("word-count", &words.join("-"))
        .replace("WordCount", &camel)
        .replace("Word count", &capital(&words.join(" ")))
}

fn report(dir: &Path, name: &str, language: Language) -> String {
    let [test, build] = language.commands();
    let dir = dir.display();
    let component = language.component(name);
    format!(
        "Wrote the plugin {name} to {dir}: a job that counts words, to be changed into yours.

What to do next, in {dir}:
  {test}
  {build}

Then copy {name}.toml and {component} into the plugins folder of a project, in this order,
and see `longshore plugin list` there. README.md says more.
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spelling_of_the_name_is_replaced() {
        assert_eq!(
            renamed("word_count.toml word-count WordCount \"Word count\" counts words", "late_orders"),
            "late_orders.toml late-orders LateOrders \"Late orders\" counts words"
        );
        assert_eq!(renamed("WordCount", "a__b1"), "AB1");
    }

    #[test]
    fn each_language_has_a_template_with_tests_and_the_contract() {
        for (language, expected) in [
            (Language::Javascript, ["job.js", "late_orders.test.js", "late_orders.toml", "wit/job.wit"]),
            (Language::Python, ["app.py", "test_late_orders.py", "late_orders.toml", "wit/job.wit"]),
            (
                Language::Rust,
                ["src/lib.rs", "tests/late_orders.rs", "late_orders.toml", "longshore-plugin/wit/job.wit"],
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), "late_orders", language).unwrap();
            for file in expected {
                let text = fs::read_to_string(folder.path().join(file)).unwrap();
                assert!(!text.contains("word_count"), "{file} keeps the name of the template");
            }
        }
    }
}
