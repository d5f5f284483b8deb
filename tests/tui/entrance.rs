//! The first run: a server and an account by typing, or an invite link, and a sentence at the question that went wrong.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use chat_tests::person::PASSWORD;
use chat_tests::{Cli, Person, Pty, TestServer};

use crate::desk::quit;

fn first_run(cli: &Cli) -> Pty {
    let pty = Pty::of("chat-tui").home(cli.home()).size(100, 30).start();
    pty.wait_for("Which server do you chat on?");
    pty
}

/// Everything below a folder that the program made is its owner's alone.
fn private(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let meta = entry.metadata().expect("its rights");
        let mode = meta.permissions().mode() & 0o777;
        let must = if meta.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, must, "{}: {mode:o}", entry.path().display());
        if meta.is_dir() {
            private(&entry.path());
        }
    }
}

#[tokio::test]
async fn x03_a_server_and_a_new_account_by_typing_and_the_secrets_are_private() {
    let server = TestServer::start().await;
    let cli = Cli::new();
    let mut pty = first_run(&cli);
    pty.press(&format!("{}<enter>", server.url()));
    pty.wait_for("Do you have an account there?");
    pty.press("<down><enter>");
    pty.wait_for("What name do you want?");
    pty.press("ann<enter>");
    pty.wait_for("Think of a password");
    pty.press(&format!("{PASSWORD}<enter>"));
    pty.wait_for("The same password once more?");
    assert!(!pty.screen_text().contains("correct"), "it is not shown");
    pty.press(&format!("{PASSWORD}<enter>"));
    pty.wait_for("connected");
    pty.wait_for("you are the first one here");
    pty.press("<c-k>");
    pty.wait_for("go to");
    pty.press("<esc>");
    pty.wait_gone("go to");
    quit(pty);
    private(cli.home());
    assert!(cli.home().join("profiles").is_dir());
    // The password is nowhere, and the next start asks nothing.
    for file in std::fs::read_dir(cli.home().join("profiles")).expect("the files") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("its bytes");
        let password = PASSWORD.as_bytes();
        assert!(!bytes.windows(password.len()).any(|part| part == password));
    }
    let pty = Pty::of("chat-tui").home(cli.home()).size(100, 30).start();
    pty.wait_for("connected");
    quit(pty);
}

#[tokio::test]
async fn x03_an_invite_link_is_all_that_a_newcomer_needs() {
    let mut server = TestServer::setup().signup_invite().start().await;
    let line = server.next_line().await;
    let link = line.strip_prefix("invite ").expect("a link").to_owned();
    let cli = Cli::new();
    let mut pty = first_run(&cli);
    pty.paste(&format!("{link}\n"));
    pty.wait_for(&link);
    pty.press("<enter>");
    pty.wait_for("What name do you want?");
    pty.wait_for("by invite");
    pty.press("ann<enter>");
    pty.wait_for("Think of a password");
    pty.press(&format!("{PASSWORD}<enter>"));
    pty.wait_for("once more");
    pty.press(&format!("{PASSWORD}<enter>"));
    pty.wait_for("connected");
    quit(pty);
    assert_eq!(
        cli.run(&["whoami"])
            .await
            .expect(0)
            .lines()
            .next()
            .map(|line| line.contains("ann")),
        Some(true)
    );
    // It was good for one.
    let other = Cli::new();
    let mut pty = first_run(&other);
    pty.paste(&link);
    pty.press("<enter>");
    pty.wait_for("What name do you want?");
    pty.press(&format!("ben<enter>{PASSWORD}<enter>{PASSWORD}<enter>"));
    pty.wait_for("Which server do you chat on?");
    pty.wait_for("✗");
    quit(pty);
}

#[tokio::test]
async fn x03_what_is_wrong_is_said_at_its_question() {
    let mut server = TestServer::start().await;
    let _ann: Person = server.person("ann").await;
    let cli = Cli::new();
    let mut pty = first_run(&cli);
    // No address at all.
    pty.press("not an address<enter>");
    pty.wait_for("✗");
    pty.wait_for("Which server do you chat on?");
    pty.press(&format!("<c-u>{}<enter>", server.url()));
    pty.wait_for("Do you have an account there?");
    pty.press("<enter>");
    // No name.
    pty.wait_for("What is your name there?");
    pty.press("no name!");
    pty.wait_for("✗");
    pty.press("<enter>");
    pty.wait_for("What is your name there?");
    pty.press("<c-u>ann");
    pty.wait_gone("✗");
    pty.press("<enter>");
    // The wrong password, then the right one.
    pty.wait_for("Your password?");
    pty.press("something else<enter>");
    pty.wait_for("✗");
    pty.wait_for("Your password?");
    // Nobody there.
    server.kill9().await;
    pty.press(&format!("{PASSWORD}<enter>"));
    pty.wait_for("Which server do you chat on?");
    pty.wait_for("✗");
    server.restart().await;
    pty.press("<enter>");
    pty.wait_for("Do you have an account there?");
    pty.press("<enter>");
    pty.wait_for("What is your name there?");
    pty.press("<enter>");
    pty.wait_for("Your password?");
    pty.press(&format!("<c-u>{PASSWORD}<enter>"));
    pty.wait_for("connected");
    quit(pty);
}

#[tokio::test]
async fn x03_a_name_that_is_taken_is_said_and_another_one_goes() {
    let server = TestServer::start().await;
    let _ann: Person = server.person("ann").await;
    let cli = Cli::new();
    let mut pty = first_run(&cli);
    let answers = format!("<down><enter>ann<enter>{PASSWORD}<enter>{PASSWORD}<enter>");
    pty.press(&format!("{}<enter>{answers}", server.url()));
    pty.wait_for("✗");
    pty.wait_for("What name do you want?");
    pty.press(&format!(
        "<c-u>zoe<enter>{PASSWORD}<enter>{PASSWORD}<enter>"
    ));
    pty.wait_for("connected");
    quit(pty);
}

#[tokio::test]
async fn x03_one_can_leave_the_first_run_and_nothing_is_left_behind() {
    let cli = Cli::new();
    let mut pty = first_run(&cli);
    pty.press("somewhere");
    pty.wait_for("somewhere");
    pty.press("<c-q>");
    assert_eq!(pty.exit_code(), 0);
    pty.assert_restored();
    assert!(!cli.home().join("profiles/default.json").exists());
}
