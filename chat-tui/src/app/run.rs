//! The loop of the screens: waits for what happens, updates, draws what is dirty, and does what the update wants done.
//! Keys are drawn at once, everything else at most every [`FRAME`].

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::model::Model;
use super::model::pane::Pane;
use super::msg::{Effect, Msg, Now};
use super::update;
use super::work::{Lost, Work};
use crate::client::agent::News;
use crate::client::moment::Moment;
use crate::clock::{self, Stopwatch};
use crate::term::{Caps, Ended, Event, Guard, Options, Output, Screen, Suspended};
use crate::view;
use ratatui::layout::Size;

/// Between two frames that nobody at the keyboard waits for.
const FRAME: Duration = Duration::from_millis(16);
/// Such frames write no more than this: a flood must not fill a thin line, on which keys have to come through.
const BYTES_PER_MS: usize = 80;
/// And yet there is one so often.
const FRAME_MAX: Duration = Duration::from_millis(50);
/// The first frame waits so long for what the copy has, so that there is one and it is whole.
const FIRST_FRAME: Duration = Duration::from_millis(30);
/// What happened and is not handled yet; who brings more waits.
pub(super) const INBOX_MAX: usize = 1_024;

/// Something for the loop.
pub(crate) enum Input {
    /// From the terminal.
    Terminal(Event),
    /// From the agent.
    News(News),
    /// From something that was done beside the loop.
    Done(Msg),
}

/// Why the loop ended.
pub(crate) enum Over {
    /// As it was asked to.
    Quit,
    /// The terminal or a signal ended it.
    Ended(Ended),
    /// The terminal could not be used.
    Failed(std::io::Error),
    /// Something that was written could not be kept.
    Lost(Lost),
}

impl Over {
    /// The terminal could not be written to or entered.
    fn of(error: std::io::Error) -> Self {
        Ended::of(&error).map_or(Self::Failed(error), Self::Ended)
    }
}

/// The loop.
pub(crate) struct Run {
    model: Model,
    guard: Guard,
    screen: Screen<Output>,
    inbox: Receiver<Input>,
    work: Work,
    watch: Stopwatch,
    drawn_at: Option<Moment>,
    /// After the last frame the next one waits so long, unless somebody waits for it.
    pause: Duration,
    dirty: bool,
    /// Somebody at the keyboard waits for the next frame.
    urgent: bool,
    over: Option<Over>,
}

/// The ends of the loop's inbox.
pub(crate) fn inbox() -> (SyncSender<Input>, Receiver<Input>) {
    sync_channel(INBOX_MAX)
}

impl Run {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub(crate) fn enter(
        mut model: Model,
        work: Work,
        inbox: (SyncSender<Input>, Receiver<Input>),
        watch: Stopwatch,
    ) -> std::io::Result<Self> {
        let (put, inbox) = inbox;
        let caps = Caps::of_process();
        let options = Options {
            mouse: model.preferences.mouse,
            keyboard: true,
            asks: caps.asks(),
        };
        let guard = Guard::enter(options, move |event| {
            put.send(Input::Terminal(event)).is_ok()
        })?;
        let size = guard.size();
        model.size = (size.width, size.height);
        let screen = Screen::new(guard.output()?, caps);
        Ok(Self {
            model,
            guard,
            screen,
            inbox,
            work,
            watch,
            drawn_at: None,
            pause: FRAME,
            dirty: true,
            urgent: false,
            over: None,
        })
    }

    /// Runs until it is over; the terminal is given back when this returns.
    pub(crate) fn run(mut self) -> Over {
        loop {
            if let Some(input) = self.next() {
                self.handle(input);
                // What waits already is handled before the next frame, so that a flood does not hold up a key. It does
                // not hold up the frame either: what is left waits until that is drawn.
                while self.over.is_none() && !self.draws() {
                    match self.inbox.try_recv() {
                        Ok(input) => self.handle(input),
                        Err(_) => break,
                    }
                }
            } else {
                self.update(Msg::Tick);
            }
            if let Some(over) = self.over.take() {
                return match self.work.finish(&self.inbox, &self.model.letters) {
                    Ok(()) => over,
                    Err(lost) => Over::Lost(lost),
                };
            }
            self.work.push();
            self.draw_if_due();
        }
    }

    /// Waits for the next input; nothing, when something is due before.
    fn next(&mut self) -> Option<Input> {
        let now = self.watch.now();
        let frame = self.dirty.then(|| self.frame_due());
        let crowded = self.work.crowded().then(|| now.plus(FRAME));
        let due = [frame, crowded, update::deadline(&self.model)];
        let due = due.into_iter().flatten().min();
        match due {
            Some(due) => match self.inbox.recv_timeout(due.since(now)) {
                Ok(input) => Some(input),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => self.deserted(),
            },
            None => self.inbox.recv().ok().or_else(|| self.deserted()),
        }
    }

    /// Nobody is left who could bring a key.
    fn deserted(&mut self) -> Option<Input> {
        self.over = Some(Over::Ended(Ended::Gone));
        None
    }

    fn frame_due(&self) -> Moment {
        self.drawn_at
            .map_or(Moment(0).plus(FIRST_FRAME), |at| at.plus(self.pause))
    }

