//! The real program on a terminal of its own: keys go in, a screen comes out, and nobody sleeps.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

use crate::{PATIENCE, keys, program};

/// What a program is started with.
#[derive(Debug)]
pub struct Launch {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    size: (u16, u16),
    home: Option<PathBuf>,
}

impl Launch {
    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable. There are no others but `CHAT_HOME`, `PATH`, `TERM` and `LANG`.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// How many columns and rows the terminal has; 80 and 24 if not said.
    #[must_use]
    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = (columns, rows);
        self
    }

    /// Where the program keeps its files: that of a [`crate::Cli`], for instance. A new folder if not said.
    #[must_use]
    pub fn home(mut self, home: &Path) -> Self {
        self.home = Some(home.to_owned());
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(self) -> Pty {
        let made = self
            .home
            .is_none()
            .then(|| TempDir::new().expect("a folder for the test"));
        let home = match (&made, self.home) {
            (Some(made), _) => made.path().to_owned(),
            (None, home) => home.unwrap_or_default(),
        };
        let mut command = CommandBuilder::new(&self.program);
        // Nothing of the machine that runs the test reaches the program.
        command.env_clear();
        command.env("CHAT_HOME", &home);
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in &self.env {
            command.env(name, value);
        }
        command.args(&self.args);
        command.cwd(&home);
        Pty::spawn(command, self.size, made)
    }
}

/// What the terminal shows and has seen.
struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    /// How the program ended: its code, or 128 and the number of the signal.
    ended: Option<u32>,
    /// All that it wrote has been read.
    silent: bool,
    /// The reader must let go of the terminal.
    closing: bool,
}

struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until it holds; false when it did not within [`PATIENCE`].
    fn wait(&self, mut holds: impl FnMut(&Seen) -> bool) -> bool {
        let seen = self.lock();
        let waited = self
            .changed
            .wait_timeout_while(seen, PATIENCE, |seen| !holds(seen));
        let (seen, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(seen);
        !timeout.timed_out()
    }
}

/// A program on a terminal.
pub struct Pty {
    shared: Arc<Shared>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    reader: Option<JoinHandle<()>>,
    pid: Pid,
    modes_before: String,
    _home: Option<TempDir>,
}

impl Pty {
    /// A program by its path, or one of this project by its name.
    #[must_use]
    pub fn of(program_or_path: impl AsRef<Path>) -> Launch {
        let path = program_or_path.as_ref();
        let program = if path.components().count() > 1 {
            path.to_owned()
        } else {
            program(&path.to_string_lossy())
        };
        Launch {
            program,
            args: Vec::new(),
            env: Vec::new(),
            size: (80, 24),
            home: None,
        }
    }

    fn spawn(command: CommandBuilder, (columns, rows): (u16, u16), home: Option<TempDir>) -> Self {
        let pair = native_pty_system()
            .openpty(pty_size(columns, rows))
            .expect("a terminal");
        let modes_before = modes(pair.master.as_ref());
        let shared = Arc::new(Shared {
            seen: Mutex::new(Seen {
                parser: vt100::Parser::new(nonzero(rows), nonzero(columns), 0),
                raw: Vec::new(),
                ended: None,
                silent: false,
                closing: false,
            }),
            changed: Condvar::new(),
        });
        let from = pair.master.try_clone_reader().expect("a reader");
        let writer = pair.master.take_writer().expect("a writer");
        let child = pair
            .slave
            .spawn_command(command)
            .expect("the program starts");
        let pid = child.process_id().and_then(|pid| i32::try_from(pid).ok());
        let (read, waited) = (Arc::clone(&shared), Arc::clone(&shared));
        let reader = thread::spawn(move || read_all(from, &read));
        thread::spawn(move || wait_for_end(child, &waited));
        Self {
            shared,
            master: Some(pair.master),
            writer: Some(writer),
            reader: Some(reader),
            pid: Pid::from_raw(pid.expect("a process has an id")),
            modes_before,
            _home: home,
        }
    }

    /// Types keys, see [`keys::bytes`].
    ///
    /// # Panics
    /// When a name is not known, or the terminal is closed.
    pub fn press(&mut self, keys: &str) {
        self.send(&keys::bytes(keys));
    }

