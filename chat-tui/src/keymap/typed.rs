//! What can be typed behind a slash on an empty draft, with its words, for the help and for Tab.

/// A command that is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typed {
    /// As one types it: `/join`.
    pub word: &'static str,
    /// What stands behind it, if anything: `NAME`.
    pub argument: &'static str,
    /// Its words in the help.
    pub doc: &'static str,
}

const fn typed(word: &'static str, argument: &'static str, doc: &'static str) -> Typed {
    Typed {
        word,
        argument,
        doc,
    }
}

/// All of them.
pub static TYPED: [Typed; 5] = [
    typed("/join", "NAME", "join a public topic, or make one"),
    typed("/leave", "", "leave this group"),
    typed("/msg", "NAME WORDS", "write to somebody"),
    typed("/help", "", "the keys"),
    typed("/quit", "", "quit"),
];