    fn handle(&mut self, input: Input) {
        match input {
            Input::Terminal(event) => self.handle_event(event),
            Input::News(news) => {
                self.update(Msg::News(news));
                // The first frame waits for what the copy has, and for nothing more.
                let first = self.drawn_at.is_none();
                self.urgent |= first && self.model.pane.as_ref().is_some_and(Pane::opened);
            }
            Input::Done(msg) => {
                self.urgent = true;
                let entered = matches!(msg, Msg::Entered(Ok(())));
                self.update(msg);
                if entered {
                    self.begin();
                }
            }
        }
    }

    /// One got in: from here on there is an agent.
    fn begin(&mut self) {
        match self.work.begin_saved() {
            Ok(server) => server.host().clone_into(&mut self.model.server),
            Err(error) => self.model.say(error.to_string()),
        }
    }

    fn handle_event(&mut self, event: Event) {
        // Nobody at the keyboard waits for what the terminal answers by itself.
        self.urgent |= !matches!(event, Event::Answer(_));
        match event {
            Event::Key(key) => self.update(Msg::Key(key)),
            Event::Paste(text) => self.update(Msg::Paste(text)),
            Event::Mouse(mouse) => self.update(Msg::Mouse(mouse)),
            Event::Focus(focused) => self.update(Msg::Focus(focused)),
            Event::Resize(Size { width, height }) => {
                self.screen.force_redraw();
                self.update(Msg::Resize(width, height));
            }
            Event::Suspend => self.perform(Effect::Suspend),
            Event::Continued => {
                let entered = self.guard.reenter();
                self.entered_again(entered);
            }
            Event::Answer(answer) => self.screen.learn(answer),
            Event::Ended(ended) => self.over = Some(Over::Ended(ended)),
        }
    }

    fn update(&mut self, msg: Msg) {
        let now = self.now();
        self.dirty |= update::draws(&self.model, &msg, now);
        for effect in update::update(&mut self.model, msg, now) {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Ask(ask) => self.work.ask(ask),
            Effect::Enter(credentials) => self.work.enter(*credentials),
            Effect::Edit(text) => self.edit(&text),
            Effect::Copy(text) => self.copy(&text),
            Effect::Redraw => self.screen.force_redraw(),
            Effect::Suspend => self.suspend(),
            Effect::Quit => self.over = Some(Over::Quit),
        }
    }

    /// The editor has the terminal; what comes from the agent is taken meanwhile, so that the link lives on.
    fn edit(&mut self, text: &str) {
        self.work.edit_beside(text);
        let (inbox, model, watch) = (&self.inbox, &mut self.model, &self.watch);
        let mut rest = Vec::new();
        let mut effects = Vec::new();
        let paused = self.guard.pause(|| {
            while let Ok(input) = inbox.recv() {
                match input {
                    Input::News(news) => {
                        let now = now(watch);
                        effects.extend(update::update(model, Msg::News(news), now));
                    }
                    Input::Done(edited @ Msg::Edited(_)) => {
                        rest.push(Input::Done(edited));
                        return;
                    }
                    other => rest.push(other),
                }
            }
        });
        self.entered_again(paused);
        effects.into_iter().for_each(|effect| self.perform(effect));
        rest.into_iter().for_each(|input| self.handle(input));
    }

    /// By the terminal itself, so that it works over SSH.
    fn copy(&mut self, text: &str) {
        if let Err(error) = self.guard.copy(text) {
            self.over = Some(Over::of(error));
        }
    }

    fn suspend(&mut self) {
        match self.guard.suspend() {
            Ok(Suspended::Back) => self.entered_again(Ok(())),
            Ok(Suspended::Alone) => {}
            Err(error) => self.over = Some(Over::of(error)),
        }
    }

    /// The screen shows something else, and may have another size.
    fn entered_again(&mut self, entered: std::io::Result<()>) {
        if let Err(error) = entered {
            self.over = Some(Over::of(error));
            return;
        }
        let size = self.guard.size();
        self.screen.force_redraw();
        self.update(Msg::Resize(size.width, size.height));
        self.urgent = true;
    }

    /// Whether there is something new to draw, and the time to do it has come.
    fn draws(&self) -> bool {
        self.dirty && (self.urgent || self.frame_due() <= self.watch.now())
    }

    fn draw_if_due(&mut self) {
        if !self.draws() {
            return;
        }
        let now = self.watch.now();
        let effects = update::before_draw(&mut self.model);
        let (width, height) = self.model.size;
        let model = &self.model;
        let drawn = self.screen.draw(Size::new(width, height), |frame| {
            if let Some(cursor) = view::render(model, frame.buffer) {
                frame.set_cursor(cursor);
            }
        });
        (self.dirty, self.urgent, self.drawn_at) = (false, false, Some(now));
        match drawn {
            Ok(bytes) => {
                self.pause = pause_after(bytes);
                effects.into_iter().for_each(|effect| self.perform(effect));
            }
            Err(error) => self.over = Some(Over::of(error)),
        }
    }

    fn now(&self) -> Now {
        now(&self.watch)
    }
}

/// How long the next frame waits after one of so many bytes.
fn pause_after(bytes: usize) -> Duration {
    let ms = u64::try_from(bytes / BYTES_PER_MS).unwrap_or(u64::MAX);
    Duration::from_millis(ms).clamp(FRAME, FRAME_MAX)
}

fn now(watch: &Stopwatch) -> Now {
    Now {
        wall: clock::wall(),
        moment: watch.now(),
    }
}
