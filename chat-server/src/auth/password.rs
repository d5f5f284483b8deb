//! Passwords: which are good enough, and how they are hashed without holding anybody up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use chat_proto::api::Secret;
use chat_proto::{ErrorCode, Name, Refusal, limits as wire};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::limits;

/// Passwords of ten characters or more that everybody tries first, in lower case.
const COMMON: &str = include_str!("common_passwords.txt");

/// A hash of nothing that anybody knows, made with the cost of ours: what an unknown name is checked against.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$\
                       2mDsHn3cRUyVjuBRiK5IiRJnUWnOhQmHDKZQqMkPh2s";

/// Refuses a password that is too short, too long, common, or made from the name.
///
/// # Errors
/// `rejected`, with the rule.
pub fn check(password: &Secret, name: &Name) -> Result<(), Refusal> {
    let rejected = |why: String| Err(Refusal::new(ErrorCode::Rejected, why));
    let text = password.expose();
    if text.chars().count() < wire::PASSWORD_CHARS_MIN {
        return rejected(format!(
            "the password needs {} characters or more",
            wire::PASSWORD_CHARS_MIN
        ));
    }
    if text.len() > wire::PASSWORD_BYTES_MAX {
        return rejected(format!(
            "the password has more than {} bytes",
            wire::PASSWORD_BYTES_MAX
        ));
    }
    let lowered = text.to_lowercase();
    if COMMON.lines().any(|common| common == lowered) || runs(&lowered) {
        return rejected(
            "this password is among the first that are tried: take another".to_owned(),
        );
    }
    if mostly(&lowered, name.as_str()) {
        return rejected("the password must not be made from the name".to_owned());
    }
    Ok(())
}

/// A short piece over and over (`aaaaaaaaaa`, `abcabcabcabc`), or neighbours in a row (`1234567890`).
fn runs(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let repeats = (1..=4).any(|n| chars.iter().zip(chars.iter().skip(n)).all(|(a, b)| a == b));
    let step = |by: i64| {
        chars
            .windows(2)
            .all(|pair| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0])) == by)
    };
    repeats || step(1) || step(-1)
}

/// The name, alone or over and over, with a few digits or signs around it.
fn mostly(text: &str, name: &str) -> bool {
    let rest = text.replace(name, "");
    rest.len() < text.len() && rest.chars().filter(|c| c.is_alphabetic()).count() < 3
}

/// A hash to compute, and whom to tell.
type Work = Box<dyn FnOnce() + Send>;

/// Hashes passwords, few at a time: each takes 19 MiB and a core for a tenth of a second.
///
/// On threads of its own, as many as may hash: an allocator keeps that memory for each thread that ever used it, and
/// the runtime's blocking threads are many.
#[derive(Debug, Clone)]
pub struct Hasher {
    desks: SyncSender<Work>,
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Hasher {
    /// Half of the machine's cores hash at most, so that the other half serves those who are in.
    #[must_use]
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let running = (cores / 2).max(1);
        Self {
            desks: start_desks(running),
            running: Arc::new(Semaphore::new(running)),
            waiting: Arc::new(Semaphore::new(limits::HASHES_WAITING_MAX)),
        }
    }

    /// The hash of a password, with its salt and its cost in it.
    ///
    /// # Errors
    /// `rate_limited` where too many wait; `internal` where the hash fails.
    pub async fn hash(&self, password: Secret) -> Result<String, Refusal> {
        self.run(move || {
            let hash = argon2()?.hash_password(password.expose().as_bytes());
            Ok(hash.map_err(failed)?.to_string())
        })
        .await
    }

