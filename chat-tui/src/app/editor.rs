//! A draft in the user's own editor, by a file that only they may read.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::client::private;

/// Runs `$VISUAL`, else `$EDITOR`, else `vi` on a file in `folder` that holds `text`, until it ends.
///
/// # Errors
/// A sentence; the draft is then as it was.
pub(crate) fn edit(folder: &Path, text: &str) -> Result<String, String> {
    let file =
        DraftFile::new(folder, text).map_err(|error| format!("no file for the draft: {error}"))?;
    let editor = named("VISUAL")
        .or_else(|| named("EDITOR"))
        .unwrap_or_else(|| "vi".to_owned());
    let status = command(&editor, &file.0)
        .status()
        .map_err(|error| format!("could not run {editor}: {error}"))?;
    if !status.success() {
        return Err(format!(
            "{editor} ended with {status}: the draft is as it was"
        ));
    }
    std::fs::read(&file.0)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(|error| format!("could not read the draft back: {error}"))
}

fn named(variable: &str) -> Option<String> {
    std::env::var(variable)
        .ok()
        .filter(|value| !value.trim().is_empty())
}

/// The variable may hold arguments, and is for a shell by custom; the path is never part of what the shell reads.
#[cfg(unix)]
fn command(editor: &str, path: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{editor} \"$@\""))
        .arg("sh")
        .arg(path);
    command
}

#[cfg(not(unix))]
fn command(editor: &str, path: &Path) -> Command {
    let mut words = editor.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("notepad"));
    command.args(words).arg(path);
    command
}

/// Gone when dropped.
struct DraftFile(PathBuf);

impl DraftFile {
    fn new(folder: &Path, text: &str) -> std::io::Result<Self> {
        private::make_folder(folder)?;
        let path = folder.join(format!("draft-{}.md", std::process::id()));
        // What a crashed process of the same id left behind may have other rights.
        let _ = std::fs::remove_file(&path);
        let mut file = private::open(&path, OpenOptions::new().write(true).create_new(true))?;
        let file_of = Self(path);
        file.write_all(text.as_bytes())?;
        Ok(file_of)
    }
}

impl Drop for DraftFile {
    fn drop(&mut self) {
        // Best effort; it is private in any case.
        let _ = std::fs::remove_file(&self.0);
    }
}
