//! Finds people: by what their name begins with, then by what it holds.

use chat_proto::api::Profile;
use chat_proto::{Name, Refusal};

use super::{App, Identity, check_query, page_size};
use crate::store::{Account, refuse};

/// People of a list by default, and at the most.
const PEOPLE: (u64, u64) = (50, 200);

/// People whose handle or display name matches `query`, by handle, above `after`.
///
/// # Errors
/// `invalid` for a limit out of range, or a query that nothing can fit.
pub async fn people(
    app: &App,
    _who: &Identity,
    query: &str,
    after: Option<&Name>,
    limit: Option<u64>,
) -> Result<Vec<Profile>, Refusal> {
    let limit = page_size(limit, PEOPLE.0, PEOPLE.1)?;
    check_query(query)?;
    let found = app.store.search_people(query, after, limit).await?;
    Ok(found.into_iter().map(profile).collect())
}

/// One of them.
///
/// # Errors
/// `not_found`.
pub async fn person(app: &App, _who: &Identity, name: &Name) -> Result<Profile, Refusal> {
    let account = app.store.account_named(name).await?;
    Ok(account
        .map(profile)
        .ok_or_else(|| refuse::no_such_user(name))?)
}

/// An account as other users see it.
#[must_use]
pub fn profile(account: Account) -> Profile {
    Profile {
        name: account.name,
        display_name: account.display_name,
        kind: "person".to_owned(),
        avatar: None,
    }
}
