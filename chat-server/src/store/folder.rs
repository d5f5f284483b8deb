//! The data folder: made for its owner alone, and held by one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use super::OpenError;

/// A data folder that no other process holds. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Makes the folder, if there is none, and locks it.
    ///
    /// # Errors
    /// It cannot be used, or another process holds it.
    pub fn take(dir: &Path) -> Result<Self, OpenError> {
        let in_folder = |error| OpenError::Folder {
            folder: dir.to_owned(),
            error,
        };
        make_folder(dir).map_err(in_folder)?;
        let file = private_file(&dir.join("lock")).map_err(in_folder)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(dir.to_owned())),
            Err(TryLockError::Error(error)) => Err(in_folder(error)),
        }
    }
}

/// Made for its owner alone. A folder that is there already keeps its mode: it is the operator's.
fn make_folder(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Opens a file that its owner alone can read, and makes it where there is none.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
