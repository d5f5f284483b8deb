//! Random texts, their hashes, and how two of them are compared without telling how far they agree.

use std::fmt::Write as _;

use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};

/// Random bytes of the operating system.
///
/// # Panics
/// If the operating system gives none: nothing that is secret could be made without.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(
        clippy::expect_used,
        reason = "a server without randomness must not go on, and every supported system has it after boot"
    )]
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the operating system gives random bytes");
    bytes
}

/// A random text of 32 hexadecimal digits: 128 bits.
#[must_use]
pub fn random_text() -> String {
    hex(&random::<16>())
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Hexadecimal digits as bytes.
#[must_use]
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// SHA-256.
#[must_use]
pub fn sha256(text: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    out
}

/// Whether two secrets are the same. Compared by their hashes, so the time taken says nothing about where they differ.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &random::<32>());
    hmac::verify(&key, b.as_bytes(), hmac::sign(&key, a.as_bytes()).as_ref()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_read_back_and_anything_else_does_not() {
        let bytes = random::<16>();
        assert_eq!(unhex::<16>(&hex(&bytes)), Some(bytes));
        for bad in ["", "0", "zz", "0102", "+1", "é"] {
            assert_eq!(unhex::<1>(bad), None, "{bad:?}");
        }
        assert!(same("a", "a") && !same("a", "b") && !same("a", "aa"));
    }
}
