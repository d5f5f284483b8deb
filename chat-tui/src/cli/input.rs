//! Standard input, read only where a command was meant to read it: bounded, with a deadline, never from a terminal.

use std::io::{self, IsTerminal, Read};

use tokio::time::timeout_at;

use super::exit::{Exit, Failure};
use crate::clock::Deadline;

/// Whether a person sits before standard input.
#[must_use]
pub fn from_terminal() -> bool {
    io::stdin().is_terminal()
}

/// All of standard input, less one trailing newline.
///
/// # Errors
/// When it is longer than `bytes_max`, is not UTF-8, or does not end before the deadline.
pub async fn read_text(bytes_max: usize, deadline: Deadline) -> Result<String, Failure> {
    // The thread may outlive a missed deadline; the process ends without waiting for it.
    let reading = tokio::task::spawn_blocking(move || read_bytes(bytes_max));
    let bytes = match timeout_at(deadline, reading).await {
        Err(_) => {
            return Err(Failure::new(
                Exit::TimedOut,
                "standard input did not end in time",
            ));
        }
        Ok(Err(error)) => return Err(unreadable(&error)),
        Ok(Ok(read)) => read.map_err(|error| unreadable(&error))?,
    };
    if bytes.len() > bytes_max {
        return Err(Failure::new(
            Exit::Rejected,
            format!("standard input has more than {bytes_max} bytes"),
        ));
    }
    let mut text = String::from_utf8(bytes)
        .map_err(|_| Failure::new(Exit::Rejected, "standard input is not UTF-8"))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

fn read_bytes(bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let one_more = u64::try_from(bytes_max).unwrap_or(u64::MAX - 1) + 1;
    io::stdin().lock().take(one_more).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Standard input failed.
pub(super) fn unreadable(why: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        Exit::Unexpected,
        format!("could not read standard input: {why}"),
    )
}
