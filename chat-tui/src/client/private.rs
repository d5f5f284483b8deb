//! Files that only their owner may read: made so, replaced as a whole, and refused when others could read them.
//!
//! The one file that knows the platform. On Windows files are private by the folder of the profile.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

/// Bytes of such a file at the most.
const BYTES_MAX: u64 = 1 << 20;

/// Makes a folder, with those above it, that only its owner enters.
///
/// # Errors
/// As the system says.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Opens a file for writing; a new one only its owner may read.
///
/// # Errors
/// As the system says.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

/// Makes an empty file that only its owner may read, unless there is one; takes others' rights to it away. Never
/// opens one that is there: closing it again would drop the locks that this process has on it.
///
/// # Errors
/// As the system says.
pub fn make(path: &Path) -> io::Result<()> {
    match open(path, OpenOptions::new().write(true).create_new(true)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => keep_private(path),
        made => made.map(drop),
    }
}

#[cfg(unix)]
fn keep_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut permissions = std::fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 == 0 {
        return Ok(());
    }
    permissions.set_mode(permissions.mode() & 0o700);
    std::fs::set_permissions(path, permissions)
}

#[cfg(not(unix))]
fn keep_private(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Tells a file from another one that later has its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity(u64, u64);

/// Which file a name means, if there is one and the platform tells.
#[cfg(unix)]
#[must_use]
pub fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let meta = std::fs::metadata(path).ok()?;
    Some(Identity(meta.dev(), meta.ino()))
}

/// Which file a name means: here nobody takes the name from an open file.
#[cfg(not(unix))]
#[must_use]
pub fn identity(_path: &Path) -> Option<Identity> {
    None
}

/// Replaces a file as a whole: after a crash there is the old one or the new one.
///
/// # Errors
/// As the system says; the old file is then untouched.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let written = write_draft(&draft, content).and_then(|()| std::fs::rename(&draft, path));
    if written.is_err() {
        // Best effort: the error that matters is the one above.
        let _ = std::fs::remove_file(&draft);
    }
    written?;
    // The new name is on disk only with its folder.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

fn write_draft(draft: &Path, content: &[u8]) -> io::Result<()> {
    // What a crashed process of the same id left behind may have other rights.
    let _ = std::fs::remove_file(draft);
    let mut file = open(draft, OpenOptions::new().write(true).create_new(true))?;
    file.write_all(content)?;
    file.sync_all()
}

/// Reads a file, if it is there.
///
/// # Errors
/// `PermissionDenied` with a sentence when others may read it too; else as the system says.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    refuse_shared(&file)?;
    let mut content = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut content)?;
    Ok(Some(content))
}

#[cfg(unix)]
fn refuse_shared(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if file.metadata()?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        "others may read it, and it holds secrets: take that right away with chmod 600",
    ))
}

#[cfg(not(unix))]
fn refuse_shared(_file: &File) -> io::Result<()> {
    Ok(())
}