    /// Pastes a text as a terminal does that marks pastes.
    ///
    /// # Panics
    /// When the terminal is closed.
    pub fn paste(&mut self, text: &str) {
        let marked = format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r"));
        self.send(marked.as_bytes());
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    /// When the terminal is closed.
    pub fn send(&mut self, bytes: &[u8]) {
        let writer = self.writer.as_mut().expect("the terminal is open");
        writer.write_all(bytes).expect("the terminal takes keys");
        writer.flush().expect("the terminal takes keys");
    }

    /// Gives the terminal another size.
    ///
    /// # Panics
    /// When the terminal is closed.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        // First the screen: what the program writes next is meant for the new size.
        self.shared.change(|seen| {
            seen.parser
                .screen_mut()
                .set_size(nonzero(rows), nonzero(columns));
        });
        let master = self.master.as_ref().expect("the terminal is open");
        master
            .resize(pty_size(columns, rows))
            .expect("another size");
    }

    /// Waits until the screen shows a text.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| shows(screen, text));
    }

    /// Waits until the screen shows a text no more.
    ///
    /// # Panics
    /// When it goes on to.
    #[track_caller]
    pub fn wait_gone(&self, text: &str) {
        self.wait_until(&format!("no {text}"), |screen| !shows(screen, text));
    }

    /// Waits until something holds of the screen.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn wait_until(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        if !self.shared.wait(|seen| holds(seen.parser.screen())) {
            self.fail(what);
        }
    }

    /// Waits until bytes were written, whatever the screen shows; those before `from` do not count.
    ///
    /// # Panics
    /// When they were not.
    #[track_caller]
    pub fn wait_for_bytes(&self, bytes: &str, from: usize) {
        let bytes = bytes.as_bytes();
        let there = |seen: &Seen| {
            let raw = seen.raw.get(from..).unwrap_or_default();
            raw.windows(bytes.len()).any(|part| part == bytes)
        };
        if !self.shared.wait(there) {
            self.fail(&format!("the bytes {:?}", String::from_utf8_lossy(bytes)));
        }
    }

    #[track_caller]
    fn fail(&self, what: &str) -> ! {
        let seen = self.shared.lock();
        panic!(
            "{what}: not within {} s; ended: {:?}; the screen:\n{}",
            PATIENCE.as_secs(),
            seen.ended,
            seen.parser.screen().contents()
        )
    }

    /// What the screen shows, a line per row.
    #[must_use]
    pub fn screen_text(&self) -> String {
        self.shared.lock().parser.screen().contents()
    }

    /// Looks at the screen in all its detail.
    pub fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.shared.lock().parser.screen())
    }

    /// The column and row of the cursor; none while it is hidden.
    #[must_use]
    pub fn cursor(&self) -> Option<(u16, u16)> {
        self.look(|screen| {
            let (row, column) = screen.cursor_position();
            (!screen.hide_cursor()).then_some((column, row))
        })
    }

    /// Every byte that was written up to now.
    #[must_use]
    pub fn raw(&self) -> Vec<u8> {
        self.shared.lock().raw.clone()
    }

    /// How many bytes were written up to now.
    #[must_use]
    pub fn written(&self) -> usize {
        self.shared.lock().raw.len()
    }

    /// The number of the process that was started.
    #[must_use]
    pub const fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends a signal to the program that was started.
    ///
    /// # Panics
    /// When it has ended.
    pub fn kill(&self, signal: Signal) {
        assert_eq!(self.shared.lock().ended, None, "the program runs");
        kill(self.pid, signal).expect("a signal can be sent");
    }

    /// Sends a signal to whoever has the terminal now, when it is another program than the one that was started.
    ///
    /// # Panics
    /// When nobody has.
    pub fn kill_foreground(&self, signal: Signal) {
        let master = self.master.as_ref().expect("the terminal is open");
        let leader = master
            .process_group_leader()
            .expect("a program in the foreground");
        killpg(Pid::from_raw(leader), signal).expect("a signal can be sent");
    }

    /// Waits for the end of the program and of all it wrote; its code, or 128 and the number of the signal.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn exit_code(&self) -> u32 {
        let done = |seen: &Seen| seen.ended.is_some() && (seen.silent || seen.closing);
        if !self.shared.wait(done) {
            self.fail("the end of the program");
        }
        self.shared.lock().ended.unwrap_or_default()
    }

    /// Takes the terminal away, as when its window is closed. The program must draw at a new size for that, or end.
    ///
    /// # Panics
    /// When it does neither.
    pub fn close(&mut self) {
        // The reader holds the terminal until it has read something.
        self.shared.change(|seen| seen.closing = true);
        if let Some(master) = &self.master {
            let size = master.get_size().expect("a size");
            let other = pty_size(size.cols + 1, size.rows);
            master.resize(other).expect("another size");
        }
        self.let_go();
    }

    /// The same, for a program that is told nothing of sizes: it must show this key.
    ///
    /// # Panics
    /// When it does not.
    pub fn close_after_key(&mut self, key: &str) {
        self.shared.change(|seen| seen.closing = true);
        self.press(key);
        self.let_go();
    }

    fn let_go(&mut self) {
        if let Some(reader) = self.reader.take() {
            assert!(
                self.shared.wait(|seen| seen.silent),
                "the program writes once more"
            );
            reader.join().expect("the reader ends");
        }
        self.writer = None;
        self.master = None;
    }

    /// Whether lines are edited and echoed by the terminal as they were before the program started.
    #[must_use]
    pub fn cooked(&self) -> bool {
        self.master
            .as_ref()
            .is_some_and(|master| modes(master.as_ref()) == self.modes_before)
    }

    /// Checks that the terminal was given back: its modes, its screen, its cursor.
    ///
    /// # Panics
    /// When it was not.
    #[track_caller]
    pub fn assert_restored(&self) {
        let raw = String::from_utf8_lossy(&self.raw()).into_owned();
        for (on, off) in [
            ("\x1b[?1049h", "\x1b[?1049l"),
            ("\x1b[?2004h", "\x1b[?2004l"),
            ("\x1b[?1004h", "\x1b[?1004l"),
            ("\x1b[?25l", "\x1b[?25h"),
            ("\x1b[?1000h", "\x1b[?1000l"),
            ("\x1b[?1006h", "\x1b[?1006l"),
            ("\x1b[?7l", "\x1b[?7h"),
            ("\x1b[>5u", "\x1b[<u"),
            ("\x1b[?2026h", "\x1b[?2026l"),
        ] {
            let left = raw.rfind(on) <= raw.rfind(off);
            assert!(left, "{} is not left", on.escape_debug());
        }
        assert!(self.cooked(), "lines are edited as before");
        assert!(!self.look(vt100::Screen::alternate_screen));
        assert!(self.cursor().is_some(), "the cursor is shown");
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // While the lock says that it runs, its id is no other process's.
        if self.shared.lock().ended.is_none() {
            let _ = kill(self.pid, Signal::SIGKILL);
        }
    }
}

