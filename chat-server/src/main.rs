//! The server's program: parses, runs, and exits with a code that says how it went.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    chat_server::cli::run(std::env::args_os()).await
}
