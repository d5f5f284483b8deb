//! Holds the terminal's modes, and gives them back however the program ends: by return, panic or signal.

use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use crossterm::clipboard::CopyToClipboard;
use ratatui::layout::Size;

use super::event::Event;
use super::input::{self, Gate, State};
use super::{modes, sys};

pub use super::sys::Output;

/// What is wanted from the terminal beside the alternate screen, bracketed paste and reports of focus.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Clicks and the wheel come as events; selecting text is the terminal's no more.
    pub mouse: bool,
    /// Shift-Enter and its like are told apart where the terminal can.
    pub keyboard: bool,
    /// What to ask it at the start; nobody waits for the answers.
    pub asks: Vec<Ask>,
}

/// What a terminal can be asked. The answer is an [`Event::Answer`], or never comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Whether it can scroll a part of its columns.
    Margins,
    /// The colour behind the text.
    Background,
}

/// What became of the wish to stop for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspended {
    /// The program was stopped and goes on; everything must be drawn again, at a size that may be another.
    Back,
    /// It was not: no shell would bring it back.
    Alone,
}

/// The terminal that is held, for the panic hook, which is handed nothing.
static HELD: Mutex<Option<Held>> = Mutex::new(None);
static HOOK: Once = Once::new();

struct Held {
    tty: sys::Tty,
    options: Options,
    entered: bool,
    panicked: bool,
    gate: Arc<Gate>,
}

impl Held {
    fn enter(&mut self) -> io::Result<()> {
        self.tty.raw()?;
        let again = std::mem::replace(&mut self.entered, true);
        let bytes = if again {
            modes::enter_again(&self.options)
        } else {
            modes::enter(&self.options)
        };
        self.tty.output()?.write_all(bytes.as_bytes())
    }

    /// A terminal that is gone needs no leaving: errors have no reader.
    fn leave(&mut self) {
        if !std::mem::take(&mut self.entered) {
            return;
        }
        if let Ok(mut output) = self.tty.output() {
            let _ = output.write_all(modes::leave(&self.options).as_bytes());
        }
        let _ = self.tty.cooked();
    }
}

fn held() -> MutexGuard<'static, Option<Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leaves the terminal now; for who ends the process without a way back to the guard.
pub fn leave_now() {
    if let Some(held) = held().as_mut() {
        held.leave();
    }
}

/// Whether a panic has taken the terminal away.
pub(super) fn panicked() -> bool {
    held().as_ref().is_some_and(|held| held.panicked)
}

/// A panic restores the terminal before its message is printed, from whichever thread; the loop is told to end.
fn install_hook() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if let Some(held) = held().as_mut() {
            held.leave();
            held.panicked = true;
            held.gate.wake();
        }
        before(info);
    }));
}

/// The terminal as a full screen, for as long as this lives. There is one at a time.
#[derive(Debug)]
pub struct Guard {
    gate: Arc<Gate>,
}

impl Guard {
    /// Enters the full screen and starts to read; `sink` is handed every event on a thread of its own, and says
    /// whether it wants more. It may block: keys then wait in the terminal.
    ///
    /// When the thread dies by a panic in `sink`, `sink` is dropped: a channel in it closes.
    ///
    /// # Errors
    /// When there is no terminal, or it is held already.
    pub fn enter(
        options: Options,
        sink: impl FnMut(Event) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        let tty = sys::Tty::open()?;
        HOOK.call_once(install_hook);
        let mut place = held();
        if place.is_some() {
            return Err(io::Error::other("the terminal is held already"));
        }
        // Before the modes: a signal that comes between finds the terminal as it was.
        let gate = input::start(&tty, sink)?;
        let asks: String = options.asks.iter().map(|ask| modes::ask(*ask)).collect();
        let held = place.insert(Held {
            tty,
            options,
            entered: false,
            panicked: false,
            gate: Arc::clone(&gate),
        });
        let guard = Self { gate };
        let entered = held
            .enter()
            .and_then(|()| held.tty.output()?.write_all(asks.as_bytes()));
        drop(place);
        entered.map(|()| guard)
    }

    /// Where frames are written.
    ///
    /// # Errors
    /// When the system gives no handle.
    pub fn output(&self) -> io::Result<Output> {
        match held().as_ref() {
            Some(held) => held.tty.output(),
            None => Err(io::Error::other("the terminal is left")),
        }
    }

    /// How many columns and rows there are.
    #[must_use]
    pub fn size(&self) -> Size {
        held()
            .as_ref()
            .map_or(Size::new(80, 24), |held| held.tty.size())
    }

    /// Puts a text into the clipboard of the machine that the terminal is on, over SSH too (OSC 52).
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub fn copy(&self, text: &str) -> io::Result<()> {
        let clipboard = CopyToClipboard::to_clipboard_from(text);
        crossterm::execute!(self.output()?, clipboard)
    }

    /// Gives the terminal back and stops the program, until somebody says that it goes on (`fg`).
    ///
    /// # Errors
    /// When the terminal cannot be entered again.
    pub fn suspend(&mut self) -> io::Result<Suspended> {
        if !sys::can_stop() {
            return Ok(Suspended::Alone);
        }
        self.pause(sys::stop)??;
        Ok(Suspended::Back)
    }

    /// Runs what needs the normal screen, an editor for instance: no key is read and Ctrl-C is not for us meanwhile.
    /// Everything must be drawn again after it, at a size that may be another.
    ///
    /// # Errors
    /// When the terminal cannot be entered again.
    pub fn pause<T>(&mut self, run: impl FnOnce() -> T) -> io::Result<T> {
        self.gate.set(State::Paused);
        leave_now();
        let result = run();
        self.reenter()?;
        Ok(result)
    }

    /// Sets all modes again, after somebody stopped the program in a way that cannot be noticed before.
    /// Everything must be drawn again after it.
    ///
    /// # Errors
    /// When the terminal refuses.
    pub fn reenter(&mut self) -> io::Result<()> {
        if let Some(held) = held().as_mut()
            && !held.panicked
        {
            held.enter()?;
            self.gate.resume();
        }
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.gate.set(State::Closed);
        let taken = held().take();
        if let Some(mut held) = taken {
            held.leave();
        }
    }
}
