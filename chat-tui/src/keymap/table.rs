//! The table of keys: every command with its name, its place in the help, its keys and its words.

/// Where a key is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Everywhere, where the place itself does not want the key.
    Anywhere,
    /// While writing.
    Write,
    /// While a message is selected.
    Select,
    /// In a list over the conversation.
    Pick,
}

/// A part of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Where to.
    Go,
    /// What to do with messages.
    Messages,
    /// How to write.
    Write,
    /// The program.
    App,
}

impl Section {
    /// All, in the help's order.
    pub const ALL: [Self; 4] = [Self::Go, Self::Messages, Self::Write, Self::App];

    /// Its heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::Messages => "MESSAGES (Up selects)",
            Self::Write => "WRITE",
            Self::App => "APP",
        }
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct Binding {
    /// What it does.
    pub command: Command,
    /// Its name, for the user's file.
    pub name: &'static str,
    /// Where its keys count.
    pub mode: Mode,
    /// Where the help shows it.
    pub section: Section,
    /// Its keys by default.
    pub keys: &'static [&'static str],
    /// Its words in the help.
    pub doc: &'static str,
}

macro_rules! table {
    ($($command:ident $name:literal $mode:ident $section:ident [$($key:literal),*] $doc:literal;)*) => {
        /// Something that a key does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Command {
            $(#[doc = $doc] $command,)*
        }

        /// The table.
        pub static TABLE: &[Binding] = &[
            $(Binding {
                command: Command::$command,
                name: $name,
                mode: Mode::$mode,
                section: Section::$section,
                keys: &[$($key),*],
                doc: $doc,
            },)*
        ];
    };
}

