//! What the engine does for itself and its operator.

use super::fault::Outcome;
use super::pool::Connection;

/// A write of nothing that anybody reads; only its commit tells whether the server takes one.
pub(super) async fn prove_writable(c: &Connection) -> Outcome<()> {
    const SQL: &str = "UPDATE meta SET value = (value::bigint + 1)::text WHERE key = 'proved'";
    c.execute(SQL, &[]).await?;
    Ok(())
}
