//! Carries over what can still be read of a damaged outbox: every row from its beginning up to the damage, and
//! from its end down to it.

use std::collections::BTreeMap;
use std::path::Path;

use chat_proto::action::Publish;
use chat_proto::{MessageId, Name};
use rusqlite::{Connection, OpenFlags, Row, params};

/// A row of letters as it stands.
struct LetterRow {
    account: String,
    id: String,
    topic: String,
    publish: String,
    queued_at: i64,
    code: Option<String>,
    sentence: Option<String>,
}

/// A row of drafts as it stands.
type DraftRow = (String, String, String);

/// A row and its key, if it makes sense.
type Found<K, T> = rusqlite::Result<Option<(K, T)>>;

/// Copies letters and drafts of all accounts from the file `aside`; says how many.
pub(super) fn outbox(fresh: &mut Connection, aside: &Path) -> usize {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(damaged) = Connection::open_with_flags(aside, flags) else {
        return 0;
    };
    let letters = rows_of(
        &damaged,
        [
            "SELECT place, account, id, topic, publish, queued_at, code, sentence FROM letters ORDER BY place",
            "SELECT place, account, id, topic, publish, queued_at, code, sentence FROM letters ORDER BY place DESC",
        ],
        letter,
    );
    let drafts = rows_of(
        &damaged,
        [
            "SELECT account, topic, text FROM drafts ORDER BY account, topic",
            "SELECT account, topic, text FROM drafts ORDER BY account DESC, topic DESC",
        ],
        draft,
    );
    let written = fresh.transaction().and_then(|transaction| {
        for row in letters.values() {
            put_letter(&transaction, row)?;
        }
        for row in drafts.values() {
            put_draft(&transaction, row)?;
        }
        transaction.commit()
    });
    match written {
        Ok(()) => letters.len() + drafts.len(),
        // They are still in the file that was set aside, of which the user is told.
        Err(_) => 0,
    }
}

/// The rows that can be read, those that make no sense left out.
fn rows_of<K: Ord, T>(
    damaged: &Connection,
    both_ways: [&str; 2],
    read: fn(&Row<'_>) -> Found<K, T>,
) -> BTreeMap<K, T> {
    let mut found = BTreeMap::new();
    for sql in both_ways {
        let Ok(mut asking) = damaged.prepare(sql) else {
            continue;
        };
        let Ok(mut rows) = asking.query([]) else {
            continue;
        };
        // The first error is the damage: what is behind it comes from the other end.
        while let Ok(Some(row)) = rows.next() {
            if let Ok(Some((key, row))) = read(row) {
                found.entry(key).or_insert(row);
            }
        }
    }
    found
}

fn letter(row: &Row<'_>) -> Found<i64, LetterRow> {
    let letter = LetterRow {
        account: row.get(1)?,
        id: row.get(2)?,
        topic: row.get(3)?,
        publish: row.get(4)?,
        queued_at: row.get(5)?,
        code: row.get(6)?,
        sentence: row.get(7)?,
    };
    let whole = MessageId::parse(&letter.id).is_ok()
        && serde_json::from_str::<Publish>(&letter.publish).is_ok();
    Ok(whole.then_some((row.get(0)?, letter)))
}

fn draft(row: &Row<'_>) -> Found<(String, String), DraftRow> {
    let draft: DraftRow = (row.get(0)?, row.get(1)?, row.get(2)?);
    let whole = Name::parse(&draft.1).is_ok();
    Ok(whole.then(|| ((draft.0.clone(), draft.1.clone()), draft)))
}

fn put_letter(fresh: &Connection, row: &LetterRow) -> rusqlite::Result<()> {
    fresh
        .prepare_cached(
            "INSERT OR IGNORE INTO letters (account, id, topic, publish, queued_at, code, sentence)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            row.account,
            row.id,
            row.topic,
            row.publish,
            row.queued_at,
            row.code,
            row.sentence
        ])?;
    Ok(())
}

fn put_draft(fresh: &Connection, row: &DraftRow) -> rusqlite::Result<()> {
    fresh
        .prepare_cached("INSERT OR IGNORE INTO drafts (account, topic, text) VALUES (?1, ?2, ?3)")?
        .execute(params![row.0, row.1, row.2])?;
    Ok(())
}
