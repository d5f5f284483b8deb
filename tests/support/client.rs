//! One live socket, typed by the protocol: says, asks, and waits for what must come.

use std::collections::VecDeque;

use chat_proto::action::{MarkUpTo, OnTopic, Publish};
use chat_proto::event::{Ack, ErrorFrame, Welcome};
use chat_proto::{Action, ErrorCode, Event, Mark, Message, MessageId, Request, Seq, Topic, codec};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{self, Message as Frame};

use crate::dial::Stream;
use crate::soon;

/// What the reader hands over.
#[derive(Debug)]
enum Came {
    Event(Box<Event>),
    /// The code of the close frame; none when it has none, and when the connection is gone.
    Closed(Option<u16>),
}

/// A live socket of a person.
#[derive(Debug)]
pub struct TestClient {
    sink: SplitSink<Stream, Frame>,
    inbox: mpsc::Receiver<Came>,
    /// Events that came while another one was waited for.
    kept: VecDeque<Event>,
    welcome: Option<Welcome>,
    reader: tokio::task::JoinHandle<()>,
}

impl TestClient {
    pub(crate) fn new(stream: Stream, inbox: usize) -> Self {
        let (sink, stream) = stream.split();
        let (sender, inbox) = mpsc::channel(inbox);
        Self {
            sink,
            inbox,
            kept: VecDeque::new(),
            welcome: None,
            reader: tokio::spawn(read_all(stream, sender)),
        }
    }

    /// Waits for the greeting.
    ///
    /// # Panics
    /// When something else comes first.
    pub async fn greeted(&mut self) {
        match self.next_event().await {
            Event::Welcome(welcome) => self.welcome = Some(welcome),
            other => panic!("instead of the greeting came {other:?}"),
        }
    }

    /// The greeting.
    ///
    /// # Panics
    /// When there was none.
    #[must_use]
    pub fn welcome(&self) -> &Welcome {
        self.welcome.as_ref().expect("the client was greeted")
    }

    /// The next event, whatever it is.
    ///
    /// # Panics
    /// When the connection ends, or nothing comes.
    pub async fn next_event(&mut self) -> Event {
        match self.kept.pop_front() {
            Some(event) => event,
            None => self.fresh_event().await,
        }
    }

    async fn fresh_event(&mut self) -> Event {
        match self.came().await {
            Came::Event(event) => *event,
            Came::Closed(code) => panic!("the connection ended, with code {code:?}"),
        }
    }

    async fn came(&mut self) -> Came {
        let came = soon("an event", self.inbox.recv()).await;
        came.unwrap_or(Came::Closed(None))
    }

