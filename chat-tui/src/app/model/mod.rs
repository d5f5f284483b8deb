//! What is shown, as plain data. Only `update` changes it, and the view only reads it.

pub mod composer;
pub mod contacts;
pub mod entrance;
pub mod found;
pub mod pane;
pub mod picker;

use std::collections::BTreeMap;
use std::time::Duration;

use chat_proto::api::{Group, Member, Profile};
use chat_proto::{MessageId, Name, Presence, PresenceState, Seq, Time, UserRef};
use jiff::tz::TimeZone;

use self::composer::Composer;
use self::contacts::Contacts;
use self::entrance::Entrance;
use self::pane::Pane;
use self::picker::Picker;
use super::msg::Now;
use crate::client::agent::LinkState;
use crate::client::moment::Moment;
use crate::client::outbox::{Letter, LetterState};
use crate::keymap::Keymap;

/// A remark is there for so long.
const REMARK_LASTS: Duration = Duration::from_secs(8);

/// What does not change while the program runs.
#[derive(Debug, Clone)]
pub struct Preferences {
    /// The time zone of times and dates.
    pub zone: TimeZone,
    /// Only glyphs of ASCII.
    pub ascii: bool,
    /// Colours at all: not with `NO_COLOR`, `CLICOLOR=0` or on a dumb terminal.
    pub colors: bool,
    /// Names of authors in colours of their own.
    pub author_colors: bool,
    /// Whether the mouse is listened to.
    pub mouse: bool,
    /// Cells of a text's line at the most.
    pub text_width: u16,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            ascii: false,
            colors: true,
            author_colors: true,
            mouse: true,
            text_width: 96,
        }
    }
}

/// Everything that is shown.
#[derive(Debug)]
pub struct Model {
    /// What does not change.
    pub preferences: Preferences,
    /// Which key does what.
    pub keymap: Keymap,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Whether a person looks: a terminal that does not tell is taken to have the focus.
    pub focused: bool,
    /// When this is.
    pub now: Now,
    /// The profile, where it is not the default one.
    pub profile: Option<Name>,
    /// The server's host, for people.
    pub server: String,
    /// Who one is, once that is known.
    pub me: Option<UserRef>,
    /// Asks for a server and an account; absent once one is in.
    pub entrance: Option<Entrance>,
    /// How the link is, and since when.
    pub link: (LinkState, Moment),
    /// Since when there is no connection, through all tries to get one; absent while there is one.
    pub offline_since: Option<Moment>,
    /// The conversations.
    pub contacts: Contacts,
    /// People of the server, as a search for nobody in particular finds them.
    pub people: Vec<Profile>,
    /// Groups that one is in, and public ones.
    pub groups: Vec<Group>,
    /// Who is there, by name; nothing is known of who is not in it.
    pub presence: BTreeMap<Name, Presence>,
    /// Who is writing where, and until when that is believed.
    pub typing: BTreeMap<(Name, Name), Moment>,
    /// What the server is not known to have, in the order in which it was written.
    pub letters: Vec<Letter>,
    /// The open conversation's log.
    pub pane: Option<Pane>,
    /// What is being written, in the open conversation.
    pub composer: Composer,
    /// What is being written elsewhere, by topic.
    pub drafts: BTreeMap<Name, String>,
    /// What lies over the conversation.
    pub overlay: Option<Overlay>,
    /// Whether the list stands beside the conversation, where there is room.
    pub sidebar: bool,
    /// Who is in the groups that were opened.
    pub members: BTreeMap<Name, Vec<Member>>,
    /// Where one was before one went through what is unread.
    pub came_from: Option<Name>,
    /// When the others were last told that one writes.
    pub typing_told: Option<Moment>,
    /// The messages that drafts elsewhere answer, by topic.
    pub replies: BTreeMap<Name, Seq>,
    /// Whose draft is open in the editor.
    pub editing: Option<Name>,
    /// A conversation was shown already: from here on only a person chooses which.
    pub welcomed: bool,
    /// Up to where what was shown is said to be read, in the open conversation.
    pub read_told: Option<(Name, Seq)>,
    /// Something to say, until then.
    pub remark: Option<(String, Moment)>,
    /// Sending waits until then, because the server wants fewer messages.
    pub slowed_until: Option<Moment>,
    /// The first half of a chord (Ctrl-X) was pressed.
    pub chord: bool,
    /// What the same key once more discards; any other key forgets it.
    pub discards: Option<MessageId>,
}

/// What lies over the conversation and takes the keys.
#[derive(Debug)]
pub enum Overlay {
    /// Goes to anyone, anything.
    Switcher(Picker),
    /// The keys; filters as one types.
    Help(Picker),
    /// The list of conversations, where there is no room beside.
    List(Picker),
}

impl Model {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(preferences: Preferences, keymap: Keymap, size: (u16, u16), now: Now) -> Self {
        Self {
            preferences,
            keymap,
            size,
            focused: true,
            now,
            profile: None,
            server: String::new(),
            me: None,
            entrance: None,
            link: (LinkState::Connecting, now.moment),
            offline_since: None,
            contacts: Contacts::default(),
            people: Vec::new(),
            groups: Vec::new(),
            presence: BTreeMap::new(),
            typing: BTreeMap::new(),
            letters: Vec::new(),
            pane: None,
            composer: Composer::default(),
            drafts: BTreeMap::new(),
            overlay: None,
            sidebar: true,
            members: BTreeMap::new(),
            came_from: None,
            typing_told: None,
            replies: BTreeMap::new(),
            editing: None,
            welcomed: false,
            read_told: None,
            remark: None,
            slowed_until: None,
            chord: false,
            discards: None,
        }
    }

    /// One's own name, once it is known.
    #[must_use]
    pub fn my_name(&self) -> Option<&Name> {
        self.me.as_ref().map(|me| &me.name)
    }

    /// Whether somebody is there, as far as that is known.
    #[must_use]
    pub fn presence_of(&self, name: &Name) -> PresenceState {
        if self.my_name() == Some(name) && self.link.0 == LinkState::Live {
            return PresenceState::Online;
        }
        self.presence
            .get(name)
            .map_or(PresenceState::Offline, |p| p.state)
    }

    /// How many letters wait to be sent.
    #[must_use]
    pub fn queued(&self) -> usize {
        let waits =
            |letter: &&Letter| matches!(letter.state, LetterState::Queued | LetterState::Sending);
        self.letters.iter().filter(waits).count()
    }

    /// Says something for a while, instead of what it said before.
    pub fn say(&mut self, sentence: String) {
        self.remark = Some((sentence, self.now.moment.plus(REMARK_LASTS)));
    }

    /// Whether somebody sees the open conversation.
    #[must_use]
    pub const fn watched(&self) -> bool {
        self.focused && self.overlay.is_none() && self.entrance.is_none()
    }

    /// The wall clock.
    #[must_use]
    pub const fn wall(&self) -> Time {
        self.now.wall
    }
}
