//! The promise of delivery, in seeded worlds: links are cut, notices are lost, doubled and reordered, servers restart,
//! clocks step, and in the end every device shows every message once and in order.
//!
//! `CHAT_SIM_SECONDS` is the time to spend (15 by default); `CHAT_SIM_SEED` runs one world again.

mod bus;
mod check;
mod clock;
mod device;
mod moves;
mod serving;
mod world;

use std::time::Duration;

use bus::Weather;
use world::World;

/// Things that happen in a world before it settles.
const STEPS: usize = 3_000;
/// Rounds in which a world must settle.
const ROUNDS: usize = 400;

#[test]
fn d12_in_calm_worlds_nothing_is_lost_doubled_or_out_of_order_without_any_repair() {
    run(Weather::Calm);
}

#[test]
fn d10_in_stormy_worlds_what_is_lost_is_found_again() {
    run(Weather::Storm);
}

fn run(weather: Weather) {
    if let Some(seed) = number("CHAT_SIM_SEED") {
        return live(seed, weather);
    }
    let budget = Duration::from_secs(number("CHAT_SIM_SECONDS").unwrap_or(15)) / 2;
    let started = tokio::time::Instant::now();
    let mut seed = number("CHAT_SIM_FIRST_SEED").unwrap_or(1);
    while started.elapsed() < budget {
        live(seed, weather);
        seed += 1;
    }
    println!("{weather:?}: {seed} seeds of {STEPS} steps");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|value| value.parse().expect("a number"))
}

/// One world, from its seed to its check; a failure names the seed.
fn live(seed: u64, weather: Weather) {
    let lived = std::panic::catch_unwind(|| {
        let mut world = World::new(seed, weather);
        for _ in 0..STEPS {
            moves::step(&mut world);
        }
        settle(&mut world);
        check::check(&world);
    });
    if let Err(panic) = lived {
        eprintln!("a {weather:?} world broke: CHAT_SIM_SEED={seed}");
        std::panic::resume_unwind(panic);
    }
}

/// Faults end: everybody connects, and everything under way arrives.
fn settle(world: &mut World) {
    world.bus.clear();
    for device in 0..world.devices.len() {
        moves::connect(world, device);
    }
    for _ in 0..ROUNDS {
        for device in 0..world.devices.len() {
            moves::connect(world, device);
            for _ in 0..20 {
                moves::deliver_up(world, device);
                moves::carry_out(world, device);
                moves::work(world, device);
                moves::reply(world, device);
                moves::mail(world, device);
                moves::carry_out(world, device);
                moves::deliver_down(world, device);
            }
        }
        moves::pass(world);
    }
}

/// Every fault that the simulation claims to notice, it does: each is switched on by its name in a process of its own.
#[cfg(feature = "mutants")]
#[test]
fn mutants_are_noticed_by_the_simulation() {
    const CALM: &str =
        "d12_in_calm_worlds_nothing_is_lost_doubled_or_out_of_order_without_any_repair";
    const STORM: &str = "d10_in_stormy_worlds_what_is_lost_is_found_again";
    let table = [
        ("ack_out_of_place", STORM),
        ("echo_ones_own", CALM),
        ("skip_what_was_lost", STORM),
        ("skip_dedup", CALM),
        ("skip_membership_check", CALM),
        ("mark_is_not_told", CALM),
        ("sync_leaves_out_the_last", CALM),
        ("unread_counts_ones_own", CALM),
    ];
    for (mutant, world) in table {
        let status =
            std::process::Command::new(std::env::current_exe().expect("this very program"))
                .args(["--exact", world])
                .env("CHAT_MUTANT", mutant)
                .env("CHAT_SIM_SECONDS", "60")
                .output()
                .expect("this very program runs")
                .status;
        assert!(!status.success(), "nobody noticed {mutant}");
        println!("{mutant}: noticed");
    }
}