fn shows(screen: &vt100::Screen, text: &str) -> bool {
    let columns = screen.size().1.get();
    screen.rows(0, columns).any(|row| row.contains(text))
}

fn pty_size(cols: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        ..PtySize::default()
    }
}

fn nonzero(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("a terminal has a size")
}

/// How the system treats what is typed; compared only.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios())
}

fn read_all(mut from: Box<dyn Read + Send>, shared: &Shared) {
    let mut bytes = [0; 8192];
    // An error says that nobody writes any more.
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let mut closing = false;
        shared.change(|seen| {
            seen.parser.process(&bytes[..count]);
            seen.raw.extend_from_slice(&bytes[..count]);
            closing = seen.closing;
        });
        if closing {
            break;
        }
    }
    drop(from);
    shared.change(|seen| seen.silent = true);
}

fn wait_for_end(mut child: Box<dyn Child + Send + Sync>, shared: &Shared) {
    let status = child.wait().expect("a child can be waited for");
    let code = match status.signal() {
        None => status.exit_code(),
        Some(name) => 128 + number(name),
    };
    shared.change(|seen| seen.ended = Some(code));
}

/// The number of a signal by the words the system has for it.
fn number(words: &str) -> u32 {
    match words {
        "Hangup" => 1,
        "Interrupt" => 2,
        "Quit" => 3,
        "Killed" => 9,
        "Terminated" => 15,
        _ => 127,
    }
}
