//! The first run: takes the answers one by one, says at once what is wrong with one, and hands over what gets in.

use chat_proto::api::Secret;
use chat_proto::{Name, limits};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::app::model::Model;
use crate::app::model::entrance::{Entrance, Field, Question};
use crate::app::msg::{Credentials, Effect, Refused};
use crate::client::address::ServerUrl;
use crate::keymap::{Command, Mode};
use crate::text;

/// A key.
pub fn handle_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    match model.keymap.command(Mode::Anywhere, false, key) {
        Some(Command::Quit) => return vec![Effect::Quit],
        Some(Command::Suspend) => return vec![Effect::Suspend],
        Some(Command::Repaint) => return vec![Effect::Redraw],
        _ => {}
    }
    let Some(entrance) = &mut model.entrance else {
        return Vec::new();
    };
    if entrance.waiting {
        // What the server answers to an attempt that was given up is not waited for.
        if key.code == KeyCode::Esc {
            entrance.waiting = false;
        }
        return Vec::new();
    }
    match key.code {
        KeyCode::Enter => return answer(entrance),
        KeyCode::Esc => back(entrance),
        _ if entrance.question == Question::Account => choose(entrance, key.code),
        _ => edit(entrance, key),
    }
    Vec::new()
}

/// A text was pasted, with or without the line end behind it.
pub fn handle_paste(model: &mut Model, text: &str) {
    if let Some(entrance) = model.entrance.as_mut().filter(|entrance| !entrance.waiting) {
        let line = text.trim().lines().next().unwrap_or_default();
        if let Some(field) = entrance.field_mut() {
            field.insert(line);
        }
        check_typed(entrance);
    }
}

/// The attempt to get in ended.
pub fn handle_entered(model: &mut Model, result: Result<(), Refused>) {
    match (result, &mut model.entrance) {
        // With it goes the password.
        (Ok(()), _) => model.entrance = None,
        (Err(refused), Some(entrance)) if entrance.waiting => refuse(entrance, &refused),
        (Err(_), _) => {}
    }
}

fn back(entrance: &mut Entrance) {
    entrance.complaint = None;
    if let Some(before) = entrance.before() {
        entrance.question = before;
    }
}

fn choose(entrance: &mut Entrance, key: KeyCode) {
    match key {
        KeyCode::Char('l') => entrance.new = false,
        KeyCode::Char('n') => entrance.new = true,
        KeyCode::Up | KeyCode::Down | KeyCode::Tab | KeyCode::BackTab => {
            entrance.new = !entrance.new;
        }
        _ => {}
    }
}

fn edit(entrance: &mut Entrance, key: KeyEvent) {
    let Some(field) = entrance.field_mut() else {
        return;
    };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let cursor = field.cursor();
    match key.code {
        KeyCode::Left => field.go(cursor.saturating_sub(1)),
        KeyCode::Right => field.go(cursor + 1),
        KeyCode::Home => field.go(0),
        KeyCode::End => field.go(usize::MAX),
        KeyCode::Backspace => field.cut(cursor.saturating_sub(1)),
        KeyCode::Delete => forward(field),
        KeyCode::Char(letter) if control => readline(field, letter),
        KeyCode::Char(character) if !alt => field.insert(character.encode_utf8(&mut [0; 4])),
        _ => {}
    }
    check_typed(entrance);
}

fn forward(field: &mut Field) {
    let cursor = field.cursor();
    field.go(cursor + 1);
    field.cut(cursor);
}

fn readline(field: &mut Field, letter: char) {
    match letter {
        'a' => field.go(0),
        'e' => field.go(usize::MAX),
        'b' => field.go(field.cursor().saturating_sub(1)),
        'f' => field.go(field.cursor() + 1),
        'h' => field.cut(field.cursor().saturating_sub(1)),
        'd' => forward(field),
        'w' => field.cut(field.word_start()),
        'u' => field.cut(0),
        'c' => *field = Field::default(),
        _ => {}
    }
}

/// A name shows at once whether it is one; other answers are judged when they are given.
fn check_typed(entrance: &mut Entrance) {
    entrance.complaint = None;
    if entrance.question == Question::Name && !entrance.name.is_empty() {
        entrance.complaint = name(entrance).err();
    }
}

