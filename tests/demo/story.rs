//! A short conversation, played through the real wire on a server of its own and told on standard output.

use std::net::SocketAddr;

use chat_proto::action::Sync;
use chat_proto::event::Ack;
use chat_proto::{Action, Event, Message, Safe};
use chat_tests::{Person, TestClient};
use tempfile::TempDir;

use crate::stage::Stage;

/// Plays it from the beginning to the end.
#[tokio::main]
pub(crate) async fn run() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let stage = Stage::open(folder.path()).await?;
    let address = stage.address;
    println!("a server on http://{address}, with its data in a folder that goes when this ends\n");
    play(address).await;
    stage.close().await?;
    println!("\nthe server has stopped; to run one of your own, see README.md");
    Ok(())
}

/// Ann, ben and cat get to know the server, and we watch over their shoulders.
async fn play(server: SocketAddr) {
    let ann = Person::register(server, "ann").await;
    let ben = Person::register(server, "ben").await;
    let cat = Person::register(server, "cat").await;
    let (mut desk, mut phone) = (ann.connect().await, ann.connect().await);
    let mut laptop = ben.connect().await;

    title("ann writes to ben, who is there");
    acked(
        &desk
            .send("ben", "Good morning! Did the release go out?")
            .await,
    );
    told(
        "ben's laptop",
        &laptop
            .expect_text("Good morning! Did the release go out?")
            .await,
    );
    told(
        "ann's phone",
        &phone
            .expect_text("Good morning! Did the release go out?")
            .await,
    );
    laptop.read("ann", 1).await;
    read_mark(&mut desk).await;

    title("ben answers, twice by mistake: the same id is the same message");
    for _ in 0..2 {
        match laptop
            .send_as("answer-1", "ann", "An hour ago. No complaints so far.")
            .await
        {
            Ok(ack) => acked(&ack),
            Err(error) => println!("  refused: {}", Safe::line(&error.message)),
        }
    }
    told(
        "ann's desk",
        &desk.expect_text("An hour ago. No complaints so far.").await,
    );

    title("a group, and cat who is away");
    ann.make_group("release", &[&ben, &cat]).await;
    told("ben's laptop", &laptop.expect_text("welcome all").await);
    acked(&desk.send("release", "1.8 is out. Thank you all!").await);
    told(
        "ben's laptop",
        &laptop.expect_text("1.8 is out. Thank you all!").await,
    );

    title("cat comes back and has missed nothing");
    let mut tablet = cat.connect().await;
    if let Event::Synced(end) = tablet.request(Action::Sync(Sync::default())).await {
        for line in &end.conversations {
            println!("  {} has {} unread", line.topic, line.unread);
        }
    }
    for text in ["welcome all", "1.8 is out. Thank you all!"] {
        told("cat's tablet", &tablet.expect_text(text).await);
    }
    let error = tablet.send_as("c-1", "releases", "Well done!").await;
    if let Err(error) = error {
        println!("  cat mistypes the topic: {}", Safe::line(&error.message));
    }
    acked(&tablet.send("release", "Well done!").await);
    told("ann's desk", &desk.expect_text("Well done!").await);
}

fn title(words: &str) {
    println!("\n{words}");
}

fn acked(ack: &Ack) {
    let number = ack.seq.unwrap_or_default();
    let topic = ack
        .topic
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let again = if ack.dup { ", as before" } else { "" };
    println!("  ack: number {number} to {topic} is on disk{again}");
}

fn told(where_: &str, message: &Message) {
    let time = message.sent_at.to_string();
    let clock = time.get(11..19).unwrap_or_default();
    let (topic, from) = (&message.topic, &message.from.display_name);
    println!(
        "  {clock}  {where_} [{topic} {}] {}: {}",
        message.seq,
        Safe::line(from),
        Safe::line(&message.text)
    );
}

/// Waits until the other side says that it has read.
async fn read_mark(socket: &mut TestClient) {
    let mark = socket.expect(|event| match event {
        Event::Read(mark) => Some(mark.clone()),
        _ => None,
    });
    let mark = mark.await;
    println!("  {} has read up to number {}", mark.by, mark.seq);
}
