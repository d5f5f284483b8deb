//! Tab: the word before the cursor becomes the name that it begins.

use crate::app::model::Model;
use crate::keymap::TYPED;

/// Completes `/jo` on an empty draft to the command, `@na` and `#na` to the first conversation or person in rank; says whether something changed.
pub(super) fn at_cursor(model: &mut Model) -> bool {
    let cursor = model.composer.area().cursor();
    let Some(line) = model.composer.lines().get(cursor.0) else {
        return false;
    };
    let before: String = line.chars().take(cursor.1).collect();
    if let Some(rest) = command(model, &before) {
        model.composer.insert(&rest);
        return true;
    }
    let word = before
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default();
    let Some((sigil, start)) = word
        .chars()
        .next()
        .filter(|c| "@#".contains(*c))
        .map(|c| (c, &word[1..]))
    else {
        return false;
    };
    let start = start.to_lowercase();
    let Some(name) = name(model, sigil, &start) else {
        return false;
    };
    let rest = format!("{} ", &name[start.len()..]);
    model.composer.insert(&rest);
    true
}

/// The rest of the command that a draft of one line begins.
fn command(model: &Model, before: &str) -> Option<String> {
    if !before.starts_with('/') || model.composer.lines().len() > 1 {
        return None;
    }
    let typed = TYPED.iter().find(|typed| typed.word.starts_with(before))?;
    let gap = if typed.argument.is_empty() { "" } else { " " };
    Some(format!("{}{gap}", &typed.word[before.len()..]))
}

/// Of the open group its members come first, then whoever one talked to last.
fn name(model: &Model, sigil: char, start: &str) -> Option<String> {
    let members = model
        .contacts
        .open
        .as_ref()
        .and_then(|topic| model.members.get(topic));
    let members = members
        .into_iter()
        .flatten()
        .map(|member| member.name.as_str());
    let lines = model.contacts.ranked().iter();
    let lines = lines
        .filter(|line| line.sigil() == sigil)
        .map(|line| line.topic.as_str());
    let people = members.filter(|_| sigil == '@').chain(lines);
    people
        .filter(|name| Some(*name) != model.my_name().map(chat_proto::Name::as_str))
        .find(|name| name.starts_with(start))
        .map(str::to_owned)
}
