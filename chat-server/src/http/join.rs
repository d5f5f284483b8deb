//! What an invite's link shows in a browser: the one command to type.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chat_proto::{ErrorCode, Refusal};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::extract::InPath;
use super::{Answer, Shared};
use crate::auth::invite::InviteCode;

/// The page loads nothing, sends nothing and is framed by nobody: a code stands in its address.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    ),
];

/// `GET /join/{code}`. It says nothing of whether the code is good: looking must not be trying.
pub(super) async fn page(State(edge): Shared, InPath(code): InPath<String>) -> Answer<Response> {
    let Some(code) = InviteCode::parse(&code) else {
        return Err(Refusal::new(ErrorCode::NotFound, "this is no link of an invite").into());
    };
    let html = html(&edge.public_url, &code);
    Ok((StatusCode::OK, HEADERS, html).into_response())
}

fn html(public_url: &str, code: &InviteCode) -> String {
    let server = escaped(public_url);
    let code = code.expose();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>An invite to a chat</title>\n\
         <style>body{{font:1.1em system-ui;max-width:46em;margin:3em auto;padding:0 1em}}\
         pre{{padding:1em;background:#8882;overflow-x:auto}}</style>\n\
         <h1>You are invited to a chat</h1>\n\
         <p>Type this in a terminal, with a name of your choice for YOU:</p>\n\
         <pre>chat-tui register --server {server} --name YOU --invite {code}</pre>\n</html>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a04_the_page_shows_the_command_and_nothing_that_acts() {
        let code = InviteCode::generate();
        let page = html("https://chat.example", &code);
        let command = format!(
            "chat-tui register --server https://chat.example --name YOU --invite {}",
            code.expose()
        );
        assert!(page.contains(&command), "{page}");
        assert!(!html("https://x/<script>", &code).contains("<script>"));
    }
}
