//! What a compiling child gives up before it looks at a component.

/// Takes from this thread, and from those that it starts, the rights to open files, to make TCP connections, and to send
/// signals to others. What is open stays open.
///
/// Best effort: Linux has it for files since 5.13 (Landlock), for connections since 6.7 and for signals since 6.12; other
/// systems have nothing of the kind that needs no privileges.
#[cfg(target_os = "linux")]
pub(super) fn confine() -> Confined {
    use landlock::{ABI, Access as _, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr as _, Scope};

    // What is handled and not allowed is refused, and nothing is allowed.
    let version = ABI::V9;
    let confined = Ruleset::default()
        .handle_access(AccessFs::from_all(version))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(version)))
        .and_then(|rules| rules.scope(Scope::from_all(version)))
        .and_then(landlock::Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    match confined.map(|status| status.landlock) {
        Ok(LandlockStatus::Available { effective_abi, .. }) => {
            Confined { files: true, connections: effective_abi >= ABI::V4 }
        }
        // A compiler that keeps its rights compiles as well as any; its caps are what it must not be without.
        _ => Confined::default(),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn confine() -> Confined {
    Confined::default()
}

/// What a thread has given up.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(not(test), expect(dead_code, reason = "only tests ask"))]
pub(super) struct Confined {
    files: bool,
    connections: bool,
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::*;

    /// Rights are of a thread, so the rest of the tests keeps its own.
    #[test]
    fn what_is_open_stays_and_nothing_else_can_be_opened() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), "x").unwrap();
        let mut output = File::create(folder.path().join("output")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let secret = folder.path().join("secret");
        thread::spawn(move || {
            // Older kernels refuse less.
            let confined = confine();
            output.write_all(b"compiled").unwrap();
            if confined.files {
                assert!(fs::read(&secret).is_err(), "a file was read");
                assert!(fs::write(&secret, "y").is_err(), "a file was written");
                assert!(fs::remove_file(&secret).is_err(), "a file was deleted");
                assert!(fs::read_dir("/").is_err(), "a folder was listed");
                let inherits = thread::spawn(move || fs::read(&secret).is_err());
                assert!(inherits.join().unwrap(), "a thread that it started has rights");
            }
            if confined.connections {
                assert!(TcpStream::connect(address).is_err(), "a connection was made");
            }
        })
        .join()
        .unwrap();
        assert_eq!(fs::read(folder.path().join("output")).unwrap(), b"compiled");
        assert_eq!(fs::read(folder.path().join("secret")).unwrap(), b"x", "this thread has its rights");
    }
}
