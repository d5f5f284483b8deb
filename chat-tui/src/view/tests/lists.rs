//! The list of conversations, the status and the composer.

use super::*;

#[test]
fn print() {
    for size in [(120, 36), (80, 24), (60, 20), (40, 10)] {
        let mut model = day();
        println!("{}", screen(&mut model, size).0);
        down(&mut model, Duration::from_secs(12), Duration::from_secs(4));
        model.composer = crate::app::model::composer::Composer::with(
            "```rust\nlet backoff = Duration::from_millis(50 << attempt);\n```",
        );
        println!("{}", screen(&mut model, size).0);
        crate::app::update::switcher::open(&mut model);
        println!("{}", screen(&mut model, size).0);
        if let Some(crate::app::model::Overlay::Switcher(p)) = &mut model.overlay {
            p.query = "de".into();
        }
        println!("{}", screen(&mut model, size).0);
        crate::app::update::help::open(&mut model);
        println!("{}", screen(&mut model, size).0);
        crate::app::update::list::open(&mut model);
        println!("{}", screen(&mut model, size).0);
        let mut model = super::model();
        model.people = vec![
            person("ann", "Ann"),
            person("ben", "Ben Bauer"),
            person("dana", "dana"),
        ];
        be(&mut model, "dana", PresenceState::Online);
        println!("{}", screen(&mut model, size).0);
        model.entrance = Some(crate::app::model::entrance::Entrance::new(None));
        println!("{}", screen(&mut model, size).0);
    }
}
