//! What the engine does for itself and its operator.

use super::writer::Transaction;
use crate::store::StoreResult;

/// A write of nothing that anybody reads; only its commit tells whether the disk takes one.
pub(super) fn prove_writable(t: &mut Transaction<'_>) -> StoreResult<()> {
    t.connection
        .prepare_cached("UPDATE meta SET value = value + 1 WHERE key = 'proved'")?
        .execute([])?;
    Ok(())
}

/// Caps the size of the database, also after it was opened anew.
pub(super) fn cap_pages(t: &mut Transaction<'_>, pages: u32) -> StoreResult<()> {
    t.connection
        .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    t.pages_max = Some(pages);
    Ok(())
}
