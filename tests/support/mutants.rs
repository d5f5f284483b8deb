//! Servers that are broken on purpose, to see that a suite notices: each fault is switched on by its name.

use std::process::Command;

/// Runs each promise of the table with its fault in all processes that it starts.
///
/// The program `chat-server` must have been built with the feature `mutants`, too.
///
/// # Panics
/// When a promise holds although its fault is there, or when there is no such promise.
pub fn noticed(table: &[(&str, &str)]) {
    for (mutant, promise) in table {
        let run = Command::new(std::env::current_exe().expect("a test knows its own path"))
            .args(["--exact", "--nocapture", promise])
            .env("CHAT_MUTANT", mutant)
            .output()
            .expect("a test runs");
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(said.contains("running 1 test"), "there is no {promise}");
        // It ended before it could notice anything, and said so.
        let skipped = String::from_utf8_lossy(&run.stderr)
            .lines()
            .any(|line| line.starts_with("skipped "));
        let noticed = skipped || !run.status.success();
        assert!(noticed, "{promise} did not notice {mutant}");
        println!("{mutant}: {}", if skipped { "skipped" } else { "noticed" });
    }
}
