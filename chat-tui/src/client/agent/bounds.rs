//! What comes from a server, cut to what a server of ours could have sent: another one may send megabytes that no
//! screen can lay out.

use chat_proto::{Conversation, Message, limits};

/// Kinds of reactions of one message, and people of one of them, that are kept.
const REACTIONS_MAX: usize = 64;
/// Bytes of a name or a title that is shown on one line.
const LINE_BYTES_MAX: usize = limits::DISPLAY_NAME_CHARS_MAX * 4;

/// A message within its limits.
pub(super) fn message(mut message: Message) -> Message {
    cut(&mut message.text, limits::TEXT_BYTES_MAX);
    cut(&mut message.from.display_name, LINE_BYTES_MAX);
    message.reactions.truncate(REACTIONS_MAX);
    for reaction in &mut message.reactions {
        cut(&mut reaction.emoji, LINE_BYTES_MAX);
        reaction.by.truncate(REACTIONS_MAX);
    }
    message
}

/// A line of the list within its limits.
pub(super) fn conversation(mut conversation: Conversation) -> Conversation {
    cut(&mut conversation.title, limits::TEXT_BYTES_MAX);
    conversation.last_message = conversation.last_message.map(message);
    conversation
}

fn cut(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        let boundary = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(boundary.unwrap_or(0));
        text.push('…');
    }
}
