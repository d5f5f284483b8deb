//! Where results and remarks go: results to stdout, everything else to stderr, and nothing of either acts on a terminal.

use std::io::{self, IsTerminal, Write};

use chat_proto::Safe;
use serde::Serialize;

use super::exit::{Exit, Failure};

/// Writes results and remarks as the flags ask.
#[derive(Debug, Clone, Copy)]
pub struct Out {
    /// Results as JSON, one object a line.
    pub json: bool,
    /// No remarks.
    pub quiet: bool,
}

impl Out {
    /// A result: a line of text that the caller made safe.
    ///
    /// # Errors
    /// A reader that closed the pipe ends the command well; any other failure ends it badly.
    pub fn line(self, line: &str) -> Result<(), Failure> {
        write_out(format!("{line}\n").as_bytes())
    }

    /// A result: one value as JSON on one line. To a pipe it is exact; to a terminal what could act on one is
    /// escaped, and it is the same JSON all the same.
    ///
    /// # Errors
    /// As [`Out::line`].
    pub fn value<T: Serialize>(self, value: &T) -> Result<(), Failure> {
        let json = serde_json::to_string(value)
            .map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))?;
        self.json_line(&json)
    }

    /// A result that is JSON on one line already.
    ///
    /// # Errors
    /// As [`Out::line`].
    pub fn json_line(self, json: &str) -> Result<(), Failure> {
        match io::stdout().is_terminal() {
            true => self.line(&escaped(json)),
            false => self.line(json),
        }
    }

    /// A remark, unless it was asked to be quiet.
    pub fn remark(self, remark: &str) {
        if !self.quiet {
            self.complain(remark);
        }
    }

    /// What must be said.
    pub fn complain(self, sentence: &str) {
        // Nobody is left to tell when stderr is gone.
        let _ = writeln!(io::stderr().lock(), "{}", Safe::line(sentence));
    }
}

/// Waits until whoever reads our results has gone; for ever, if nobody ever could.
#[cfg(unix)]
pub async fn reader_gone() {
    use std::os::fd::AsFd;
    use tokio::io::Interest;
    use tokio::net::unix::pipe::Sender;
    // Watched only, never written to: so the pipe stays as blocking as it was. A file cannot be watched, and has no
    // reader that goes.
    let watched = io::stdout().as_fd().try_clone_to_owned();
    if let Ok(stdout) = watched.and_then(Sender::from_owned_fd_unchecked) {
        while let Ok(ready) = stdout.ready(Interest::ERROR).await {
            if ready.is_error() || ready.is_write_closed() {
                return;
            }
        }
    }
    std::future::pending::<()>().await;
}

/// Waits for ever: here only a write tells that the reader has gone.
#[cfg(not(unix))]
pub async fn reader_gone() {
    std::future::pending::<()>().await;
}

fn write_out(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::new(Exit::Ok, ""),
            _ => Failure::new(Exit::Unexpected, format!("could not write: {error}")),
        })
}

/// JSON whose strings hold nothing but ASCII: the control characters are escaped by JSON itself, the rest here.
fn escaped(json: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && !c.is_ascii_control() {
            out.push(c);
            continue;
        }
        if Safe::line(c.encode_utf8(&mut [0; 4]))
            .as_str()
            .chars()
            .eq([c])
        {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_for_a_terminal_is_harmless_and_the_same() {
        let text = "a\u{202e}b\u{7f}\u{9b}1mc\u{200d} grüße 漢 👩\u{e0041}";
        let json = serde_json::to_string(text).expect("json");
        let shown = escaped(&json);
        assert_eq!(serde_json::from_str::<String>(&shown).expect("json"), text);
        assert!(!shown.contains(['\u{202e}', '\u{7f}', '\u{9b}', '\u{200d}', '\u{e0041}']));
        assert!(shown.contains("grüße 漢"));
    }
}
