//! Where encoded bytes go: the artifact, directly or through gzip.

use crate::input::Compression;
use flate2::write::GzEncoder;
use longshore_plugin::Artifact;
use longshore_plugin::prelude::*;

/// Level of gzip. 6 is what the `gzip` program does.
const GZIP_LEVEL: u32 = 6;

/// The file being written.
pub(crate) enum Sink {
    /// Bytes as they come.
    Plain(Artifact),
    /// Bytes compressed, a gzip member from cut to cut: a file of several members is one gzip file, and a new
    /// member can be started in another attempt, where an open one could not be continued.
    Gzip {
        /// The file.
        artifact: Artifact,
        /// The open member; none right after a cut.
        member: Option<GzEncoder<Artifact>>,
    },
}

impl Sink {
    pub(crate) fn new(artifact: Artifact, compression: Compression) -> Self {
        match compression {
            Compression::None => Self::Plain(artifact),
            Compression::Gzip => Self::Gzip { artifact, member: None },
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Plain(artifact) => artifact.write_all(bytes)?,
            Self::Gzip { artifact, member } => {
                // Without a time and a name in its header: the same rows give the same bytes.
                let new = || GzEncoder::new(artifact.clone(), flate2::Compression::new(GZIP_LEVEL));
                member.get_or_insert_with(new).write_all(bytes)?;
            }
        }
        Ok(())
    }

    /// Ends what cannot be continued by another attempt.
    pub(crate) fn cut(&mut self) -> Result<()> {
        if let Self::Gzip { member, .. } = self
            && let Some(member) = member.take()
        {
            member.finish()?;
        }
        Ok(())
    }
}
