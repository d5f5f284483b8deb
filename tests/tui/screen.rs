//! A program that is a screen and nothing else: it shows what it is told, and does to the terminal what the client does.

use std::process::{Command, ExitCode};
use std::sync::mpsc;

use chat_tui::term::{Caps, Ended, Event, Frame, Guard, Options, Screen, Suspended};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;
use ratatui::style::Style;

/// Events that wait to be shown; more wait in the terminal.
const EVENTS_MAX: usize = 64;

struct App {
    guard: Guard,
    screen: Screen<chat_tui::term::guard::Output>,
    size: Size,
    typed: String,
    said: String,
}

fn main() -> ExitCode {
    let (sender, events) = mpsc::sync_channel(EVENTS_MAX);
    let caps = Caps::of_process();
    let options = Options {
        mouse: true,
        keyboard: true,
        asks: caps.asks(),
    };
    let guard = match Guard::enter(options, move |event| sender.send(event).is_ok()) {
        Ok(guard) => guard,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let screen = Screen::new(guard.output().expect("a terminal"), caps);
    let mut app = App {
        size: guard.size(),
        guard,
        screen,
        typed: String::new(),
        said: "nothing".into(),
    };
    ExitCode::from(app.run(&events))
}

impl App {
    fn run(&mut self, events: &mpsc::Receiver<Event>) -> u8 {
        loop {
            if self.draw().is_err() {
                return Ended::Gone.exit_code();
            }
            let event = events.recv().unwrap_or(Event::Ended(Ended::Panicked));
            match self.handle(event) {
                Ok(None) => {}
                Ok(Some(code)) => return code,
                Err(_) => return Ended::Gone.exit_code(),
            }
        }
    }

    fn draw(&mut self) -> std::io::Result<usize> {
        let Size { width, height } = self.size;
        let lines = [
            format!("size {width}x{height}"),
            format!("typed {}", self.typed),
            format!("said {}", self.said),
        ];
        self.screen.draw(self.size, |frame| show(frame, &lines))
    }

    fn handle(&mut self, event: Event) -> std::io::Result<Option<u8>> {
        match event {
            Event::Key(key) => return self.key(key),
            Event::Paste(text) => self.said = format!("paste {text:?}"),
            Event::Mouse(mouse) => self.said = format!("mouse {},{}", mouse.column, mouse.row),
            Event::Focus(focus) => self.said = format!("focus {focus}"),
            Event::Resize(size) => self.size = size,
            Event::Suspend => self.suspend()?,
            Event::Continued => {
                self.guard.reenter()?;
                self.anew("continued");
            }
            Event::Answer(answer) => {
                self.screen.learn(answer);
                self.said = format!("{answer:?}");
            }
            Event::Ended(ended) => return Ok(Some(ended.exit_code())),
        }
        Ok(None)
    }

    fn key(&mut self, key: KeyEvent) -> std::io::Result<Option<u8>> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('q') if control => return Ok(Some(0)),
            KeyCode::Char('z') if control => self.suspend()?,
            KeyCode::Char('l') if control => self.anew("redraw"),
            KeyCode::Char('p') if control => panic!("the screen panicked"),
            KeyCode::Char('t') if control => {
                std::thread::spawn(|| panic!("a thread panicked"));
            }
            KeyCode::Char('e') if control => {
                let mut editor = Command::new("/bin/sh");
                editor.args(["-c", "echo in the editor; read line; echo edited $line"]);
                self.guard.pause(|| editor.status())??;
                self.anew("edited");
            }
            KeyCode::Char(letter) if key.modifiers.is_empty() => self.typed.push(letter),
            code => self.said = format!("{code:?} {:?}", key.modifiers),
        }
        Ok(None)
    }

    fn suspend(&mut self) -> std::io::Result<()> {
        match self.guard.suspend()? {
            Suspended::Back => self.anew("back"),
            Suspended::Alone => self.said = "alone".into(),
        }
        Ok(())
    }

    /// After somebody else had the terminal.
    fn anew(&mut self, said: &str) {
        self.screen.force_redraw();
        self.size = self.guard.size();
        self.said = said.into();
    }
}

fn show(frame: &mut Frame<'_>, lines: &[String]) {
    let area = frame.area();
    for (y, line) in (0..area.height).zip(lines) {
        frame
            .buffer
            .set_stringn(0, y, line, usize::from(area.width), Style::new());
    }
    let typed = lines.get(1).map_or(0, String::len);
    frame.set_cursor((u16::try_from(typed).unwrap_or(u16::MAX), 1));
}
