//! Ports for programs that cannot be asked to take a free one and say which.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below what systems give to whoever asks for any port, so that one can be left for a moment and taken again.
const PORTS: Range<u16> = 15_000..32_000;

/// A port that was free a moment ago. Who loses the race for it asks for another one.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free() -> u16 {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let found = std::iter::repeat_with(|| fastrand::u16(PORTS))
        .take(1000)
        .find(free);
    found.expect("one port in a thousand is free")
}
