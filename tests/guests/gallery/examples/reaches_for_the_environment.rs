//! Looks for the host's environment, arguments, standard input and folder.

use std::env;
use std::io::Read as _;

gallery::guest!("Looks for the host's environment.", |_| {
    gallery::try_all(["variables", "arguments", "input", "folder"], |what| {
        let there = match *what {
            "variables" => env::vars_os().next().map(|(name, _)| name.to_string_lossy().into_owned()),
            "arguments" => env::args_os().next().map(|word| word.to_string_lossy().into_owned()),
            "input" => {
                let mut byte = [0];
                std::io::stdin().read(&mut byte).ok().filter(|read| *read > 0).map(|_| "a byte".into())
            }
            // The library makes one up where the host has none.
            _ => env::current_dir().ok().map(|path| path.display().to_string()).filter(|path| path != "/"),
        };
        there.ok_or_else(|| "nothing".into())
    })
});
