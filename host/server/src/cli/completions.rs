//! `longshore completions`

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap_complete::Shell;

use super::output::print;

const AFTER_HELP: &str = "\
Examples:
  longshore completions bash > ~/.local/share/bash-completion/completions/longshore
  longshore completions zsh > \"${fpath[1]}/_longshore\"
  longshore completions fish > ~/.config/fish/completions/longshore.fish";

/// Print the completion script of a shell
#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Shell that the script is for
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    print(script(args.shell)?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

fn script(shell: Shell) -> Result<String> {
    let mut command = super::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8(script).context("the completion script is not UTF-8")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::Command;

    use clap::ValueEnum as _;

    use super::*;
    use crate::terminal;

    #[test]
    fn every_shell_has_a_script_that_knows_the_commands() {
        for shell in Shell::value_variants() {
            let script = script(*shell).unwrap();
            for word in ["worker", "outbox", "retry", "project"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
            for hidden in ["compile-component", "serve-queries"] {
                assert!(!script.contains(hidden), "{shell}: what is hidden stays so");
            }
            assert_eq!(terminal::lines(&script), script, "{shell}: is printed as it is");
        }
    }

    /// As far as the shells are on this machine; bash is.
    #[test]
    fn shells_take_their_scripts() {
        let mut taken = Vec::new();
        for (shell, check) in [(Shell::Bash, "-n"), (Shell::Zsh, "-n"), (Shell::Fish, "--no-execute")] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(script(shell).unwrap().as_bytes()).unwrap();
            let Ok(output) = Command::new(shell.to_string()).arg(check).arg(file.path()).output() else {
                continue;
            };
            assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
            taken.push(shell);
        }
        assert!(taken.contains(&Shell::Bash), "{taken:?}");
    }

    #[test]
    fn bash_completes_a_command() {
        let ask = "\nCOMP_WORDS=(longshore outbox re); COMP_CWORD=2; _longshore longshore re outbox; echo \"${COMPREPLY[*]}\"";
        let output = Command::new("bash").arg("-c").arg(script(Shell::Bash).unwrap() + ask).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "retry", "{output:?}");
    }
}
