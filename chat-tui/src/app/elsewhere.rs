//! Where the terminal's room is not built yet: the commands work, the screens say that they do not.

use crate::cli::exit::Failure;
use crate::config::Settings;

/// Says that there are no screens here.
///
/// # Errors
/// Always.
pub fn open(_settings: &Settings) -> Result<(), Failure> {
    Err(Failure::usage(
        "the screens need a Unix so far; the commands work: see chat-tui --help",
    ))
}
