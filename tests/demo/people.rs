//! The sample people: who they are, whether they are there, and what they answer.

use crate::past::When;

/// Who looks at it all.
pub(crate) const VISITOR: &str = "ann";

/// Somebody who plays a part.
#[derive(Debug)]
pub(crate) struct Role {
    /// The handle.
    pub(crate) name: &'static str,
    /// What is shown.
    pub(crate) display_name: &'static str,
    /// Whether they are there when it begins.
    pub(crate) habit: Habit,
    /// What they answer, one after another.
    pub(crate) answers: &'static [&'static str],
}

/// Whether somebody is there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Habit {
    /// All the time.
    Here,
    /// At the machine, and says to be away.
    Away(&'static str),
    /// Since then not; comes when written to.
    Gone(When),
}

/// Everybody but the visitor.
pub(crate) const PEOPLE: [Role; 11] = [
    Role {
        name: "ben",
        display_name: "Ben Ortega",
        habit: Habit::Here,
        answers: &[
            "got it, thanks!",
            "makes sense. I'll have a look right after the rollout",
            "ha, I was about to ask you the same",
            "sounds good to me 👍",
            "give me five minutes, I want to look at the dashboard first",
        ],
    },
    Role {
        name: "dana",
        display_name: "Dana Lessis",
        habit: Habit::Away("walking the dog, back soon"),
        answers: &[
            "let me reproduce that first",
            "yes. It is the retry, I am sure of it by now:\n```rust\nassert!(attempt < limit, \"gave up after {attempt}\");\n```",
            "can you send me the log? The last 50 lines are enough",
            "fixed on my branch, the tests are still running",
        ],
    },
    Role {
        name: "eli",
        display_name: "Eli Novak",
        habit: Habit::Gone(When::Ago(180)),
        answers: &[
            "back at the keyboard, reading up …",
            "nothing unusual on my side, all regions are quiet",
            "noted, I put it into the handover",
        ],
    },
    Role {
        name: "farah",
        display_name: "Farah Aziz",
        habit: Habit::Here,
        answers: &[
            "oh nice! 🎉",
            "I would rather do it after the release, if that is fine with you?",
            "the mock-ups are in the usual folder, tell me what you think",
            "+1",
            "hm, how does it look at 60 columns?",
        ],
    },
    Role {
        name: "gus",
        display_name: "Gus Lindqvist",
        habit: Habit::Gone(When::Day(1, 17, 20)),
        answers: &[
            "I am off today, but sure",
            "ask eli, he is on call this week",
        ],
    },
    Role {
        name: "hana",
        display_name: "Hana Sato",
        habit: Habit::Here,
        answers: &[
            "はい、了解です!",
            "on the train, the tunnel may eat my next message",
            "I wrote it down in the notes of the meeting",
        ],
    },
    Role {
        name: "ivo",
        display_name: "Ivo Petrov",
        habit: Habit::Gone(When::Day(4, 15, 5)),
        answers: &[
            "just back from holiday, 412 unread … what did I miss?",
            "let us talk about it on Monday",
        ],
    },
    Role {
        name: "jun",
        display_name: "Jun Park",
        habit: Habit::Gone(When::Day(8, 11, 40)),
        answers: &[
            "hi! only looking in for a minute",
            "still on leave, but this one is easy: yes",
        ],
    },
    Role {
        name: "kai",
        display_name: "Kai 田中",
        habit: Habit::Here,
        answers: &[
            "お疲れさまです! すぐ見ます",
            "works on my machine 😄",
            "good catch, I open an issue for it",
            "is that before or after the migration?",
        ],
    },
    Role {
        name: "lea",
        display_name: "Léa Moreau",
        habit: Habit::Gone(When::Ago(40)),
        answers: &[
            "coming!",
            "in a meeting, but I am reading along",
            "merci, that helps a lot",
        ],
    },
    Role {
        name: "ci-bot",
        display_name: "ci-bot",
        habit: Habit::Here,
        answers: &[
            "I only know builds. The last one of main is green: https://ci.acme.dev/build/4313",
            "queue: 2 running, 1 waiting. Longest: 4 min 10 s",
        ],
    },
];

/// The one who builds, and is no company.
pub(crate) const BOT: &str = "ci-bot";

/// Whether `text` calls `name`: `@name` as a word.
pub(crate) fn called(text: &str, name: &str) -> bool {
    text.split('@').skip(1).any(|rest| {
        let inside = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        rest[..end].eq_ignore_ascii_case(name)
    })
}

/// Whether `text` calls everybody of a group.
fn calls_everybody(text: &str) -> bool {
    ["all", "here", "everyone", "channel"]
        .iter()
        .any(|word| called(text, word))
}

/// Who of a group answers the visitor's message with the number `seq`, if anybody does.
///
/// Who is called, always. Otherwise one of those who are there, two times of three; a call to everybody is never left alone.
pub(crate) fn answerer<'a>(members: &[&'a str], text: &str, seq: u64) -> Option<&'a str> {
    if let Some(member) = members.iter().find(|name| called(text, name)) {
        return Some(member);
    }
    let chatty = |name: &&&str| {
        **name != BOT
            && PEOPLE
                .iter()
                .any(|role| role.name == **name && matches!(role.habit, Habit::Here))
    };
    let here: Vec<&&str> = members.iter().filter(chatty).collect();
    if here.is_empty() || (seq.is_multiple_of(3) && !calls_everybody(text)) {
        return None;
    }
    let at = usize::try_from(seq).unwrap_or_default() % here.len();
    here.get(at).map(|name| **name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &[&str] = &["ben", "dana", "farah", "ci-bot"];

    #[test]
    fn who_is_called_answers() {
        for seq in 1..9 {
            assert_eq!(answerer(GROUP, "and you, @Dana?", seq), Some("dana"));
            assert_eq!(answerer(GROUP, "@ci-bot: status", seq), Some("ci-bot"));
            assert!(answerer(GROUP, "@all: lunch", seq).is_some());
        }
        assert!(!called("@danah", "dana") && !called("dana", "dana"));
    }

    #[test]
    fn somebody_who_is_there_answers_now_and_then() {
        let who: Vec<_> = (1..=6).map(|seq| answerer(GROUP, "hm", seq)).collect();
        let (ben, farah) = (Some("ben"), Some("farah"));
        assert_eq!(who, [farah, ben, None, ben, farah, None]);
    }
}
