//! What was said, as it is read: one's own message, the last ones of a list, a page.

use std::collections::HashMap;

use chat_proto::{MessageId, Rev, Seq, Topic};
use tokio_postgres::Row;

use super::fault::{Fault, Outcome};
use super::pool::{Connection, Params};
use super::rows::{self, change_columns, change_sql, get};
use super::{conversations, feed};
use crate::change::{Address, Change, ConversationId, UserId};
use crate::limits::PAGE_BYTES_MAX;
use crate::store::codes::column;
use crate::store::page::{Page, Span};
use crate::store::{Range, Slice};

pub(super) async fn own_message(
    c: &Connection,
    user: UserId,
    id: &MessageId,
) -> Outcome<Option<Change>> {
    let sql = change_sql!(
        "JOIN members m ON m.conversation = l.conversation AND m.who = l.who \
         WHERE l.who = $1 AND l.message_id = $2 AND l.seq >= m.first_seq \
         AND (m.left_rev IS NULL OR l.rev <= m.left_rev)"
    );
    let Some(row) = c.row(sql, &[&user.0, &id.as_str()]).await? else {
        return Ok(None);
    };
    let address = rows::address(c, ConversationId(get(&row, 1)?)).await?;
    rows::change(&row, address).map(Some)
}

/// Messages by their numbers, each of another conversation.
pub(super) async fn messages(
    c: &Connection,
    wanted: impl Iterator<Item = (ConversationId, Seq, &Address)>,
) -> Outcome<Vec<Change>> {
    let sql = change_sql!(
        "JOIN unnest($1::bigint[], $2::bigint[]) AS k (conversation, seq) \
         ON k.conversation = l.conversation AND k.seq = l.seq"
    );
    let (mut ids, mut seqs, mut addresses) = (Vec::new(), Vec::new(), HashMap::new());
    for (id, seq, address) in wanted {
        ids.push(id.0);
        seqs.push(column(seq.0));
        addresses.insert(id, address);
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    rows::each(&c.rows(sql, &[&ids, &seqs]).await?, |row| {
        let address = addresses.get(&ConversationId(get(row, 1)?));
        let address =
            address.ok_or_else(|| Fault::internal("a message of another conversation"))?;
        rows::change(row, (*address).clone())
    })
}

/// Rows of the log whose number is from $2 on and below $3, as many on either side of $4 as have less than $5 bytes of
/// text before them: what the page will not hold does not travel. Ascending.
macro_rules! page_sql {
    ($number:literal) => {
        concat!(
            "SELECT ",
            change_columns!(),
            "FROM (SELECT *, coalesce(sum(octet_length(text)) OVER (PARTITION BY ",
            $number,
            " <= $4 ORDER BY abs(",
            $number,
            " - $4) ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before FROM log ",
            "WHERE conversation = $1 AND ",
            $number,
            " >= $2 AND ",
            $number,
            " < $3) l JOIN users u ON u.id = l.who WHERE l.before <= $5 ORDER BY l.",
            $number
        )
    };
}

pub(super) async fn history(
    c: &Connection,
    user: UserId,
    topic: &Topic,
    range: Range,
    limit: usize,
) -> Outcome<Slice> {
    let membership = conversations::membership(c, user, topic).await?;
    let Some(conversation) = membership.conversation else {
        return Ok(Slice::default());
    };
    let span = Span::of(&membership, range, limit);
    let (low, high) = (column(span.low), column(span.high));
    let near = match range {
        Range::Around(seq) => column(seq.0),
        _ if span.downwards => high,
        _ => low - 1,
    };
    let bounds: Params<'_> = &[&conversation.0, &low, &high, &near, &bytes_max()];
    let mut found = c.rows(page_sql!("seq"), bounds).await?;
    if span.downwards {
        found.reverse();
    }
    let mut page = Page::of(range);
    fill(&mut page, &found, &membership.address)?;
    Ok(page.slice(&span))
}

fn bytes_max() -> i64 {
    column(PAGE_BYTES_MAX as u64)
}

fn fill(page: &mut Page, found: &[Row], address: &Address) -> Outcome<()> {
    for row in found {
        if !page.takes(rows::change(row, address.clone())?) {
            break;
        }
    }
    Ok(())
}

pub(super) async fn changes(
    c: &Connection,
    user: UserId,
    conversation: ConversationId,
    after: Rev,
    limit: usize,
) -> Outcome<Slice> {
    let Some(membership) = feed::member_or_left(c, user, conversation).await? else {
        return Ok(Slice::default());
    };
    let low = after.0.saturating_add(1).max(membership.first_rev.0);
    let high = low
        .saturating_add(limit as u64)
        .min(membership.rev.next().0);
    let (from, to) = (column(low), column(high));
    let bounds: Params<'_> = &[&conversation.0, &from, &to, &(from - 1), &bytes_max()];
    let found = c.rows(page_sql!("rev"), bounds).await?;
    let mut page = Page::default();
    fill(&mut page, &found, &membership.address)?;
    Ok(page.up_to(membership.rev, limit == 0 && low <= membership.rev.0))
}
