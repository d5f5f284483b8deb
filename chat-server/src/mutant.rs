//! Faults with names, built in only with the feature `mutants`: a test suite that does not notice one is not finished.

/// Whether the fault is switched on, by the variable `CHAT_MUTANT` of the environment, which is read once.
#[cfg(feature = "mutants")]
#[must_use]
pub fn mutant(name: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| std::env::var("CHAT_MUTANT").ok());
    chosen.as_deref() == Some(name)
}

/// Never: the program is built without faults.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn mutant(_name: &str) -> bool {
    false
}
