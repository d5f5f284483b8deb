//! `keys`: the table of keys as it holds here, in the form that the configuration file takes.

use serde::Serialize;

use super::Context;
use super::exit::Failure;
use crate::keymap::{Bound, Section};

/// Where the words begin, where the keys leave room for it.
const WORDS_AT: usize = 44;

/// What `keys` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Keys {}

impl Keys {
    // As every command's, but that it waits for nobody.
    #[expect(clippy::unused_self, reason = "one shape for all commands")]
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match context.out.json {
            true => rows(context),
            false => file(context),
        }
    }
}

fn rows(context: &Context) -> Result<(), Failure> {
    for bound in context.settings.keymap.all() {
        context.out.value(&Row {
            command: bound.binding.name,
            keys: keys(bound),
            words: bound.binding.doc,
        })?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Row {
    command: &'static str,
    keys: Vec<String>,
    words: &'static str,
}

/// A table that can be put into the file as it is.
fn file(context: &Context) -> Result<(), Failure> {
    context.out.line("[keys]")?;
    for section in Section::ALL {
        context.out.line(&format!("# {}", section.title()))?;
        let all = context.settings.keymap.all();
        for bound in all.filter(|bound| bound.binding.section == section) {
            context.out.line(&line(bound))?;
        }
    }
    Ok(())
}

fn line(bound: &Bound) -> String {
    let keys = toml::Value::from(keys(bound));
    let setting = format!("{} = {keys}", bound.binding.name);
    format!("{setting:<WORDS_AT$} # {}", bound.binding.doc)
}

fn keys(bound: &Bound) -> Vec<String> {
    bound.keys.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::keymap::Keymap;

    #[test]
    fn x06_what_it_prints_is_read_back_as_the_same_keys() {
        let keymap = Keymap::default();
        let lines: Vec<String> = keymap.all().map(line).collect();
        let table: BTreeMap<String, Vec<String>> = toml::from_str(&lines.join("\n")).expect("TOML");
        let again = Keymap::with(&table).expect("keys");
        for (before, after) in keymap.all().zip(again.all()) {
            assert_eq!(before.keys, after.keys, "{}", before.binding.name);
        }
    }
}
