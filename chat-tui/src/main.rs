//! The program `chat-tui`: hands its arguments to the library and ends with the code that comes back.

use std::process::ExitCode;

fn main() -> ExitCode {
    chat_tui::cli::run(std::env::args_os()).into()
}
