//! A token bucket: so many at once, so many a second after. Pure; time is an argument.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Millis;

/// Tokens in thousandths, so that slow rates refill exactly.
const MILLI: u64 = 1000;

/// How fast and how much at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tokens a second; 0 lifts the limit.
    pub per_second: f64,
    /// Tokens at once; at least 1.
    pub burst: u32,
}

/// Milliseconds until there is a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub u64);

/// A token bucket. It begins full.
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: Rate,
    /// Never above `burst`.
    milli_tokens: u64,
    filled_at: Millis,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(rate: Rate, now: Millis) -> Self {
        Self {
            rate,
            milli_tokens: u64::from(rate.burst.max(1)) * MILLI,
            filled_at: now,
        }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// How long to wait for one.
    pub fn take(&mut self, now: Millis) -> Result<(), Wait> {
        if self.rate.per_second <= 0.0 {
            return Ok(());
        }
        self.fill(now);
        if self.milli_tokens >= MILLI {
            self.milli_tokens -= MILLI;
            return Ok(());
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 1000 thousandths, and a positive rate"
        )]
        let wait_ms = ((MILLI - self.milli_tokens) as f64 / self.rate.per_second).ceil() as u64;
        Err(Wait(wait_ms.max(1)))
    }

    /// Gives a token back, taken for what turned out to be free.
    pub fn give_back(&mut self) {
        self.milli_tokens = (self.milli_tokens + MILLI).min(self.capacity());
    }

    /// Whether the bucket is full, so that forgetting it changes nothing.
    pub fn full(&mut self, now: Millis) -> bool {
        self.fill(now);
        self.milli_tokens == self.capacity()
    }

    fn capacity(&self) -> u64 {
        u64::from(self.rate.burst.max(1)) * MILLI
    }

    fn fill(&mut self, now: Millis) {
        let elapsed_ms = now.since(self.filled_at);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole thousandths; what is cut off stays in `filled_at`"
        )]
        let gained = (elapsed_ms as f64 * self.rate.per_second) as u64;
        if gained == 0 {
            return;
        }
        self.milli_tokens = self
            .milli_tokens
            .saturating_add(gained)
            .min(self.capacity());
        self.filled_at = now;
    }
}

/// Keys that are remembered at the same time; those whose bucket is full again are forgotten first.
pub const KEYS_REMEMBERED_MAX: usize = 16_384;

/// A bucket for each key, as long as it is not full again.
#[derive(Debug)]
pub struct Buckets<K> {
    rate: Rate,
    // A std Mutex: the sections are short and nothing is awaited in them.
    held: Mutex<HashMap<K, Bucket>>,
}

impl<K: Hash + Eq> Buckets<K> {
    /// No bucket yet; each begins full.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            held: Mutex::default(),
        }
    }

    /// Takes a token of `key`.
    ///
    /// # Errors
    /// How long to wait for one.
    pub fn take(&self, key: K, now: Millis) -> Result<(), Wait> {
        if self.rate.per_second <= 0.0 {
            return Ok(());
        }
        let mut held = self.held();
        if held.len() >= KEYS_REMEMBERED_MAX && !held.contains_key(&key) {
            held.retain(|_, bucket| !bucket.full(now));
            if held.len() >= KEYS_REMEMBERED_MAX {
                // Refusing would let a flood of made-up keys lock everybody out. What still holds are the other limits.
                return Ok(());
            }
        }
        held.entry(key)
            .or_insert_with(|| Bucket::new(self.rate, now))
            .take(now)
    }

    /// Gives a token of `key` back.
    pub fn give_back(&self, key: &K) {
        if let Some(bucket) = self.held().get_mut(key) {
            bucket.give_back();
        }
    }

    /// How many keys are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.held().len()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<K, Bucket>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_a_second_and_the_wait_is_told() {
        let mut bucket = Bucket::new(
            Rate {
                per_second: 1.0,
                burst: 3,
            },
            Millis(0),
        );
        for _ in 0..3 {
            assert_eq!(bucket.take(Millis(0)), Ok(()));
        }
        assert_eq!(bucket.take(Millis(400)), Err(Wait(600)));
        assert_eq!(bucket.take(Millis(1000)), Ok(()));
        assert_eq!(bucket.take(Millis(1000)), Err(Wait(1000)));
        bucket.give_back();
        assert_eq!(bucket.take(Millis(1000)), Ok(()));
    }

    #[test]
    fn a_rate_of_zero_lifts_the_limit() {
        let mut bucket = Bucket::new(
            Rate {
                per_second: 0.0,
                burst: 1,
            },
            Millis(0),
        );
        assert!((0..1000).all(|_| bucket.take(Millis(0)).is_ok()));
    }
}
