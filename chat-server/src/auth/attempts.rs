//! Limits on what is not authenticated yet: failed log-ins by name and by address, sign-ups by address.

use std::net::{IpAddr, Ipv6Addr};

use chat_proto::Refusal;

use crate::clock::Millis;
use crate::limit::{Buckets, Wait};
use crate::limits;

/// An address as limits see it: of IPv6 the network, as one machine has a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(IpAddr);

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => {
                let network = u128::from(v6) >> 64 << 64;
                Self(IpAddr::V6(Ipv6Addr::from(network)))
            }
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

/// The attempts of those who are not authenticated.
///
/// Whoever tries another's name can hold up that person's next log-in, but none of their sessions; the alternative
/// is guessing from many addresses without limit.
pub struct Attempts {
    logins_by_name: Buckets<String>,
    logins_by_address: Option<Buckets<Origin>>,
    sign_ups_by_address: Option<Buckets<Origin>>,
}

impl Attempts {
    /// Nobody tried yet. The limits by address can be lifted.
    #[must_use]
    pub fn new(by_address: bool) -> Self {
        let limit = |rate| by_address.then(|| Buckets::new(rate));
        Self {
            logins_by_name: Buckets::new(limits::LOGINS_PER_NAME),
            logins_by_address: limit(limits::LOGINS_PER_ADDRESS),
            sign_ups_by_address: limit(limits::SIGN_UPS_PER_ADDRESS),
        }
    }

    /// Counts a log-in before it is looked at; [`Attempts::succeeded`] takes that back.
    ///
    /// # Errors
    /// `rate_limited`: the same for names that exist and names that do not.
    pub fn log_in(&self, name: &str, from: IpAddr, now: Millis) -> Result<(), Refusal> {
        if let Some(by_address) = &self.logins_by_address {
            by_address.take(from.into(), now).map_err(refused)?;
        }
        self.logins_by_name
            .take(name.to_owned(), now)
            .map_err(refused)
    }

    /// A log-in was good, and does not count.
    pub fn succeeded(&self, name: &str, from: IpAddr) {
        self.logins_by_name.give_back(&name.to_owned());
        if let Some(by_address) = &self.logins_by_address {
            by_address.give_back(&from.into());
        }
    }

    /// Counts a sign-up.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn sign_up(&self, from: IpAddr, now: Millis) -> Result<(), Refusal> {
        match &self.sign_ups_by_address {
            Some(by_address) => by_address.take(from.into(), now).map_err(refused),
            None => Ok(()),
        }
    }
}

fn refused(Wait(ms): Wait) -> Refusal {
    Refusal::rate_limited(ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::KEYS_REMEMBERED_MAX;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn fails(attempts: &Attempts, name: &str, from: IpAddr, at_ms: u64) -> bool {
        attempts.log_in(name, from, Millis(at_ms)).is_err()
    }

    #[test]
    fn a12_five_failures_then_three_a_minute_for_a_name() {
        let attempts = Attempts::new(true);
        assert!((0..5).all(|_| !fails(&attempts, "ann", HERE, 0)));
        assert!(fails(&attempts, "ann", HERE, 0));
        assert!(!fails(&attempts, "ben", HERE, 0));
        let let_in = (1..=60)
            .filter(|second| !fails(&attempts, "ann", HERE, second * 1_000))
            .count();
        assert_eq!(let_in, 3);
    }

    #[test]
    fn a12_good_log_ins_do_not_count() {
        let attempts = Attempts::new(true);
        for _ in 0..100 {
            assert!(!fails(&attempts, "ann", HERE, 0));
            attempts.succeeded("ann", HERE);
        }
    }

    #[test]
    fn a12_an_address_that_tries_many_names_is_limited_unless_that_is_lifted() {
        let tries = |attempts: &Attempts| {
            (0..100)
                .filter(|n| !fails(attempts, &format!("user{n}"), HERE, 0))
                .count()
        };
        assert_eq!(
            tries(&Attempts::new(true)),
            limits::LOGINS_PER_ADDRESS.burst as usize
        );
        assert_eq!(tries(&Attempts::new(false)), 100);
    }

    #[test]
    fn s02_what_is_remembered_is_bounded() {
        let buckets = Buckets::new(limits::LOGINS_PER_NAME);
        for n in 0..KEYS_REMEMBERED_MAX + 10 {
            let _ = buckets.take(n, Millis(0));
        }
        let held = || buckets.remembered();
        assert_eq!(held(), KEYS_REMEMBERED_MAX);
        let _ = buckets.take(usize::MAX, Millis(3_600_000));
        assert_eq!(held(), 1);
    }

    #[test]
    fn s02_one_network_of_ipv6_counts_as_one() {
        let origin = |text: &str| Origin::from(text.parse::<IpAddr>().expect("an address"));
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:1"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:10.0.0.1"), origin("10.0.0.1"));
    }
}