    /// The next event that `wanted` takes; those before it stay for later.
    ///
    /// # Panics
    /// When the connection ends, or nothing of the kind comes.
    pub async fn expect<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        for at in 0..self.kept.len() {
            if let Some(found) = wanted(&self.kept[at]) {
                self.kept.remove(at);
                return found;
            }
        }
        loop {
            let event = self.fresh_event().await;
            match wanted(&event) {
                Some(found) => return found,
                None => self.kept.push_back(event),
            }
        }
    }

    /// The next message that `wanted` takes.
    ///
    /// # Panics
    /// When none comes.
    pub async fn expect_message(&mut self, wanted: impl Fn(&Message) -> bool) -> Message {
        self.expect(|event| match event {
            Event::Message(message) if wanted(message) => Some(message.clone()),
            _ => None,
        })
        .await
    }

    /// The next message with this text.
    ///
    /// # Panics
    /// When none comes.
    pub async fn expect_text(&mut self, text: &str) -> Message {
        self.expect_message(|message| message.text == text).await
    }

    /// Says a text frame as it stands.
    ///
    /// # Panics
    /// When the connection has ended.
    pub async fn say(&mut self, text: impl Into<String>) {
        self.frame(Frame::text(text.into()))
            .await
            .expect("the socket takes a frame");
    }

    /// Puts any frame on the socket.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn frame(&mut self, frame: Frame) -> Result<(), tungstenite::Error> {
        soon("a frame is written", self.sink.send(frame)).await
    }

    /// Asks, and waits for the answer; what comes before it stays for later.
    ///
    /// # Panics
    /// When the answer does not come.
    pub async fn request(&mut self, action: Action) -> Event {
        self.request_as(&MessageId::generate(), action).await
    }

    /// Asks with an id of one's own, and waits for the answer.
    ///
    /// # Panics
    /// When the answer does not come.
    pub async fn request_as(&mut self, id: &MessageId, action: Action) -> Event {
        let request = Request::new(id.clone(), action);
        self.say(codec::encode_request(&request)).await;
        self.expect(|event| (event.answers() == Some(id)).then(|| event.clone()))
            .await
    }

    /// Asks for what is acked.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn ack(&mut self, action: Action) -> Ack {
        match self.request(action).await {
            Event::Ack(ack) => ack,
            other => panic!("instead of an ack came {other:?}"),
        }
    }

    /// Asks for what is refused.
    ///
    /// # Panics
    /// When it is not.
    pub async fn refusal(&mut self, action: Action) -> ErrorCode {
        match self.request(action).await {
            Event::Error(error) => error.code,
            other => panic!("instead of a refusal came {other:?}"),
        }
    }

    /// Sends a message and waits for its ack.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn send(&mut self, to: &str, text: &str) -> Ack {
        self.ack(publish(to, text)).await
    }

    /// Sends a message with an id of one's own.
    ///
    /// # Errors
    /// The refusal.
    pub async fn send_as(&mut self, id: &str, to: &str, text: &str) -> Result<Ack, ErrorFrame> {
        let id = MessageId::parse(id).expect("an id");
        match self.request_as(&id, publish(to, text)).await {
            Event::Ack(ack) => Ok(ack),
            Event::Error(error) => Err(error),
            other => panic!("instead of an ack came {other:?}"),
        }
    }

    /// Becomes a member of a public topic.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn subscribe(&mut self, to: &str) -> Ack {
        self.ack(Action::Subscribe(on(to))).await
    }

    /// Marks a conversation as read, up to and with a number.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn read(&mut self, of: &str, seq: u64) -> Ack {
        self.ack(Action::Mark(Mark::Read, up_to(of, seq))).await
    }

    /// A barrier: what was said before it was handled when it returns.
    ///
    /// # Panics
    /// When the pong does not come.
    pub async fn roundtrip(&mut self) {
        match self.request(Action::Ping).await {
            Event::Pong(_) => {}
            other => panic!("instead of a pong came {other:?}"),
        }
    }

    /// Everything that came until a barrier.
    ///
    /// # Panics
    /// When the pong does not come.
    pub async fn until_roundtrip(&mut self) -> Vec<Event> {
        self.roundtrip().await;
        self.kept.drain(..).collect()
    }

    /// The messages that came until a barrier.
    ///
    /// # Panics
    /// When the pong does not come.
    pub async fn messages_until_roundtrip(&mut self) -> Vec<Message> {
        let events = self.until_roundtrip().await;
        events
            .into_iter()
            .filter_map(|event| match event {
                Event::Message(message) => Some(message),
                _ => None,
            })
            .collect()
    }

    /// The one refusal of what was said last, and that the connection is there after it.
    ///
    /// # Panics
    /// When there is none or more than one.
    pub async fn refused_once(&mut self) -> ErrorFrame {
        let mut errors = Vec::new();
        for event in self.until_roundtrip().await {
            if let Event::Error(error) = event {
                errors.push(error);
            }
        }
        assert_eq!(errors.len(), 1, "exactly one error frame: {errors:?}");
        let error = errors.remove(0);
        assert!(!error.message.is_empty(), "a sentence says what is wrong");
        error
    }

    /// Waits until the server closes, whatever comes before it, and gives the code.
    ///
    /// # Panics
    /// When it does not close, or without a code.
    pub async fn close_code(&mut self) -> u16 {
        let code = self.ended().await;
        code.expect("the server says why it closes")
    }

    /// Waits until the connection has ended, with or without a word.
    ///
    /// # Panics
    /// When it stays.
    pub async fn ended(&mut self) -> Option<u16> {
        loop {
            match self.came().await {
                Came::Event(event) => self.kept.push_back(*event),
                Came::Closed(code) => return code,
            }
        }
    }

    /// Closes politely, and waits for the answer.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn close(mut self) {
        self.frame(Frame::Close(None)).await.expect("a close frame");
        self.ended().await;
    }

    /// Waits until nothing is left of the connection, after the close frame.
    ///
    /// # Panics
    /// When it stays.
    pub async fn gone(mut self) {
        soon("the connection is gone", &mut self.reader)
            .await
            .expect("the reader ends");
    }

    /// The next event of a connection that may end; `None` when it has.
    pub async fn next_or_end(&mut self) -> Option<Event> {
        if let Some(event) = self.kept.pop_front() {
            return Some(event);
        }
        match self.inbox.recv().await {
            Some(Came::Event(event)) => Some(*event),
            Some(Came::Closed(_)) | None => None,
        }
    }
}

impl Drop for TestClient {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Hands over what comes until the end, which is the close frame where there is one. Reading goes on behind it, so
/// that it is answered.
async fn read_all(mut stream: SplitStream<Stream>, inbox: mpsc::Sender<Came>) {
    while let Some(Ok(frame)) = stream.next().await {
        let came = match frame {
            Frame::Text(text) => match codec::decode_event(&text) {
                Ok(event) => Came::Event(Box::new(event)),
                Err(error) => panic!("the server said {text}: {error}"),
            },
            Frame::Close(close) => Came::Closed(close.map(|close| close.code.into())),
            _ => continue,
        };
        if inbox.send(came).await.is_err() {
            return;
        }
    }
    // Nobody is left to tell when the test has ended.
    let _ = inbox.send(Came::Closed(None)).await;
}

/// A text to a topic.
///
/// # Panics
/// When `to` is no topic.
#[must_use]
pub fn publish(to: &str, text: &str) -> Action {
    Action::Publish(Publish::text(topic(to), text))
}

/// An action's topic.
///
/// # Panics
/// When `text` is no topic.
#[must_use]
pub fn on(text: &str) -> OnTopic {
    OnTopic { topic: topic(text) }
}

/// Up to and with a number.
///
/// # Panics
/// When `of` is no topic.
#[must_use]
pub fn up_to(of: &str, seq: u64) -> MarkUpTo {
    MarkUpTo {
        topic: topic(of),
        seq: Seq(seq),
    }
}

/// A topic as a person writes it.
///
/// # Panics
/// When `text` is no topic.
#[must_use]
pub fn topic(text: &str) -> Topic {
    Topic::parse(text).expect("a topic")
}
