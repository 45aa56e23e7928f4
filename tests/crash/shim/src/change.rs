//! One change of the disk: counted, done, recorded, with no other in between.

use std::sync::{Mutex, PoisonError};

use libc::c_long;

use crate::fault;
use crate::point::{Moment, die};
use crate::record::Record;
use crate::settings::settings;

/// What a call does. The names are those of `LONGSHORE_CRASH_AT`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Write,
    Pwrite,
    Truncate,
    Fsync,
    Fdatasync,
    Rename,
    Unlink,
    Mkdir,
    Rmdir,
}

impl Kind {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "create" => Self::Create,
            "write" => Self::Write,
            "pwrite" => Self::Pwrite,
            "truncate" => Self::Truncate,
            "fsync" => Self::Fsync,
            "fdatasync" => Self::Fdatasync,
            "rename" => Self::Rename,
            "unlink" => Self::Unlink,
            "mkdir" => Self::Mkdir,
            "rmdir" => Self::Rmdir,
            _ => return None,
        })
    }
}

/// Does a change that concerns `path` in a watched folder, or fails as the disk would. `half` does the half of it, where that can be; `whole` does it and gives
/// what the kernel answered; `record` describes it when it went well.
///
/// Only while something is recorded one change waits for the other: the record has to have them in the order in which they
/// reached the disk. Kills need the processes' own timing.
pub(crate) fn change(
    kind: Kind,
    path: &[u8],
    half: impl FnOnce(),
    whole: impl FnOnce() -> c_long,
    record: impl FnOnce(c_long, &mut Record),
) -> c_long {
    static ORDER: Mutex<()> = Mutex::new(());
    let settings = settings();
    if let Some(errno) = fault::of(kind, path) {
        return fault::fail(errno);
    }
    let moment = settings.point.as_ref().and_then(|point| point.count(kind));
    match moment {
        Some(Moment::Before) => die(),
        Some(Moment::During) => {
            half();
            die()
        }
        _ => {}
    }
    let answer = if settings.record.is_some() {
        let _order = ORDER.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = whole();
        if answer >= 0 {
            let mut made = Record::default();
            record(answer, &mut made);
            made.append();
        }
        answer
    } else {
        whole()
    };
    if moment == Some(Moment::After) {
        die();
    }
    answer
}
