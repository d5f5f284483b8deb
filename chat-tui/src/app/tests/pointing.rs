//! The mouse: what a click and the wheel do, by what is under them.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::Screens;
use crate::app::msg::Msg;
use crate::view::tests::name;

impl Screens {
    fn mouse(&mut self, kind: MouseEventKind, (column, row): (u16, u16)) {
        self.happens(Msg::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        }));
        self.drawn();
    }

    /// Clicks on the first letter of `words`.
    #[track_caller]
    fn click(&mut self, words: &str) {
        let picture = self.picture();
        let found = picture.lines().enumerate().find_map(|(y, row)| {
            let at = row.find(words)?;
            Some((row[..at].chars().count(), y))
        });
        let (x, y) = found.unwrap_or_else(|| panic!("no {words:?}:\n{picture}"));
        let at = (
            u16::try_from(x).expect("a column"),
            u16::try_from(y).expect("a row"),
        );
        self.mouse(MouseEventKind::Down(MouseButton::Left), at);
    }

    fn open_topic(&self) -> Option<&str> {
        self.model
            .contacts
            .open
            .as_ref()
            .map(chat_proto::Name::as_str)
    }
}

fn three() -> Screens {
    let mut screens = Screens::of_ann();
    for (topic, count, read) in [("ben", 2, 2), ("dana", 3, 1), ("eli", 1, 1)] {
        screens.knows(topic, count, read);
    }
    let line = screens.knows("ben", 2, 2);
    screens.opened(&line, 1, 2);
    screens
}

#[test]
fn a_click_takes_a_row_of_the_switcher_and_the_wheel_moves_the_choice() {
    let mut screens = three();
    screens.model.sidebar = false;
    screens.keys("<ctrl-k>");
    screens.click("eli ");
    assert_eq!(screens.open_topic(), Some("eli"));
    assert!(screens.model.overlay.is_none());

    screens.keys("<ctrl-k>");
    let before = screens.picture();
    screens.mouse(MouseEventKind::ScrollDown, (50, 10));
    assert_ne!(screens.picture(), before, "another row is chosen");
    screens.mouse(MouseEventKind::Down(MouseButton::Left), (0, 0));
    assert!(screens.model.overlay.is_none(), "beside the box");
    assert_eq!(screens.open_topic(), Some("eli"));
}

#[test]
fn the_way_to_the_end_covers_no_words_and_can_be_clicked() {
    for size in [(120, 36), (60, 20), (40, 10)] {
        let mut screens = three();
        screens.model.size = size;
        let line = screens.knows("eli", 90, 90);
        screens.model.sidebar = false;
        screens.keys("<ctrl-k>eli<enter>");
        screens.opened(&line, 1, 90);
        screens.hides("^End");
        screens.keys("<pageup>");
        assert!(screens.row("^End").contains("connected"));
        screens.click("^End");
        screens.hides("^End");
        screens.shows("message 90.");
    }
}

#[test]
fn in_narrow_terminals_the_list_and_who_waits_can_be_clicked() {
    let mut screens = three();
    screens.model.size = (60, 20);
    screens.click("dana 2");
    assert_eq!(screens.open_topic(), Some("dana"));
    screens.keys("<f2>");
    screens.click("ben ");
    assert_eq!(screens.open_topic(), Some("ben"));
    assert_eq!(screens.model.contacts.before, Some(name("dana")));
}
