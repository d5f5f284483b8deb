//! What happens by itself while the visitor looks on: at a rate at which one sees it and can still read.

/// Something that somebody does without being asked.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Types and says it, in a conversation as they address it.
    Say(&'static str, String),
    /// Comes to the machine.
    Come,
    /// Goes from it.
    Go,
    /// Says to be away, and why.
    Away(&'static str),
    /// Is back.
    Back,
}

/// Seconds after the one before, who, and what.
#[derive(Debug)]
pub(crate) struct Scene(pub(crate) f64, pub(crate) &'static str, pub(crate) Part);

/// [`Act`], as it is written down.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Say(&'static str, &'static str),
    Come,
    Go,
    Away(&'static str),
    Back,
}

impl From<Part> for Act {
    fn from(part: Part) -> Self {
        match part {
            Part::Say(topic, text) => Self::Say(topic, text.to_owned()),
            Part::Come => Self::Come,
            Part::Go => Self::Go,
            Part::Away(why) => Self::Away(why),
            Part::Back => Self::Back,
        }
    }
}

/// What happens first; later only builds end, see [`build`].
pub(crate) const SCENES: &[Scene] = &[
    Scene(
        6.0,
        "ben",
        Part::Say(
            "ann",
            "ah, there you are! Write to any of us and somebody answers. F1 shows the keys",
        ),
    ),
    Scene(14.0, "lea", Part::Come),
    Scene(
        6.0,
        "lea",
        Part::Say(
            "deploys",
            "back. Did 1.8 go out while I was in the meeting?",
        ),
    ),
    Scene(
        11.0,
        "ben",
        Part::Say("deploys", "half of it, we wait for #4312"),
    ),
    Scene(18.0, "dana", Part::Back),
    Scene(
        9.0,
        "dana",
        Part::Say(
            "backend",
            "the limiter returns 429 now, with `Retry-After`. Thanks for the nudge, kai",
        ),
    ),
    Scene(16.0, "kai", Part::Say("backend", "🙏")),
    Scene(17.0, "hana", Part::Go),
    Scene(
        12.0,
        "ci-bot",
        Part::Say("deploys", "build 4314 passed in 5m 51s (main)"),
    ),
    Scene(
        20.0,
        "farah",
        Part::Say(
            "random",
            "whoever plugged in the coffee machine: it just ordered 40 kg of beans",
        ),
    ),
    Scene(9.0, "kai", Part::Say("random", "😱")),
    Scene(8.0, "lea", Part::Say("random", "it asked so politely …")),
    Scene(24.0, "hana", Part::Come),
    Scene(
        7.0,
        "hana",
        Part::Say(
            "frontend",
            "folding below 80 columns works: https://preview.acme.dev/fold",
        ),
    ),
    Scene(15.0, "farah", Part::Say("frontend", "beautiful! Merge it")),
    Scene(
        21.0,
        "dana",
        Part::Say(
            "ann",
            "no hurry with the review, I write the changelog meanwhile",
        ),
    ),
    Scene(19.0, "kai", Part::Away("陶芸教室, until six")),
    Scene(
        14.0,
        "ben",
        Part::Say(
            "deploys",
            "@ann one more: shall we announce 1.8 today, or together with 1.8.1?",
        ),
    ),
    Scene(26.0, "lea", Part::Go),
    Scene(
        22.0,
        "dana",
        Part::Say(
            "rfc-0042",
            "I added the queue to the text, see the third section",
        ),
    ),
    Scene(24.0, "eli", Part::Come),
    Scene(
        8.0,
        "eli",
        Part::Say("oncall", "back. db-2 is at 84 %, still"),
    ),
    Scene(30.0, "kai", Part::Back),
    Scene(
        20.0,
        "farah",
        Part::Say("random", "it can be cancelled. The machine is sad now"),
    ),
];

/// Seconds between two builds, once all scenes are over.
pub(crate) const BUILD_EVERY: f64 = 80.0;

/// The end of the build with this number.
pub(crate) fn build(number: u32) -> Act {
    let (minutes, seconds) = (5 + number % 2, number * 17 % 60);
    let text = format!("build {number} passed in {minutes}m {seconds}s (main)");
    Act::Say("deploys", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::past;
    use crate::people::{PEOPLE, VISITOR};

    #[test]
    fn who_says_something_is_in_that_conversation() {
        for Scene(_, who, part) in SCENES {
            assert!(PEOPLE.iter().any(|role| role.name == *who), "{who}");
            if let Part::Say(topic, _) = part {
                let mut talks = past::everything();
                let inside = talks.any(|talk| talk.topic == *topic && talk.others().contains(who));
                assert!(*topic == VISITOR || inside, "{who} in {topic}");
            }
        }
    }
}
