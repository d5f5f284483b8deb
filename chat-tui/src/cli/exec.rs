//! A program that is run for each message: started as it is, never through a shell, one at a time.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::exit::{Exit, Failure};

/// The program.
#[derive(Debug, Clone)]
pub(super) struct Program(PathBuf);

impl std::str::FromStr for Program {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}

impl Program {
    /// Runs it with one line on its standard input and waits for its end. A program that fails gives a complaint;
    /// one that cannot be started is an error, as it will not start for the next message either.
    ///
    /// # Errors
    /// [`Exit::Usage`]
    pub(super) async fn run(&self, line: &str) -> Result<Option<String>, Failure> {
        let mut child = Command::new(&self.0)
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                Failure::new(
                    Exit::Usage,
                    format!("could not run {}: {error}", self.0.display()),
                )
            })?;
        let fed = feed(&mut child, line).await;
        let ended = child.wait().await;
        Ok(match (fed, ended) {
            (_, Ok(status)) if !status.success() => Some(self.complaint(&status)),
            (_, Err(error)) | (Err(error), _) => Some(self.complaint(&error)),
            (Ok(()), Ok(_)) => None,
        })
    }

    fn complaint(&self, what: &dyn std::fmt::Display) -> String {
        format!("{}: {what}", self.0.display())
    }
}

/// A program need not read what it is given.
async fn feed(child: &mut Child, line: &str) -> io::Result<()> {
    let Some(mut stdin) = child.stdin.take() else {
        return Ok(());
    };
    let fed = async {
        stdin.write_all(line.as_bytes()).await?;
        stdin.write_all(b"\n").await?;
        stdin.shutdown().await
    };
    match fed.await {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