table! {
    SwitcherOrKill "switcher-or-kill" Write Go ["ctrl-k"] "go to anyone; in a line: cut to its end";
    Switcher "switcher" Anywhere Go ["alt-g", "ctrl-x g"] "go to anyone, anything";
    NextUnread "next-unread" Anywhere Go ["alt-a", "ctrl-x a"] "next unread, mentions first; then back";
    FirstUnread "first-unread" Anywhere Go ["alt-u", "ctrl-x u"] "first unread line";
    PreviousMention "previous-mention" Anywhere Go ["alt-p", "ctrl-x p"] "previous mention";
    NextMention "next-mention" Anywhere Go ["alt-n", "ctrl-x n"] "next mention";
    PreviousChat "previous-chat" Write Go ["ctrl-p"] "previous chat of the list";
    NextChat "next-chat" Write Go ["ctrl-n"] "next chat of the list";
    Chat1 "chat-1" Anywhere Go ["alt-1"] "first chat of the list; to Alt-9: others";
    Chat2 "chat-2" Anywhere Go ["alt-2"] "second chat of the list";
    Chat3 "chat-3" Anywhere Go ["alt-3"] "third chat of the list";
    Chat4 "chat-4" Anywhere Go ["alt-4"] "fourth chat of the list";
    Chat5 "chat-5" Anywhere Go ["alt-5"] "fifth chat of the list";
    Chat6 "chat-6" Anywhere Go ["alt-6"] "sixth chat of the list";
    Chat7 "chat-7" Anywhere Go ["alt-7"] "seventh chat of the list";
    Chat8 "chat-8" Anywhere Go ["alt-8"] "eighth chat of the list";
    Chat9 "chat-9" Anywhere Go ["alt-9"] "ninth chat of the list";
    LastChat "last-chat" Anywhere Go ["alt-/", "ctrl-x /"] "the chat before this one";
    PageUp "page-up" Anywhere Go ["pageup"] "scroll up";
    PageDown "page-down" Anywhere Go ["pagedown"] "scroll down";
    Top "top" Anywhere Go ["ctrl-home"] "first message";
    Bottom "bottom" Anywhere Go ["ctrl-end"] "last message; marks all read";

    Select "select" Write Messages ["up"] "on an empty draft: select messages";
    SelectUp "select-up" Select Messages ["k", "up"] "message above";
    SelectDown "select-down" Select Messages ["j", "down"] "message below";
    SelectFirst "select-first" Select Messages ["g", "home"] "first message";
    SelectLast "select-last" Select Messages ["G", "end"] "last message";
    Act "act" Select Messages ["enter"] "expand, or load what is missing";
    Retry "retry" Select Messages ["r"] "not sent: try again; else reply";
    EditAgain "edit" Select Messages ["e"] "not sent: back into the draft";
    Discard "discard" Select Messages ["d"] "not sent: discard";
    CopyText "copy" Select Messages ["y"] "copy the text";
    CopyBlock "copy-block" Select Messages ["Y"] "copy its code block";
    Quote "quote" Select Messages ["q"] "quote in the draft";
    HelpHere "help-here" Select Messages ["?"] "these keys";
    Leave "leave" Select Messages ["esc", "i"] "back to the draft";

    Send "send" Write Write ["enter"] "send; within a code block: a new line";
    Newline "newline" Write Write ["alt-enter", "ctrl-j", "shift-enter"] "new line";
    Editor "editor" Write Write ["alt-e", "ctrl-x ctrl-e"] "write in $EDITOR";
    Complete "complete" Write Write ["tab"] "complete @name, #group or /command";
    LineStart "line-start" Write Write ["ctrl-a", "home"] "start of the line";
    LineEnd "line-end" Write Write ["ctrl-e", "end"] "end of the line";
    CharacterBack "character-back" Write Write ["ctrl-b", "left"] "character back";
    CharacterForward "character-forward" Write Write ["ctrl-f", "right"] "character forward";
    WordBack "word-back" Write Write ["alt-b", "ctrl-left", "alt-left"] "word back";
    WordForward "word-forward" Write Write ["alt-f", "ctrl-right", "alt-right"] "word forward";
    LineUp "line-up" Write Write ["shift-up"] "line up";
    LineDown "line-down" Write Write ["down"] "line down";
    DeleteBack "delete-back" Write Write ["backspace", "ctrl-h"] "delete the character before";
    DeleteForward "delete-forward" Write Write ["delete", "ctrl-d"] "delete the character after";
    CutWordBack "cut-word-back" Write Write ["ctrl-w", "alt-backspace"] "cut the word before";
    CutWordForward "cut-word-forward" Write Write ["alt-d", "alt-delete"] "cut the word after";
    CutLine "cut-line" Write Write ["ctrl-u"] "cut to the start of the line";
    Yank "yank" Write Write ["ctrl-y"] "put back what was cut";
    Undo "undo" Write Write ["ctrl-_"] "undo";
    Redo "redo" Write Write ["alt-_"] "redo";
    ClearDraft "clear" Write Write ["ctrl-c"] "clear the draft (undo brings it back)";
    Cancel "cancel" Write Write ["esc"] "cancel the reply; to the last message";

    PickUp "pick-up" Pick App ["up", "ctrl-p", "ctrl-k"] "in lists: row above";
    PickDown "pick-down" Pick App ["down", "ctrl-n", "ctrl-j"] "in lists: row below";
    PickKind "pick-kind" Pick App ["tab"] "in the switcher: only one kind of row";
    PickThis "pick" Pick App ["enter"] "in lists: take this one";
    PickCancel "pick-cancel" Pick App ["esc", "ctrl-c", "ctrl-g"] "in lists: close";
    Help "help" Anywhere App ["f1"] "keys";
    Sidebar "sidebar" Anywhere App ["f2"] "the list of chats";
    Reconnect "reconnect" Anywhere App ["f5"] "offline: try to connect at once";
    Repaint "redraw" Anywhere App ["ctrl-l"] "redraw";
    Suspend "suspend" Anywhere App ["ctrl-z"] "suspend";
    Quit "quit" Anywhere App ["ctrl-q"] "quit; drafts and unsent words are kept";
}
