//! What may happen in the world: everything that people, links, servers and clocks do, in any order.

use chat_proto::{Name, Seq};
use chat_server::clock::Clock;
use chat_server::store::Store;

use crate::serving::at_once;
use crate::world::{GROUPS, PEOPLE, World};

/// One thing happens.
pub(crate) fn step(world: &mut World) {
    let device = world.rng.usize(..world.devices.len());
    match world.rng.u16(..1000) {
        0..250 => deliver_up(world, device),
        250..500 => deliver_down(world, device),
        500..600 => work(world, device),
        600..680 => reply(world, device),
        680..760 => mail(world, device),
        760..840 => {
            for _ in 0..3 {
                world.bus.carry_one(&mut world.rng);
            }
        }
        840..900 => send(world, device),
        900..930 => read(world, device),
        930..960 => connect(world, device),
        960..972 => world.devices[device].cut(),
        972..982 => membership(world, device),
        982..996 => pass(world),
        996..998 => world.clock.step_wall(world.rng.i64(-86_400..86_400)),
        _ => world.restart_server(),
    }
    carry_out(world, device);
}

/// What sessions and machines want goes onto the wire.
pub(crate) fn carry_out(world: &mut World, device: usize) {
    let Some(link) = &mut world.devices[device].link else {
        return;
    };
    if link.closing {
        return;
    }
    let (frames, closing) = link.serving.frames();
    link.down
        .extend(frames.into_iter().map(|frame| frame.to_string()));
    link.closing |= closing;
}

pub(crate) fn deliver_up(world: &mut World, device: usize) {
    if let Some(link) = &mut world.devices[device].link
        && link.serving.wants_frames()
        && let Some(frame) = link.up.pop_front()
    {
        link.serving.hear(&frame);
    }
}

pub(crate) fn deliver_down(world: &mut World, device: usize) {
    let device = &mut world.devices[device];
    let Some(link) = &mut device.link else { return };
    match link.down.pop_front() {
        Some(frame) => device.hear(&frame),
        None if link.closing => device.cut(),
        None => {}
    }
}

pub(crate) fn work(world: &mut World, device: usize) {
    if let Some(link) = &mut world.devices[device].link {
        link.serving.work(&mut world.rng);
    }
}

pub(crate) fn reply(world: &mut World, device: usize) {
    if let Some(link) = &mut world.devices[device].link {
        link.serving.reply(&mut world.rng);
    }
}

pub(crate) fn mail(world: &mut World, device: usize) {
    if let Some(link) = &mut world.devices[device].link {
        link.serving.take_mail();
    }
}

pub(crate) fn connect(world: &mut World, device: usize) {
    if world.devices[device].link.is_none() {
        world.connect(device);
    }
}

fn address(world: &mut World) -> Name {
    let at = world.rng.usize(..PEOPLE.len() + 2 * GROUPS.len());
    let name = PEOPLE.get(at).copied().unwrap_or(GROUPS[at % GROUPS.len()]);
    name.parse().expect("a name")
}

fn send(world: &mut World, device: usize) {
    // What a device sends carries a number in its id: the checker knows by it who sent what, and in which order.
    if world.devices[device].unsent.len() < 5 {
        world.said += 1;
        let id = format!("{device}-{:06}", world.said);
        let topic = address(world);
        world.devices[device].send(topic, id);
    }
}

fn read(world: &mut World, device: usize) {
    let topic = address(world);
    let seen = world.devices[device]
        .shown
        .get(&topic)
        .and_then(|shown| shown.last().map(|last| last.0));
    if let Some(seq) = seen {
        let back = world.rng.u64(..3);
        world.devices[device].read_up_to(topic, Seq(seq.0.saturating_sub(back)));
    }
}

fn membership(world: &mut World, device: usize) {
    let group: Name = world
        .rng
        .choice(GROUPS)
        .expect("there are groups")
        .parse()
        .expect("a name");
    let who = world.people[world.devices[device].user].clone();
    let now = world.clock.wall();
    let other = world.rng.usize(..PEOPLE.len());
    let other = world.name(other);
    let store = world.store.clone();
    match (group.as_str(), world.rng.bool()) {
        ("world", true) => world.devices[device].subscribe(group),
        ("world", false) => drop(at_once(store.unsubscribe(who.user, &group.into(), now))),
        (_, true) => drop(at_once(store.add_member(who.user, &group, &other, now))),
        (_, false) => drop(at_once(store.remove_member(who.user, &group, &other, now))),
    }
}

pub(crate) fn pass(world: &mut World) {
    world.clock.pass(world.rng.u64(..2_000));
    world.repair();
    for device in &mut world.devices {
        if let Some(link) = &mut device.link {
            link.serving.tick();
        }
        device.tick();
    }
    world
        .app
        .marks
        .tell_due(world.app.bus.as_ref(), world.clock.monotonic());
    at_once(world.app.marks.flush(world.store.as_ref()));
}
