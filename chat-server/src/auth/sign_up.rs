//! Signing up: the operator's choice who may, and the rules that a new account keeps.

use std::net::IpAddr;

use chat_proto::api::{LoggedIn, NewAccount};
use chat_proto::text::valid_display_name;
use chat_proto::{ErrorCode, Name, Refusal, Sigil, Topic, limits as wire};

use super::invite::InviteCode;
use super::{log_in, password};
use crate::config::SignUp;
use crate::service::App;
use crate::store::{self, InviteHash, refuse};

/// Makes an account and logs it in.
///
/// # Errors
/// `forbidden` without a good invite, `rejected` with the rule that is broken, `conflict` for a taken name,
/// `rate_limited`.
pub async fn sign_up(app: &App, new: NewAccount, from: IpAddr) -> Result<LoggedIn, Refusal> {
    let auth = &app.auth;
    let invite = allowed(app, new.invite.as_deref()).await?;
    let name = person(&new.name)?;
    if name.reserved() {
        return Err(refuse::reserved_name(&name).into());
    }
    let display_name = new.display_name.unwrap_or_else(|| name.to_string());
    check_display_name(&display_name)?;
    new.email.as_deref().map_or(Ok(()), check_email)?;
    let device = log_in::device(new.device)?;
    password::check(&new.password, &name)?;
    // Counted where it begins to cost: before, there are only rules to be told.
    auth.attempts.sign_up(from, app.clock.monotonic())?;
    let account = store::NewAccount {
        name,
        display_name,
        email: new.email,
        password_hash: auth.hasher.hash(new.password).await?,
        invite,
        lobby: auth.lobby.clone(),
        now: app.clock.wall(),
    };
    let account = app.store.create_account(account).await?;
    tracing::info!(admin = account.admin, "an account was made");
    log_in::open(app, &account, &device).await
}

/// Whether this server takes newcomers, and the invite that is used up by this one. An invite that is no good is
/// found out before the password is hashed, and once more when it is used.
async fn allowed(app: &App, given: Option<&str>) -> Result<Option<InviteHash>, Refusal> {
    let forbidden = |why: &str| Err(Refusal::new(ErrorCode::Forbidden, why));
    match (app.auth.sign_up, given) {
        (SignUp::Closed, _) => forbidden("this server takes no new accounts"),
        (SignUp::Invite, None) => {
            forbidden("this server takes new accounts by invite alone: ask for one")
        }
        (SignUp::Open, None) => Ok(None),
        (SignUp::Open | SignUp::Invite, Some(given)) => {
            let Some(code) = InviteCode::parse(given) else {
                return Err(refuse::bad_invite().into());
            };
            match app.store.invite(code.hash(), app.clock.wall()).await? {
                // Each start without users prints a link for the first administrator. Those of earlier starts stay
                // in somebody's log, and must not make a second one.
                Some(invite) if invite.admin && app.store.people_exist().await? => {
                    Err(refuse::bad_invite().into())
                }
                Some(invite) => Ok(Some(invite.hash)),
                None => Err(refuse::bad_invite().into()),
            }
        }
    }
}

/// A person's name, with or without its `@`.
///
/// # Errors
/// `rejected`, with the rule.
pub fn person(text: &str) -> Result<Name, Refusal> {
    let rejected = |why: String| Refusal::new(ErrorCode::Rejected, why);
    let topic = Topic::parse(text.trim()).map_err(|rule| rejected(rule.to_string()))?;
    match topic.sigil {
        Some(Sigil::Group) => Err(rejected("a person's name has no '#'".to_owned())),
        Some(Sigil::Person) | None => Ok(topic.name),
    }
}

/// Refuses a display name that is none.
///
/// # Errors
/// `rejected`, with the rule.
pub fn check_display_name(display_name: &str) -> Result<(), Refusal> {
    if valid_display_name(display_name) {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::Rejected,
        format!(
            "a display name is 1 to {} characters on one line, without control or format characters",
            wire::DISPLAY_NAME_CHARS_MAX
        ),
    ))
}

/// Bytes of an e-mail address at the most (RFC 5321).
const EMAIL_BYTES_MAX: usize = 254;

/// Refuses what cannot be an address. Whether it is one, only a mail would tell.
fn check_email(email: &str) -> Result<(), Refusal> {
    let fits = email.split_once('@').is_some_and(|(local, domain)| {
        let dots = domain.split('.').all(|label| !label.is_empty());
        !local.is_empty() && !domain.contains('@') && domain.contains('.') && dots
    });
    let plain = email.chars().all(|c| !c.is_whitespace() && !c.is_control());
    if fits && plain && email.len() <= EMAIL_BYTES_MAX {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::Rejected,
        "an e-mail address is written as ann@example.org",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a02_a_bad_email_or_name_is_rejected_with_the_rule() {
        for good in ["ann@example.org", "a.b+c@x.y.z"] {
            assert_eq!(check_email(good), Ok(()), "{good}");
        }
        for bad in [
            "", "ann", "@x.y", "ann@", "ann@host", "a@b@c.d", "a b@c.d", "a@b..c", "a@.c",
        ] {
            assert!(check_email(bad).is_err(), "{bad}");
        }
        for bad in ["", " ", "#ann", "an n", "ann\n.", "-ann", "änn"] {
            let refusal = person(bad).expect_err(bad);
            assert_eq!(refusal.code, ErrorCode::Rejected);
        }
        assert_eq!(person("@Ann").map(|n| n.to_string()), Ok("ann".to_owned()));
    }
}
