//! What only the system can do to a terminal: raw mode, size, stop. The one file of this room that is for Unix alone.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::consts::SIGCONT;

/// An end of a wire inside of this process, on which signals and wishes are bytes that a wait can see.
pub(super) type Wire = UnixStream;

/// Both ends of a wire.
pub(super) fn wire() -> io::Result<(Wire, Wire)> {
    UnixStream::pair()
}

/// The two directions of a terminal, and how it was before.
#[derive(Debug)]
pub(super) struct Tty {
    input: OwnedFd,
    output: OwnedFd,
    before: Termios,
}

impl Tty {
    /// The terminal of this process.
    pub(super) fn open() -> io::Result<Self> {
        let output = io::stdout();
        if !output.is_terminal() {
            return Err(io::Error::other("the output is no terminal"));
        }
        let input = input()?;
        let before = tcgetattr(&input)?;
        let output = output.as_fd().try_clone_to_owned()?;
        Ok(Self {
            input,
            output,
            before,
        })
    }

    /// A handle of its own for who reads.
    pub(super) fn input(&self) -> io::Result<OwnedFd> {
        self.input.try_clone()
    }

    /// A handle of its own for who writes.
    pub(super) fn output(&self) -> io::Result<Output> {
        Ok(Output(self.output.try_clone()?.into()))
    }

    /// Every byte as it is typed, none echoed, none translated.
    pub(super) fn raw(&self) -> io::Result<()> {
        let mut raw = self.before.clone();
        raw.make_raw();
        Ok(tcsetattr(&self.input, OptionalActions::Now, &raw)?)
    }

    /// As it was before.
    pub(super) fn cooked(&self) -> io::Result<()> {
        Ok(tcsetattr(&self.input, OptionalActions::Now, &self.before)?)
    }

    /// How many columns and rows it has.
    pub(super) fn size(&self) -> Size {
        size(&self.output)
    }
}

/// Columns and rows of a screen at the most: whoever says more than that says anything.
const COLUMNS_MAX: u16 = 2_000;
const ROWS_MAX: u16 = 1_000;

/// How many columns and rows the terminal behind `fd` has; the classic size when it does not say.
pub(super) fn size(fd: impl AsFd) -> Size {
    match tcgetwinsize(fd) {
        Ok(told) if told.ws_col > 0 && told.ws_row > 0 => {
            Size::new(told.ws_col.min(COLUMNS_MAX), told.ws_row.min(ROWS_MAX))
        }
        _ => Size::new(80, 24),
    }
}

/// Standard input when it is the terminal; otherwise (a pipe) the terminal by its name.
fn input() -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return stdin.as_fd().try_clone_to_owned();
    }
    let tty = File::options().read(true).write(true).open("/dev/tty")?;
    Ok(tty.into())
}

/// Writes to the terminal at once, without a buffer between.
#[derive(Debug)]
pub struct Output(File);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                // Whoever shares the terminal may have made it non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut fds = [PollFd::new(&self.0, PollFlags::OUT)];
                    match poll(&mut fds, None) {
                        Ok(_) | Err(rustix::io::Errno::INTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether somebody would bring this process back once it is stopped: a shell with jobs, outside of our group.
pub(super) fn can_stop() -> bool {
    getsid(None).is_ok_and(|session| session != getpgrp())
}

/// Stops this process with all of its group, and returns when it was told to go on.
///
/// The group, because a wrapper that waits for us would keep the shell from seeing that we stopped. The wait for the
/// signal, because the stop may reach this thread after `kill` has returned.
pub(super) fn stop() -> io::Result<()> {
    let (mut told, tell) = wire()?;
    let registered = signal_hook::low_level::pipe::register(SIGCONT, tell)?;
    let stopped = kill_current_process_group(Signal::STOP).map_err(io::Error::from);
    let waited = stopped.and_then(|()| told.read_exact(&mut [0]));
    signal_hook::low_level::unregister(registered);
    waited
}

/// What a wait for input saw.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ready {
    /// The terminal has bytes, or is gone.
    pub(super) input: bool,
    /// Signals came.
    pub(super) signals: bool,
    /// Somebody wants the reader to look up.
    pub(super) wake: bool,
}

/// Waits until one of them can be read; without one when `timeout_ms` passes.
pub(super) fn wait(
    input: Option<BorrowedFd<'_>>,
    signals: BorrowedFd<'_>,
    wake: BorrowedFd<'_>,
    timeout_ms: Option<u16>,
) -> io::Result<Ready> {
    let mut fds = vec![
        PollFd::from_borrowed_fd(signals, PollFlags::IN),
        PollFd::from_borrowed_fd(wake, PollFlags::IN),
    ];
    fds.extend(input.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
    let timeout = timeout_ms.map(|ms| rustix::event::Timespec {
        tv_sec: i64::from(ms / 1000),
        tv_nsec: i64::from(ms % 1000) * 1_000_000,
    });
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(Ready::default()),
        Err(error) => return Err(error.into()),
    }
    let ready = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
    Ok(Ready {
        signals: ready(0),
        wake: ready(1),
        input: ready(2),
    })
}

/// What can be read at once; an empty answer says that the terminal is gone.
pub(super) fn read(input: &OwnedFd, into: &mut [u8]) -> io::Result<usize> {
    match rustix::io::read(input, into) {
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {
            Err(io::ErrorKind::Interrupted.into())
        }
        Err(rustix::io::Errno::IO) => Ok(0),
        result => Ok(result?),
    }
}
