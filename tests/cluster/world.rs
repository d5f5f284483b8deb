//! What the tests of several nodes share: how they start one, and how they see where something comes from.

use chat_proto::{Event, Message};
use chat_tests::cluster::Setup;
use chat_tests::{Call, Cluster, Person, TestClient, eventually, skip};
use serde_json::Value;

/// Starts a cluster, or says aloud why there is none.
pub(crate) async fn started(setup: Setup) -> Option<Cluster> {
    let cluster = setup.start().await;
    if cluster.is_none() {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test of several nodes");
        skip(test, "PostgreSQL, NATS or Redis is missing");
    }
    cluster
}

/// Connects each person to the node beside them. Each has said something, from when on live frames come at once.
pub(crate) async fn sockets<const N: usize>(
    cluster: &Cluster,
    places: [(&Person, usize); N],
) -> [TestClient; N] {
    let mut sockets = Vec::with_capacity(N);
    for (person, node) in places {
        let mut socket = cluster.on(node, person).connect().await;
        socket.roundtrip().await;
        sockets.push(socket);
    }
    sockets.try_into().expect("as many as there are places")
}

/// Six people who share the group `ops`, which the first of them made.
pub(crate) async fn six_in_a_group(cluster: &Cluster) -> [Person; 6] {
    let people = cluster
        .people(["ann", "ben", "cat", "dan", "eve", "fay"])
        .await;
    let [ann, others @ ..] = &people;
    ann.make_group("ops", &others.iter().collect::<Vec<_>>())
        .await;
    people
}

/// The messages that come up to and with the one with this text, in the order in which they came.
pub(crate) async fn messages_up_to(socket: &mut TestClient, text: &str) -> Vec<Message> {
    let mut all = Vec::new();
    loop {
        if let Event::Message(message) = socket.next_event().await {
            let last = message.text == text;
            all.push(message);
            if last {
                return all;
            }
        }
    }
}

/// The texts of messages.
pub(crate) fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|one| one.text.as_str()).collect()
}

/// What a node says of being ready: the status, and the state of each dependency.
pub(crate) async fn ready(cluster: &Cluster, node: usize) -> (u16, Value) {
    let answer = Call::get("/readyz").send(cluster.nodes[node].address).await;
    let status = answer.status;
    (status, answer.expect(status)["dependencies"].clone())
}

/// Waits until a node says so of a dependency, and gives the status that goes with it.
pub(crate) async fn until_ready(
    cluster: &Cluster,
    node: usize,
    dependency: &str,
    state: &str,
) -> u16 {
    eventually(&format!("{dependency} is {state}"), async || {
        let (status, dependencies) = ready(cluster, node).await;
        (dependencies[dependency] == state).then_some(status)
    })
    .await
}
