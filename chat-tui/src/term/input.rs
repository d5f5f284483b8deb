//! The thread that waits for keys and signals and hands them on as events. It sleeps while nothing comes.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use ratatui::layout::Size;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use signal_hook::low_level::{emulate_default_handler, raise};

use super::event::{Ended, Event};
use super::keys::Parser;
use super::{guard, sys};

const SIGNALS: [i32; 7] = [SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH];

/// A lone Esc waits this long for the rest of a sequence that a slow link may have torn.
const TORN_MS: u16 = 30;

/// Who reads the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// We do.
    Reading,
    /// Another program, or nobody while we are stopped.
    Paused,
    /// Whoever comes after us.
    Closed,
}

type Delivery = SignalDelivery<sys::Wire, SignalOnly>;

#[derive(Debug)]
struct Signals {
    delivery: Delivery,
    /// Those of a pause that are for us all the same.
    kept: Vec<i32>,
}

/// Opens and shuts the way from the terminal to the reader.
#[derive(Debug)]
pub(super) struct Gate {
    /// Held for the length of one read of what is there, so that nothing is read once a pause has begun.
    state: Mutex<State>,
    /// Held while signals are taken together with the state in which they came.
    signals: Mutex<Signals>,
    wake: sys::Wire,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, state: State) {
        *self.lock() = state;
        self.wake();
    }

    /// Goes on to read. The signals of the pause were for the program that ran: the reader, which may be slower than
    /// that program's end, must not take them for ours.
    pub(super) fn resume(&self) {
        let mut signals = self.signals();
        let came: Vec<i32> = signals.delivery.pending().collect();
        let ours = came
            .into_iter()
            .filter(|signal| matches!(*signal, SIGTERM | SIGHUP));
        signals.kept.extend(ours);
        self.set(State::Reading);
    }

    fn signals(&self) -> MutexGuard<'_, Signals> {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The signals that came, and who read the terminal then.
    fn take_signals(&self) -> (State, Vec<i32>) {
        let mut signals = self.signals();
        let mut came = std::mem::take(&mut signals.kept);
        came.extend(signals.delivery.pending());
        (*self.lock(), came)
    }

    /// Makes the reader look up. When the pipe is full, it has reason enough to.
    pub(super) fn wake(&self) {
        let _ = (&self.wake).write(&[0]);
    }
}

/// Starts to read.
pub(super) fn start(
    tty: &sys::Tty,
    sink: impl FnMut(Event) -> bool + Send + 'static,
) -> io::Result<Arc<Gate>> {
    let (woken, wake) = sys::wire()?;
    woken.set_nonblocking(true)?;
    wake.set_nonblocking(true)?;
    let (read, write) = sys::wire()?;
    let signalled = read.try_clone()?;
    let gate = Arc::new(Gate {
        state: Mutex::new(State::Reading),
        signals: Mutex::new(Signals {
            delivery: SignalDelivery::with_pipe(read, write, SignalOnly, SIGNALS)?,
            kept: Vec::new(),
        }),
        wake,
    });
    let reader = Reader {
        gate: Arc::clone(&gate),
        input: tty.input()?,
        woken,
        signalled,
        parser: Parser::default(),
        size: tty.size(),
        ended: false,
        sink,
    };
    thread::Builder::new()
        .name("terminal".into())
        .spawn(move || reader.run())?;
    Ok(gate)
}

struct Reader<S> {
    gate: Arc<Gate>,
    input: OwnedFd,
    woken: sys::Wire,
    signalled: sys::Wire,
    parser: Parser,
    size: Size,
    ended: bool,
    sink: S,
}

impl<S: FnMut(Event) -> bool> Reader<S> {
    /// Goes on until the process ends: once the guard is gone, signals mean what they meant without it.
    fn run(mut self) {
        let mut bytes = [0; 4096];
        while let Ok(ready) = self.wait() {
            if ready.wake {
                self.look_up();
            }
            if ready.wake || ready.signals {
                let (state, came) = self.gate.take_signals();
                came.into_iter()
                    .for_each(|signal| self.signal(state, signal));
            }
            if ready.input {
                self.read(&mut bytes);
            } else if !ready.wake && !ready.signals {
                let events = self.parser.settle();
                self.send_all(events);
            }
        }
        self.end(Ended::Gone);
    }

    fn wait(&self) -> io::Result<sys::Ready> {
        let reads = !self.ended && *self.gate.lock() == State::Reading;
        let timeout = (reads && self.parser.unfinished()).then_some(TORN_MS);
        sys::wait(
            reads.then(|| self.input.as_fd()),
            self.signalled.as_fd(),
            self.woken.as_fd(),
            timeout,
        )
    }

    fn look_up(&mut self) {
        while matches!(self.woken.read(&mut [0; 64]), Ok(1..)) {}
        if guard::panicked() {
            self.end(Ended::Panicked);
        } else if *self.gate.lock() == State::Reading {
            self.resized();
        }
    }

    fn read(&mut self, bytes: &mut [u8]) {
        let gate = Arc::clone(&self.gate);
        let state = gate.lock();
        if *state != State::Reading {
            return;
        }
        let read = sys::read(&self.input, bytes);
        drop(state);
        match read {
            Ok(0) => self.end(Ended::Gone),
            Ok(count) => {
                let events = self.parser.feed(&bytes[..count]);
                self.send_all(events);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.end(Ended::Gone),
        }
    }

    fn signal(&mut self, state: State, signal: i32) {
        match (state, signal) {
            (State::Closed, SIGCONT | SIGWINCH) => {}
            (State::Closed, signal) => by_default(signal),
            (State::Reading, SIGWINCH) => self.resized(),
            (State::Reading, SIGCONT) => self.send(Event::Continued),
            (State::Reading, SIGTSTP) => self.send(Event::Suspend),
            // The size is asked for when the pause is over; what is typed belongs to the program that runs.
            (State::Paused, SIGWINCH | SIGCONT | SIGINT | SIGQUIT) => {}
            (State::Paused, SIGTSTP) => drop(raise(signal_hook::consts::SIGSTOP)),
            // A window that closes ends the input, and the system and the shell may both say so: one wish, no haste.
            (_, SIGHUP) if self.ended => {}
            // Asked a second time: the loop does not answer, so it is not waited for.
            (_, signal) if self.ended => {
                guard::leave_now();
                by_default(signal);
            }
            (_, signal) => self.end(Ended::Signal(signal)),
        }
    }

    fn resized(&mut self) {
        let size = sys::size(&self.input);
        if size != self.size {
            self.size = size;
            self.send(Event::Resize(size));
        }
    }

    fn end(&mut self, why: Ended) {
        if !self.ended {
            self.send(Event::Ended(why));
            self.ended = true;
        }
    }

    fn send_all(&mut self, events: Vec<Event>) {
        events.into_iter().for_each(|event| self.send(event));
    }

    fn send(&mut self, event: Event) {
        if !self.ended && !(self.sink)(event) {
            self.ended = true;
        }
    }
}

/// What the signal does to a program that does not know it.
fn by_default(signal: i32) {
    // It fails only for signals that do not exist.
    let _ = emulate_default_handler(signal);
}
