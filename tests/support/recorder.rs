//! What a participant of a run wrote down: a line of JSON before and after every call, in a file of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A message as somebody saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its number.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// Who wrote it.
    pub from: String,
    /// Its text.
    pub text: String,
}

/// One thing that happened. A conversation is named the same by everybody in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Entry {
    /// A send is about to leave, for the first time or again.
    Sending {
        /// Where to.
        conversation: String,
        /// Who writes.
        sender: String,
        /// The message's id.
        id: String,
        /// The message's text.
        text: String,
    },
    /// It was acked.
    Acked {
        /// The message's id.
        id: String,
        /// Its number.
        seq: u64,
    },
    /// It was refused.
    Refused {
        /// The message's id.
        id: String,
        /// Why; after some codes the outcome is unknown.
        code: String,
    },
    /// There was no answer.
    Unanswered {
        /// The message's id.
        id: String,
    },
    /// A session is there, and will show everything that its user may read.
    Session {
        /// Which session; a user may have several.
        session: String,
        /// Whose.
        user: String,
    },
    /// A session showed a message to its user.
    Shown {
        /// Which session.
        session: String,
        /// Whose.
        user: String,
        /// In which conversation.
        conversation: String,
        /// What.
        message: Seen,
    },
    /// After the run: the whole conversation, as somebody reads it.
    History {
        /// Who read it.
        reader: String,
        /// Which.
        conversation: String,
        /// All of it, in the order in which it came.
        messages: Vec<Seen>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    n: u64,
    #[serde(flatten)]
    entry: Entry,
}

/// Writes entries, each at once and with a number of its own.
#[derive(Debug)]
pub struct Recorder {
    file: File,
    n: u64,
}

impl Recorder {
    /// A recorder with a file of its own in `folder`.
    ///
    /// # Panics
    /// When the file is there already or cannot be made.
    #[must_use]
    pub fn new(folder: &Path, name: &str) -> Self {
        let path = folder.join(format!("{name}.jsonl"));
        Self {
            file: File::create_new(path).expect("a file for the record"),
            n: 0,
        }
    }

    /// Writes an entry.
    ///
    /// # Panics
    /// When it cannot be written: a record with holes proves nothing.
    pub fn record(&mut self, entry: Entry) {
        self.n += 1;
        let mut line = serde_json::to_vec(&Line { n: self.n, entry }).expect("an entry is JSON");
        line.push(b'\n');
        self.file.write_all(&line).expect("the record is written");
    }
}

/// Reads all records of a run, each with its own order.
///
/// # Panics
/// When a record has a hole.
#[must_use]
pub fn read_all(folder: &Path) -> Vec<Vec<Entry>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of the records")
        .map(|entry| entry.expect("a record").path())
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Vec<Entry> {
    let file = BufReader::new(File::open(path).expect("a record"));
    file.lines()
        .zip(1..)
        .map(|(line, n)| {
            let line = line.expect("a line");
            let line: Line = serde_json::from_str(&line).expect("an entry");
            assert_eq!(line.n, n, "{} has a hole", path.display());
            line.entry
        })
        .collect()
}
