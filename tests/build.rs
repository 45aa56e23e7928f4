//! Builds the guests that the tests load, and says where they are.

use std::path::{Path, PathBuf};
use std::{env, fs};

use longshore_guest_build::build_script;

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is"));
    let repository = here.parent().expect("tests/ is in the repository");
    let guests =
        build_script::guests(&here.join("guests"), &[repository.join("wit"), repository.join("plugins/sdk")]);
    // A folder of our own: what the nested build leaves in its target folder may change under a running test.
    let folder =
        Path::new(&env::var_os("OUT_DIR").expect("cargo gives a build script its folder")).join("guests");
    fs::create_dir_all(&folder).expect("the output folder can be written");
    for guest in guests {
        fs::copy(&guest.component, folder.join(format!("{}.wasm", guest.name)))
            .expect("a guest can be copied");
    }
    println!("cargo::rustc-env=LONGSHORE_GUESTS={}", folder.display());
}
