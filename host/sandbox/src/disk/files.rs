//! `wasi:filesystem` with a limit on what is written. Everything else is as wasmtime has it, which keeps paths within the
//! directories that are open.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
    ErrorCode, Filesize, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp,
    OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, FsError, FsResult, OutputStream, Pollable, StreamError, StreamResult,
};

use super::quota::{Listings, Quota};
use crate::failure::Ended;
use crate::guest::Guest;

/// Puts these files in the place of wasmtime's.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    types::add_to_linker::<_, GuestFiles>(linker, Guest::files)?;
    linker.allow_shadowing(false);
    Ok(())
}

struct GuestFiles;

impl HasData for GuestFiles {
    type Data<'a> = Files<'a>;
}

/// The files of a guest.
pub(crate) struct Files<'a> {
    pub(crate) quota: Option<Arc<Quota>>,
    pub(crate) listings: &'a mut Listings,
    pub(crate) view: WasiFilesystemCtxView<'a>,
}

impl Files<'_> {
    fn charge(&self, charge: impl FnOnce(&Quota) -> Result<(), Ended>) -> FsResult<()> {
        self.quota.as_deref().map_or(Ok(()), charge).map_err(FsError::trap)
    }

    /// A stream that counts what goes through it.
    fn counted(&mut self, stream: Resource<DynOutputStream>) -> FsResult<Resource<DynOutputStream>> {
        let Some(quota) = &self.quota else { return Ok(stream) };
        let stream = self.view.table.delete(stream)?;
        let counted: DynOutputStream = Box::new(Counted { stream, quota: Arc::clone(quota) });
        Ok(self.view.table.push(counted)?)
    }
}

/// A stream into a file of the folder that has a limit.
struct Counted {
    stream: DynOutputStream,
    quota: Arc<Quota>,
}

impl Counted {
    fn charge(&self, bytes: usize) -> StreamResult<()> {
        self.quota.bytes(bytes as u64).map_err(|ended| StreamError::Trap(ended.into()))
    }
}

#[async_trait::async_trait]
impl OutputStream for Counted {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.charge(bytes.len())?;
        self.stream.write(bytes)
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.charge(bytes.len())?;
        self.stream.blocking_write_and_flush(bytes).await
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.stream.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.stream.check_write()
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}

#[async_trait::async_trait]
impl Pollable for Counted {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}

impl types::Host for Files<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.view.convert_error_code(error)
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.view.filesystem_error_code(error)
    }
}

impl HostDescriptor for Files<'_> {
    async fn set_size(&mut self, file: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        if self.quota.is_some() {
            let now = self.view.stat(Resource::new_borrow(file.rep())).await?.size;
            self.charge(|quota| quota.bytes(size.saturating_sub(now)))?;
        }
        self.view.set_size(file, size).await
    }

    async fn write(
        &mut self,
        file: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        self.charge(|quota| quota.bytes_at(file.rep(), offset, bytes.len() as u64))?;
        self.view.write(file, bytes, offset).await
    }

    fn write_via_stream(
        &mut self,
        file: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.charge(Quota::place)?;
        let stream = self.view.write_via_stream(file, offset)?;
        self.counted(stream)
    }

    fn append_via_stream(&mut self, file: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        self.charge(Quota::place)?;
        let stream = self.view.append_via_stream(file)?;
        self.counted(stream)
    }

    async fn open_at(
        &mut self,
        folder: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        if open_flags.contains(OpenFlags::CREATE) {
            self.charge(Quota::entry)?;
        }
        // To open a pipe waits for who writes to it, in a thread that cannot be stopped.
        let beneath = Resource::new_borrow(folder.rep());
        if let Ok(stat) = self.view.stat_at(beneath, path_flags, path.clone()).await
            && !matches!(
                stat.type_,
                DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink
            )
        {
            return Err(ErrorCode::NotPermitted.into());
        }
        self.view.open_at(folder, path_flags, path, open_flags, flags).await
    }

    async fn create_directory_at(&mut self, folder: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.charge(Quota::entry)?;
        self.view.create_directory_at(folder, path).await
    }

    async fn link_at(
        &mut self,
        folder: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        new_folder: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        self.charge(Quota::entry)?;
        self.view.link_at(folder, flags, path, new_folder, new_path).await
    }

    async fn symlink_at(
        &mut self,
        folder: Resource<Descriptor>,
        path: String,
        new_path: String,
    ) -> FsResult<()> {
        self.charge(Quota::entry)?;
        self.view.symlink_at(folder, path, new_path).await
    }

    // The rest writes nothing that counts.

    fn read_via_stream(
        &mut self,
        file: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        self.view.read_via_stream(file, offset)
    }

    async fn advise(
        &mut self,
        file: Resource<Descriptor>,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        self.view.advise(file, offset, length, advice).await
    }

    async fn sync_data(&mut self, file: Resource<Descriptor>) -> FsResult<()> {
        self.view.sync_data(file).await
    }

    async fn get_flags(&mut self, file: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        self.view.get_flags(file).await
    }

    async fn get_type(&mut self, file: Resource<Descriptor>) -> FsResult<DescriptorType> {
        self.view.get_type(file).await
    }

    async fn set_times(
        &mut self,
        file: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        self.view.set_times(file, accessed, modified).await
    }

    async fn read(
        &mut self,
        file: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        self.view.read(file, length, offset).await
    }

    async fn read_directory(
        &mut self,
        folder: Resource<Descriptor>,
    ) -> FsResult<Resource<DirectoryEntryStream>> {
        self.listings.begin().map_err(FsError::trap)?;
        let listed = self.view.read_directory(folder).await;
        if listed.is_err() {
            self.listings.end();
        }
        listed
    }

    async fn sync(&mut self, file: Resource<Descriptor>) -> FsResult<()> {
        self.view.sync(file).await
    }

    async fn stat(&mut self, file: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.view.stat(file).await
    }

    async fn stat_at(
        &mut self,
        folder: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        self.view.stat_at(folder, flags, path).await
    }

    async fn set_times_at(
        &mut self,
        folder: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        self.view.set_times_at(folder, flags, path, accessed, modified).await
    }

    fn drop(&mut self, file: Resource<Descriptor>) -> wasmtime::Result<()> {
        HostDescriptor::drop(&mut self.view, file)
    }

    async fn readlink_at(&mut self, folder: Resource<Descriptor>, path: String) -> FsResult<String> {
        self.view.readlink_at(folder, path).await
    }

    async fn remove_directory_at(&mut self, folder: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.view.remove_directory_at(folder, path).await
    }

    async fn rename_at(
        &mut self,
        folder: Resource<Descriptor>,
        path: String,
        new_folder: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        self.view.rename_at(folder, path, new_folder, new_path).await
    }

    async fn unlink_file_at(&mut self, folder: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.view.unlink_file_at(folder, path).await
    }

    async fn is_same_object(
        &mut self,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        self.view.is_same_object(one, other).await
    }

    async fn metadata_hash(&mut self, file: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        self.view.metadata_hash(file).await
    }

    async fn metadata_hash_at(
        &mut self,
        folder: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        self.view.metadata_hash_at(folder, flags, path).await
    }
}

impl HostDirectoryEntryStream for Files<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        self.view.read_directory_entry(stream).await
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.listings.end();
        HostDirectoryEntryStream::drop(&mut self.view, stream)
    }
}