    /// Whether a password fits a hash. Without a hash it takes as long, and fits never.
    ///
    /// # Errors
    /// As [`Hasher::hash`].
    pub async fn verify(&self, password: Secret, hash: Option<String>) -> Result<bool, Refusal> {
        self.run(move || {
            let mut text = password.expose();
            let mut hash = hash;
            if text.len() > wire::PASSWORD_BYTES_MAX {
                // Longer than any that was ever taken.
                (text, hash) = ("", None);
            }
            let fits = argon2()?
                .verify_password(text.as_bytes(), hash.as_deref().unwrap_or(NOBODYS))
                .is_ok();
            Ok(fits && hash.is_some())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = self.turn().await?;
        let (reply, done) = oneshot::channel();
        let work = Box::new(move || {
            // Held by the work and not by the request: who hangs up does not make room for one more.
            let _permit = permit;
            let _ = reply.send(work());
        });
        // There is a desk for each permit, so this waits for nobody.
        self.desks.try_send(work).map_err(failed)?;
        done.await.map_err(failed)?
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let busy = || Refusal::rate_limited(1_000);
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let turn = Arc::clone(&self.running).acquire_owned();
        match tokio::time::timeout(limits::HASH_WAIT, turn).await {
            Ok(permit) => permit.map_err(failed),
            Err(_) => Err(busy()),
        }
    }
}

/// Threads that hash until the last [`Hasher`] is gone.
fn start_desks(desks: usize) -> SyncSender<Work> {
    let (sender, receiver) = std::sync::mpsc::sync_channel::<Work>(desks);
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..desks {
        let receiver = Arc::clone(&receiver);
        let next = move || {
            receiver
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv()
        };
        let work = move || {
            while let Ok(work) = next() {
                // A panic costs its caller the answer, and not everybody the desk.
                let _ = catch_unwind(AssertUnwindSafe(work));
            }
        };
        // Without a thread the caller is told that it failed, and the log says why.
        if let Err(error) = Builder::new().name("password".to_owned()).spawn(work) {
            tracing::error!(%error, "no thread to hash passwords on");
        }
    }
    sender
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

fn argon2() -> Result<Argon2<'static>, Refusal> {
    let params =
        Params::new(limits::HASH_MEMORY_KIB, limits::HASH_PASSES, 1, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Nothing that a peer can cause; the error says nothing of the password.
fn failed(error: impl std::fmt::Display) -> Refusal {
    tracing::error!(%error, "a password could not be hashed");
    Refusal::new(
        ErrorCode::Internal,
        "something went wrong here and was logged: try it again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret(text.to_owned())
    }

    fn checked(password: &str) -> Result<(), Refusal> {
        check(&secret(password), &Name::parse("ann").expect("a name"))
    }

    #[test]
    fn a02_a_weak_password_is_rejected_with_the_rule() {
        for (password, rule) in [
            ("", "characters"),
            ("short", "characters"),
            ("äöüäöüäöü", "characters"),
            ("password123", "tried"),
            ("QWERTYUIOP", "tried"),
            ("aaaaaaaaaaaa", "tried"),
            ("abcabcabcabc", "tried"),
            ("1234567890", "tried"),
            ("9876543210", "tried"),
            ("annannannann", "tried"),
            ("Ann1234567890", "name"),
            ("ann!!2026!!ann", "name"),
        ] {
            let refusal = checked(password).expect_err(password);
            assert_eq!(refusal.code, ErrorCode::Rejected, "{password}");
            assert!(refusal.message.contains(rule), "{password}: {refusal}");
        }
        assert!(checked(&"x1y2".repeat(300)).is_err());
    }

    #[test]
    fn a02_a_good_password_is_taken_in_any_script() {
        for password in [
            "correct horse battery",
            "пароль-для-чата",
            "annual report 7",
        ] {
            assert_eq!(checked(password), Ok(()), "{password}");
        }
    }

    #[test]
    fn every_common_password_would_be_long_enough() {
        for line in COMMON.lines() {
            assert!(line.chars().count() >= wire::PASSWORD_CHARS_MIN, "{line}");
            assert_eq!(line, line.to_lowercase());
        }
    }

    #[tokio::test]
    async fn a02_a_hash_fits_its_password_alone_and_is_argon2id() {
        let hasher = Hasher::new();
        let hash = hasher.hash(secret("correct horse")).await.expect("a hash");
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let fits = |password: &str| hasher.verify(secret(password), Some(hash.clone()));
        assert_eq!(fits("correct horse").await, Ok(true));
        assert_eq!(fits("correct hors").await, Ok(false));
        assert_eq!(
            hasher.verify(secret("correct horse"), None).await,
            Ok(false)
        );
    }

    #[test]
    fn a12_an_unknown_name_costs_what_a_known_one_does() {
        // Were it no hash of our cost, it would be refused without any work.
        let parsed = argon2::PasswordHash::new(NOBODYS).expect("a hash");
        let params = Params::try_from(&parsed).expect("its cost");
        assert_eq!(
            (params.m_cost(), params.t_cost(), params.p_cost()),
            (limits::HASH_MEMORY_KIB, limits::HASH_PASSES, 1)
        );
    }

    #[tokio::test]
    async fn a12_who_finds_no_place_to_wait_is_told_when_to_come_again() {
        let hasher = Hasher::new();
        let places = u32::try_from(limits::HASHES_WAITING_MAX).expect("few");
        let _all = hasher.waiting.acquire_many(places).await.expect("open");
        let refusal = hasher.hash(secret("correct horse")).await;
        assert_eq!(refusal.map_err(|r| r.code), Err(ErrorCode::RateLimited));
    }
}