fn name(entrance: &Entrance) -> Result<Name, String> {
    let text = entrance.name.text().trim();
    let name = Name::parse(text.strip_prefix('@').unwrap_or(text));
    let name = name.map_err(|error| error.to_string())?;
    match entrance.new && name.reserved() {
        true => Err(format!("'{name}' means something else here: take another")),
        false => Ok(name),
    }
}

/// The answer is given: the next question, or in.
fn answer(entrance: &mut Entrance) -> Vec<Effect> {
    let next = match entrance.question {
        Question::Server => server(entrance),
        Question::Account => Ok(Some(Question::Name)),
        Question::Name => name(entrance).map(|_| Some(Question::Password)),
        Question::Password => password(entrance),
        Question::Again => again(entrance),
    };
    entrance.complaint = None;
    match next {
        Ok(Some(question)) => entrance.question = question,
        Ok(None) => return enter(entrance),
        Err(complaint) => entrance.complaint = Some(complaint),
    }
    Vec::new()
}

/// Another server must not see a password that was typed for this one.
fn forget_password(entrance: &mut Entrance, url: &ServerUrl) {
    if entrance.url.as_ref() != Some(url) {
        entrance.password = Field::default();
        entrance.again = Field::default();
    }
}

fn server(entrance: &mut Entrance) -> Result<Option<Question>, String> {
    let text = entrance.server.text().trim();
    if text.is_empty() {
        return Err("type the address of a server, or paste an invite link".to_owned());
    }
    if text.contains("/join/") {
        let url = ServerUrl::of_invite(text).filter(|_| !text.ends_with('/'));
        let url = url.ok_or("an invite link is written as https://chat.example.org/join/CODE")?;
        entrance.invite = Some(text.to_owned());
        forget_password(entrance, &url);
        entrance.url = Some(url);
        entrance.new = true;
        return Ok(Some(Question::Name));
    }
    let url = ServerUrl::parse(text).map_err(|error| error.to_string())?;
    forget_password(entrance, &url);
    entrance.url = Some(url);
    // The invite chose a new account; without it nobody has chosen yet.
    if entrance.invite.take().is_some() {
        entrance.new = false;
    }
    Ok(Some(Question::Account))
}

fn password(entrance: &Entrance) -> Result<Option<Question>, String> {
    let password = entrance.password.text();
    if password.is_empty() {
        return Err("type the password".to_owned());
    }
    if !entrance.new {
        return Ok(None);
    }
    if password.chars().count() < limits::PASSWORD_CHARS_MIN {
        return Err(format!(
            "a password has {} characters or more: a few words are easy to keep in mind",
            limits::PASSWORD_CHARS_MIN
        ));
    }
    if password.len() > limits::PASSWORD_BYTES_MAX {
        let most = limits::PASSWORD_BYTES_MAX;
        return Err(format!("a password has {most} bytes at the most"));
    }
    Ok(Some(Question::Again))
}

fn again(entrance: &mut Entrance) -> Result<Option<Question>, String> {
    if entrance.again.text() == entrance.password.text() {
        return Ok(None);
    }
    ask_password(entrance);
    Err("the two differ: type the password once more, and then again".to_owned())
}

/// The password from the beginning.
fn ask_password(entrance: &mut Entrance) {
    entrance.password = Field::default();
    entrance.again = Field::default();
    entrance.question = Question::Password;
}

fn enter(entrance: &mut Entrance) -> Vec<Effect> {
    let Some(url) = &entrance.url else {
        entrance.question = Question::Server;
        return Vec::new();
    };
    let Ok(name) = name(entrance) else {
        entrance.question = Question::Name;
        return Vec::new();
    };
    let credentials = Credentials {
        server: url.to_string(),
        invite: entrance.invite.clone(),
        name: name.to_string(),
        password: Secret(entrance.password.text().to_owned()),
        new: entrance.new,
    };
    entrance.waiting = true;
    vec![Effect::Enter(Box::new(credentials))]
}

/// Back to the question whose answer is to blame, with the sentence.
fn refuse(entrance: &mut Entrance, refused: &Refused) {
    entrance.waiting = false;
    // The server says a code and a sentence; the code of a refusal is the same for name and password.
    let of = |word: &str| refused.why.contains(word);
    if refused.unreachable || of("invite") {
        entrance.question = Question::Server;
    } else if of("accounts") {
        entrance.question = Question::Account;
    } else if of("password") {
        ask_password(entrance);
    } else if of("name") {
        entrance.question = Question::Name;
    }
    entrance.complaint = Some(text::without_code(&refused.why));
}
