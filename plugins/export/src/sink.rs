//! Where encoded bytes go: the artifact, directly or through gzip.

use crate::input::Compression;
use flate2::write::GzEncoder;
use longshore_plugin::prelude::*;
use longshore_plugin::{Artifact, ArtifactWriter};

/// Level of gzip. 6 is what the `gzip` program does.
const GZIP_LEVEL: u32 = 6;

/// What gzip is given at a time. How a compressor cuts its blocks may depend on the pieces that it is given, so they
/// are of one size from each cut on, and not those in which rows happen to come.
const GZIP_PIECE: usize = 128 * 1024;

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
        member: Option<Box<GzEncoder<ArtifactWriter>>>,
        /// Bytes of the member that do not fill a piece yet.
        rest: Vec<u8>,
    },
}

impl Sink {
    pub(crate) fn new(artifact: Artifact, compression: Compression) -> Self {
        match compression {
            Compression::None => Self::Plain(artifact),
            Compression::Gzip => Self::Gzip { artifact, member: None, rest: Vec::new() },
        }
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        match self {
            Self::Plain(artifact) => artifact.write_all(bytes)?,
            Self::Gzip { artifact, member, rest } => {
                while rest.len() + bytes.len() >= GZIP_PIECE {
                    let (fill, later) = bytes.split_at(GZIP_PIECE - rest.len());
                    rest.extend_from_slice(fill);
                    open_member(member, artifact).write_all(rest)?;
                    rest.clear();
                    bytes = later;
                }
                rest.extend_from_slice(bytes);
            }
        }
        Ok(())
    }

    /// Ends what cannot be continued by another attempt.
    pub(crate) fn cut(&mut self) -> Result<()> {
        if let Self::Gzip { artifact, member, rest } = self {
            if !rest.is_empty() {
                open_member(member, artifact).write_all(rest)?;
                rest.clear();
            }
            if let Some(member) = member.take() {
                member.finish()?;
            }
        }
        Ok(())
    }

    /// Ends the file. An empty one is a gzip file too, so it gets a member.
    pub(crate) fn end(mut self) -> Result<()> {
        if let Self::Gzip { artifact, member, .. } = &mut self
            && artifact.position() == 0
        {
            open_member(member, artifact);
        }
        self.cut()
    }
}

/// The member that is open, or a new one. Its header has no time and no name: the same rows give the same bytes.
fn open_member<'a>(
    member: &'a mut Option<Box<GzEncoder<ArtifactWriter>>>,
    artifact: &Artifact,
) -> &'a mut GzEncoder<ArtifactWriter> {
    let new = || Box::new(GzEncoder::new(artifact.writer(), flate2::Compression::new(GZIP_LEVEL)));
    member.get_or_insert_with(new)
}
