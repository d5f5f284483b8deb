//! The invariants of ARCHITECTURE.md, checked on the text of the sources: what each part does not name.

use std::fs;
use std::path::{Path, PathBuf};

/// One source file: its path from the root of the project, with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The lines of code with their numbers, without comments and from before the unit tests.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .take_while(|(_, line)| line.trim() != "mod tests {")
            .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
    }

    /// Unit tests in a file of their own may know anything.
    fn of_tests(&self) -> bool {
        self.path.ends_with("_tests.rs") || self.path.ends_with("/tests.rs")
    }

    fn within(&self, rooms: &[&str]) -> bool {
        rooms.iter().any(|room| match room.strip_suffix('*') {
            Some(start) => self.path.starts_with(start),
            None => self.path == *room,
        })
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for part in ["chat-proto", "chat-server", "chat-tui", "tests"] {
        collect(&root().join(part), part, &mut found);
    }
    assert!(found.len() > 20, "the sources are not where they should be");
    found
}

fn collect(folder: &Path, path: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{path}/{name}");
        if entry.file_type().expect("its type").is_dir() {
            collect(&entry.path(), &path, found);
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).expect("UTF-8");
            found.push(Source { path, text });
        }
    }
}

/// Lines of code outside of `rooms` that name one of `words`.
fn strangers(rooms: impl Fn(&Source) -> bool, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let sources = sources();
    let judged = |source: &&Source| !source.of_tests() && rooms(source);
    for source in sources.iter().filter(judged) {
        for (at, line) in source.code() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{at}: {}", source.path, line.trim()));
            }
        }
    }
    found
}

fn none(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Judgement without waiting: what goes in and out of these is values, time among them.
const PURE: [&str; 20] = [
    "chat-proto/src/*",
    "chat-server/src/session/*",
    "chat-server/src/limit.rs",
    "chat-server/src/presence*",
    "chat-server/src/receipts*",
    "chat-server/src/nodes/*",
    "chat-server/src/bus/wire.rs",
    "chat-server/src/bus/order.rs",
    "chat-tui/src/client/sync*",
    "chat-tui/src/client/outbox*",
    "chat-tui/src/client/pending*",
    "chat-tui/src/client/backoff*",
    "chat-server/src/change.rs",
    "chat-tui/src/client/agent/marks.rs",
    "chat-tui/src/app/model/*",
    "chat-tui/src/app/update/*",
    "chat-tui/src/keymap/*",
    "chat-tui/src/text/*",
    "chat-tui/src/theme.rs",
    "chat-tui/src/view/*",
];

/// The drivers: who may open, accept and speak on a socket. The clocks, the programs' ends and the suite stand beside.
const DRIVERS: [&str; 13] = [
    "chat-server/src/ws*",
    "chat-server/src/listen*",
    "chat-server/src/server.rs",
    "chat-server/src/cli*",
    "chat-server/src/http/*",
    "chat-server/src/admin*",
    "chat-server/src/lib.rs",
    "chat-server/src/main.rs",
    "chat-tui/src/client/link*",
    "chat-tui/src/client/http*",
    "chat-tui/src/client/dial*",
    // A pair that never leaves the process: signals become bytes on it.
    "chat-tui/src/term/sys.rs",
    "tests/*",
];

#[test]
fn pure_files_name_no_runtime_no_network_and_no_clock() {
    let words = [
        "tokio",
        "std::net",
        "Instant::now",
        "SystemTime",
        "std::fs",
        "std::thread",
    ];
    let found = strangers(|source| source.within(&PURE), &words);
    // A frame as the socket shares it is a value: no runtime comes with it.
    let found: Vec<String> = found
        .into_iter()
        .filter(|line| !line.contains("tokio_tungstenite::tungstenite::Utf8Bytes"))
        .collect();
    none(&found);
}

#[test]
fn nobody_but_the_store_names_sql() {
    let rooms = [
        "chat-server/src/store/*",
        "chat-tui/src/client/cache*",
        "tests/*",
    ];
    let words = [
        "rusqlite",
        "SELECT ",
        "INSERT INTO",
        "DELETE FROM",
        "PRAGMA ",
    ];
    none(&strangers(|source| !source.within(&rooms), &words));
}

#[test]
fn nobody_but_the_drivers_names_a_socket() {
    let words = [
        "TcpListener",
        "TcpStream",
        "WebSocketStream",
        "UnixStream",
        "UdpSocket",
    ];
    none(&strangers(|source| !source.within(&DRIVERS), &words));
}

#[test]
fn nobody_but_the_clocks_reads_the_time() {
    let clocks = [
        "chat-server/src/clock.rs",
        "chat-tui/src/clock.rs",
        "chat-tui/benches/*",
        "tests/*",
    ];
    let words = [
        "Instant::now(",
        "SystemTime::now(",
        "Timestamp::now(",
        "Zoned::now(",
    ];
    none(&strangers(|source| !source.within(&clocks), &words));
}

#[test]
fn the_view_never_names_the_update() {
    let view = |source: &Source| {
        source.path.starts_with("chat-tui/src/view/") && !source.path.contains("/tests/")
    };
    none(&strangers(view, &["app::update"]));
}

#[test]
fn server_and_client_never_see_each_other() {
    none(&strangers(
        |source| source.path.starts_with("chat-server/"),
        &["chat_tui"],
    ));
    none(&strangers(
        |source| source.path.starts_with("chat-tui/"),
        &["chat_server"],
    ));
    none(&strangers(
        |source| source.path.starts_with("chat-proto/"),
        &["chat_server", "chat_tui"],
    ));
}

#[test]
fn no_queue_is_without_a_bound() {
    none(&strangers(
        |_| true,
        &[concat!("unbounded", "_channel"), concat!("unbounded", "()")],
    ));
}

#[test]
fn every_file_opens_with_a_sentence_that_says_what_it_is() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|source| {
            let first = source.text.lines().next().unwrap_or_default();
            first
                .strip_prefix("//! ")
                .is_none_or(|sentence| sentence.len() < 15)
        })
        .map(|source| source.path)
        .collect();
    none(&silent);
}

#[test]
fn no_file_is_longer_than_a_head_can_hold() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|source| (source.text.lines().count(), source.path))
        .filter(|(lines, _)| *lines > 600)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    none(&long);
}

/// The areas of the requirements and how many rows each has.
const ROWS: [(char, u32); 13] = [
    ('a', 14),
    ('d', 22),
    ('t', 14),
    ('p', 6),
    ('u', 5),
    ('r', 6),
    ('s', 6),
    ('n', 2),
    ('h', 5),
    ('c', 7),
    ('o', 10),
    ('k', 10),
    ('x', 10),
];

#[test]
fn an_id_in_the_name_of_a_test_is_the_id_of_a_requirement() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (at, line) in source.text.lines().enumerate() {
            let Some(row) = row_of(line) else { continue };
            let known = ROWS
                .iter()
                .any(|&(area, rows)| area == row.0 && (1..=rows).contains(&row.1));
            if !known {
                wrong.push(format!("{}:{}: {}", source.path, at + 1, line.trim()));
            }
        }
    }
    none(&wrong);
}

/// The id of `fn x00_...`, if the line has one.
fn row_of(line: &str) -> Option<(char, u32)> {
    let name = line
        .trim()
        .trim_start_matches("async ")
        .strip_prefix("fn ")?;
    let mut chars = name.chars();
    let area = chars.next()?;
    let (number, rest) = (chars.as_str().get(..2)?, chars.as_str().get(2..)?);
    let number = number.parse().ok()?;
    rest.starts_with('_').then_some((area, number))
}
