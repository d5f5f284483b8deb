//! Faults with names, built in only with the feature `mutants`: a test suite that does not notice one is not finished.

/// Whether the fault is switched on, by the variable `CHAT_MUTANT` of the environment, which is read once.
#[cfg(feature = "mutants")]
#[must_use]
pub fn mutant(name: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| std::env::var("CHAT_MUTANT").ok());
    chosen.as_deref() == Some(name)
}

/// Runs each test of the table, in this very program, with its fault switched on.
///
/// # Panics
/// When a test does not notice, or is not there.
#[cfg(all(test, feature = "mutants"))]
pub fn noticed(module: &str, table: &[(&str, &str)]) {
    for (mutant, test) in table {
        let run = std::process::Command::new(std::env::current_exe().expect("this very program"))
            .args(["--exact", &format!("{module}::{test}")])
            .env("CHAT_MUTANT", mutant)
            .output()
            .expect("this very program runs");
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(said.contains("running 1 test"), "there is no {test}");
        assert!(!run.status.success(), "{test} did not notice {mutant}");
    }
}

/// Never: the program is built without faults.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn mutant(_name: &str) -> bool {
    false
}
