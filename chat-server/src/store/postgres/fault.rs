//! What goes wrong with a statement, by what can be done about it: the caller is told, or the transaction is tried again.

use std::error::Error as _;
use std::time::Duration;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::types::WrongType;

use crate::store::StoreError;
use crate::store::queue::unavailable;

/// How often a transaction is tried before its caller is told that the store is away.
const TRIES: u32 = 12;
/// The first pause between two tries; it grows by this much with each.
const PAUSE: Duration = Duration::from_millis(4);

/// Why a statement or a transaction did not do it.
#[derive(Debug)]
pub(super) enum Fault {
    /// For the caller.
    Final(StoreError),
    /// Another transaction was in the way, and nothing was stored: the same will do at another try.
    Again(String),
}

/// The outcome of a statement or a transaction.
pub(super) type Outcome<T> = Result<T, Fault>;

impl Fault {
    /// Something that should not be.
    pub(super) fn internal(why: impl Into<String>) -> Self {
        Self::Final(StoreError::Internal(why.into()))
    }

    /// What a caller is told of a fault after which nothing is tried again.
    pub(super) fn told(self) -> StoreError {
        match self {
            Self::Final(error) => error,
            Self::Again(why) => StoreError::Unavailable(why),
        }
    }

    /// Whether the connection may be used on: it is in order, and the server said what it thinks of the statement.
    pub(super) const fn leaves_the_connection(&self) -> bool {
        !matches!(self, Self::Final(StoreError::Unavailable(_)))
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Final(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        if let Some(said) = error.as_db_error() {
            return of_the_server(said);
        }
        let ours = error
            .source()
            .is_some_and(<dyn std::error::Error>::is::<WrongType>);
        match ours {
            true => Self::internal(sentence(&error)),
            false => Self::Final(StoreError::Unavailable(sentence(&error))),
        }
    }
}

fn of_the_server(said: &DbError) -> Fault {
    let code = said.code();
    // Not its detail: that quotes rows, and so what people wrote.
    let why = format!("{} ({})", said.message(), code.code());
    let met_another = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        // Somebody else stored the same name, pair, number or message id at the same moment.
        SqlState::UNIQUE_VIOLATION,
    ];
    if met_another.contains(code) {
        return Fault::Again(why);
    }
    match away(code.code()) {
        true => Fault::Final(StoreError::Unavailable(why)),
        false => Fault::internal(why),
    }
}

/// Whether the code says that the server is away, full, read-only or too slow.
fn away(code: &str) -> bool {
    // Connections, log-ins, the missing database, resources, operators, the system; a transaction that was idle too
    // long; the end of a transaction that nobody knows.
    let classes = ["08", "28", "3D", "53", "57", "58"];
    let codes = [
        "25006", "25P03", "25P04", "40003", "55P03", "XX001", "XX002",
    ];
    classes.iter().any(|class| code.starts_with(class)) || codes.contains(&code)
}

/// An error with its causes. None of them holds a password or the URL.
pub(super) fn sentence(error: &Error) -> String {
    if let Some(said) = error.as_db_error() {
        return said.message().to_owned();
    }
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// The tries of one transaction.
#[derive(Debug, Default)]
pub(super) struct Tries {
    made: u32,
}

impl Tries {
    /// Waits for the next try after a fault, if there is to be one; else that is what the caller is told.
    pub(super) async fn next_after(&mut self, fault: Fault) -> Result<(), StoreError> {
        let Fault::Again(why) = fault else {
            return Err(fault.told());
        };
        self.made += 1;
        if self.made >= TRIES {
            tracing::warn!(why, "a transaction was tried too often");
            return Err(unavailable("others were always in the way"));
        }
        tracing::debug!(why, "a transaction is tried again");
        // Two that met must not meet again.
        let pause = PAUSE * self.made;
        tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c05_what_passes_by_itself_is_unavailable_and_what_does_not_is_not() {
        for code in [
            "08006", "28P01", "3D000", "53100", "53300", "57014", "57P01", "57P03", "58030",
            "25006", "55P03", "40003",
        ] {
            assert!(away(code), "{code}");
        }
        for code in ["22021", "23502", "42501", "42P01", "XX000", "25P02"] {
            assert!(!away(code), "{code}");
        }
    }

    #[tokio::test]
    async fn a_transaction_is_tried_a_bounded_number_of_times() {
        let mut tries = Tries::default();
        let again = || Fault::Again("in the way".to_owned());
        for _ in 1..TRIES {
            assert_eq!(tries.next_after(again()).await, Ok(()));
        }
        let last = tries.next_after(again()).await;
        assert!(matches!(last, Err(StoreError::Unavailable(_))), "{last:?}");
        let refused = StoreError::Internal("no".to_owned());
        let told = Tries::default().next_after(refused.clone().into()).await;
        assert_eq!(told, Err(refused));
    }
}
