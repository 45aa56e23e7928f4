//! The progress bar on terminals of several widths: whatever the job says, it stays one line.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::Project;

/// A screen of one row and a half: enough to see whether a line was left.
#[derive(Default)]
struct Screen {
    columns: usize,
    column: usize,
    lines_left: usize,
}

impl Screen {
    /// Draws what a program wrote, as far as its cursor goes right, back and up.
    fn draw(&mut self, text: &str) {
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\r' => self.column = 0,
                '\n' => self.lines_left += 1,
                '\u{1b}' => while rest.next().is_some_and(|c| !c.is_ascii_alphabetic()) {},
                _ => {
                    self.column += 1;
                    // A terminal goes on to the next line with the first character that has no room.
                    if self.column > self.columns {
                        self.lines_left += 1;
                        self.column = 1;
                    }
                }
            }
        }
    }
}

/// What a command writes to a terminal of that width, which is its stderr.
fn on_a_terminal(project: &Project, columns: u16, arguments: &[&str]) -> String {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let stderr = File::options().read(true).write(true).open(name).unwrap();
    let mut command = project.command(arguments);
    command.env("TERM", "xterm").stdout(Stdio::null()).stderr(stderr);
    let mut child = command.spawn().unwrap();
    // Only the child has the other end now, so reading ends with it.
    drop(command);
    let mut written = Vec::new();
    // Linux ends it with an error where others end the file.
    let _ = File::from(terminal).read_to_end(&mut written);
    assert!(child.wait().unwrap().success());
    String::from_utf8(written).unwrap()
}

#[test]
fn the_bar_is_one_line_of_any_terminal() {
    let project = Project::with_guests(&["sleeper"], "");
    // Compiled before, for one that is compiled while somebody waits has a line of its own.
    assert!(project.longshore(&["plugin", "list", "--wait"]).status.success());
    for columns in [40, 60, 80, 100, 200] {
        let written = on_a_terminal(&project, columns, &["run", "sleeper", "--payload", r#"{"ms": 1500}"#]);
        assert!(written.contains(" %  ") && written.contains("asleep"), "{columns}: {written:?}");
        let mut screen = Screen { columns: columns.into(), ..Screen::default() };
        screen.draw(&written);
        assert_eq!(screen.lines_left, 0, "{columns}: {written:?}");
    }
}
