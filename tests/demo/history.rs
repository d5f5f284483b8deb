//! Sets the stage: lets everybody in, has them say what was said, each line at its time, and read what they have read.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use chat_proto::Time;
use chat_proto::api::{NewAccount, Secret};
use chat_tests::person::PASSWORD;
use chat_tests::{Call, Person, eventually};
use chat_tui::client::account::{self, Entry};
use chat_tui::client::address::ServerUrl;
use chat_tui::clock;
use chat_tui::config::Settings;
use futures_util::future::join_all;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::past::{self, Line, Said, Talk, When, With};
use crate::people::{Habit, PEOPLE, Role, VISITOR};
use crate::stage::Stage;

/// Everybody, by name.
pub(crate) type Cast = BTreeMap<&'static str, Person>;

/// Makes everybody's account; the visitor's log-in is kept where the client looks for it.
///
/// It is done at the machine's time: tokens that were made in the past would have ended by now.
pub(crate) async fn let_in(server: SocketAddr, settings: &Settings) -> anyhow::Result<Cast> {
    let visitor = visitor(server, settings);
    let others = join_all(PEOPLE.iter().map(|role| register(server, role)));
    let (visitor, others) = tokio::join!(visitor, others);
    let mut cast: Cast = others.into_iter().collect();
    cast.insert(VISITOR, visitor?);
    Ok(cast)
}

async fn register(server: SocketAddr, role: &Role) -> (&'static str, Person) {
    let account = json!({
        "name": role.name, "display_name": role.display_name, "password": PASSWORD, "device": "desk",
    });
    let answer = Call::post("/v1/accounts", &account).send(server).await;
    (role.name, Person::entered(server, &answer.expect(201)))
}

async fn visitor(server: SocketAddr, settings: &Settings) -> anyhow::Result<Person> {
    let account = NewAccount {
        name: VISITOR.to_owned(),
        password: Secret(PASSWORD.to_owned()),
        display_name: Some("Ann".to_owned()),
        email: None,
        invite: None,
        device: Some(account::device_name()),
    };
    let entry = Entry::Register(account);
    let url = ServerUrl::parse(&format!("http://{server}"))?;
    let deadline = clock::deadline_in(chat_tests::PATIENCE);
    let entered = account::enter(settings, url, &entry, deadline).await?;
    Ok(Person::entered(server, &serde_json::to_value(entered)?))
}

/// Says and reads everything, as it looks to a visitor who comes at `now` in `zone`. The clock runs when it is done.
pub(crate) async fn write(stage: &Stage, cast: &Cast, now: Time, zone: &TimeZone) {
    for line in past::said(now, zone) {
        stage.clock.stop_at(line.at);
        say(cast, &line).await;
    }
    stage.clock.stop_at(now);
    let at = |when: When| when.at(now, zone);
    join_all(cast.keys().map(|name| read(cast, name, &at))).await;
    for role in &PEOPLE {
        if let Habit::Gone(when) = role.habit {
            stage.clock.stop_at(at(when));
            look_in(&cast[VISITOR], &cast[role.name]).await;
        }
    }
    stage.clock.run();
}

async fn say(cast: &Cast, line: &Said) {
    let from = &cast[line.from];
    match line.talk.with {
        With::Many {
            title,
            members,
            public,
        } if line.first => {
            let everybody = members.iter().chain([&VISITOR]);
            let users: Vec<_> = everybody.filter(|name| **name != line.from).collect();
            let name = line.talk.topic;
            let group = json!({
                "name": name, "title": title, "users": users, "text": line.text, "public": public,
            });
            from.post("/v1/groups", &group).await.expect(201);
        }
        _ => {
            let message = json!({"topic": topic_for(line.from, line.talk), "text": line.text});
            from.post("/v1/messages", &message).await.expect(201);
        }
    }
}

/// How `name` addresses a conversation.
fn topic_for(name: &str, talk: &Talk) -> &'static str {
    match talk.with {
        With::One if name != VISITOR => VISITOR,
        _ => talk.topic,
    }
}

/// Reads what somebody has read: the visitor all but what is planned to be unread, the others everything up to the day
/// on which they went.
async fn read(cast: &Cast, name: &str, at: &impl Fn(When) -> Time) {
    for talk in past::everything() {
        let read = if name == VISITOR {
            talk.lines.len() - talk.unread
        } else if talk.others().contains(&name) {
            read_by(name, talk, at)
        } else {
            0
        };
        if read > 0 {
            let mark = json!({"topic": topic_for(name, talk), "seq": read});
            cast[name].post("/v1/read", &mark).await.expect(200);
        }
    }
}

/// How many lines of a conversation were said before somebody went.
fn read_by(name: &str, talk: &Talk, at: &impl Fn(When) -> Time) -> usize {
    let role = PEOPLE.iter().find(|role| role.name == name);
    match role.map(|role| role.habit) {
        Some(Habit::Gone(when)) => {
            let before = |line: &&Line| at(line.0) <= at(when);
            talk.lines.iter().take_while(before).count()
        }
        _ => talk.lines.len(),
    }
}

/// Comes and goes, so that this is when somebody was last seen.
async fn look_in(visitor: &Person, person: &Person) {
    person.connect().await.close().await;
    let path = format!("/v1/users/{}/presence", person.name);
    eventually("somebody was seen", async || {
        let presence: Value = visitor.get(&path).await.expect(200);
        (presence["state"] == "offline" && presence["last_seen"].is_string()).then_some(())
    })
    .await;
}
