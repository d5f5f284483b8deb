//! What a group is called when nobody said: the same from every engine.

use chat_proto::{Name, limits};

/// The title of a group that was given none: the names of its users, the creator's first.
pub(super) fn title(names: &[&Name]) -> String {
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    let title = names.join(", ");
    // Names are ASCII, so a byte is a character.
    if title.len() <= limits::TITLE_CHARS_MAX {
        title
    } else {
        format!("{}...", &title[..limits::TITLE_CHARS_MAX - 3])
    }
}

/// Names to try, without end: made of the title, else of the users' names, then with a number behind.
pub(super) fn candidates(title: Option<&str>, names: &[&Name]) -> impl Iterator<Item = Name> {
    let joined = names.iter().map(|name| name.as_str()).collect::<Vec<_>>();
    let base = title
        .and_then(slug)
        .or_else(|| slug(&joined.join("-")))
        .unwrap_or_else(|| "group".to_owned());
    (1_u64..).filter_map(move |number| {
        let suffix = match number {
            1 => String::new(),
            _ => format!("-{number}"),
        };
        let room = limits::NAME_BYTES_MAX - suffix.len();
        let base = base[..base.len().min(room)].trim_end_matches(['-', '.', '_']);
        Name::parse(&format!("{base}{suffix}")).ok()
    })
}

/// The letters and digits that a name can hold, with a `-` for what stands between them; none if there are none.
fn slug(text: &str) -> Option<String> {
    let mut slug = String::new();
    for c in text.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    (!slug.is_empty()).then(|| slug.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(title: Option<&str>, names: &[&str], count: usize) -> Vec<String> {
        let names: Vec<Name> = names
            .iter()
            .map(|name| Name::parse(name).unwrap())
            .collect();
        let names: Vec<&Name> = names.iter().collect();
        let candidates = candidates(title, &names).take(count);
        candidates.map(|name| name.to_string()).collect()
    }

    #[test]
    fn a_name_is_made_from_the_title() {
        assert_eq!(
            first(Some("Release  Crew!"), &["ann", "ben"], 2),
            ["release-crew", "release-crew-2"]
        );
    }

    #[test]
    fn a_title_without_letters_falls_back_to_the_users() {
        assert_eq!(first(Some("🎉"), &["ann", "ben"], 1), ["ann-ben"]);
        assert_eq!(first(None, &["ann", "ben"], 1), ["ann-ben"]);
    }

    #[test]
    fn a_long_title_leaves_room_for_the_number() {
        let long = "x".repeat(100);
        let names = first(Some(&long), &["ann"], 3);
        assert!(names.iter().all(|name| name.len() == 32), "{names:?}");
        assert!(names[2].ends_with("-3"));
    }
}
