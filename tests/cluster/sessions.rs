//! Log-ins over several nodes: what one node gives out holds on all, and what one takes away is gone on all.

use std::time::Duration;

use chat_tests::person::PASSWORD;
use chat_tests::{Call, Cluster, Dial, Person, program};
use serde_json::json;
use tokio::process::Command;

use crate::world::started;

#[tokio::test]
async fn a03_a_token_of_one_node_holds_on_all_also_after_the_key_is_changed() {
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let [first, second] = [0, 1].map(|node| cluster.nodes[node].address);
    let before = Person::register(first, "ann").await;
    before.on(second).get("/v1/me").await.expect(200);
    let rotated = Command::new(program("chat-server"))
        .args(["token", "rotate", "--data"])
        .arg(&cluster.nodes[0].data)
        .output()
        .await
        .expect("the program runs");
    assert!(rotated.status.success(), "{rotated:?}");
    // By the new key of the first node, at the second at once.
    let after = before.another_device().await;
    assert_ne!(header(&after.token), header(&before.token), "another key");
    after.on(second).get("/v1/me").await.expect(200);
    after.on(second).connect().await.roundtrip().await;
    for node in [first, second] {
        before.on(node).get("/v1/me").await.expect(200);
    }
}

fn header(token: &str) -> &str {
    token.split('.').next().expect("a part of a token")
}

#[tokio::test]
async fn a02_a_refresh_token_is_used_on_any_node_and_rotates_everywhere() {
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let mut token = cluster.person("ann").await.refresh_token;
    for round in 0..6 {
        let refresh = Call::post("/v1/sessions/refresh", &json!({"refresh_token": token}));
        let entered = refresh
            .send(cluster.nodes[round % 2].address)
            .await
            .expect(201);
        token = entered["refresh_token"]
            .as_str()
            .expect("a token")
            .to_owned();
    }
}

#[tokio::test]
async fn a05_ending_a_session_on_one_node_closes_its_sockets_on_another() {
    let Some(cluster) = started(Cluster::setup(2).wires()).await else {
        return;
    };
    let ann = cluster.person("ann").await;
    for bus in ["up", "away"] {
        let other = ann.another_device().await;
        let mut socket = cluster.on(1, &other).connect().await;
        socket.roundtrip().await;
        if bus == "away" {
            cluster.bus_wire(0).cut();
        }
        let ended = cluster.on(0, &other).delete("/v1/sessions/current").await;
        assert!((200..300).contains(&ended.status), "{ended:?}");
        let closed = tokio::time::timeout(Duration::from_millis(1_500), socket.close_code());
        assert_eq!(
            closed.await.expect("within a second"),
            1008,
            "the bus is {bus}"
        );
        let refused = cluster.on(1, &other).get("/v1/me").await;
        refused.refused(401, "unauthorized");
    }
    cluster.on(1, &ann).connect().await.roundtrip().await;
}

#[tokio::test]
async fn a05_the_list_of_sessions_tells_who_is_connected_anywhere() {
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let ann = cluster.person("ann").await;
    let _socket = cluster.on(1, &ann).connect().await;
    chat_tests::eventually(
        "the session is connected, seen from elsewhere",
        async || {
            let list = cluster.on(0, &ann).get("/v1/sessions").await.expect(200);
            list[0]["connected"].as_bool()?.then_some(())
        },
    )
    .await;
}

#[tokio::test]
async fn a08_a_ticket_of_one_node_opens_one_socket_on_another() {
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    let ann = cluster.person("ann").await;
    let ticket = cluster
        .on(0, &ann)
        .post("/v1/ticket", &json!({}))
        .await
        .expect(201);
    let query = format!("ticket={}", ticket["ticket"].as_str().expect("a ticket"));
    let dial = |node: usize| Dial::new(cluster.nodes[node].address).query(&query);
    dial(1).connect().await.roundtrip().await;
    for node in 0..2 {
        assert_eq!(dial(node).open().await.err(), Some(401), "it is used");
    }
}

#[tokio::test]
async fn a04_a_name_is_taken_on_all_nodes_at_once() {
    let Some(cluster) = started(Cluster::setup(2)).await else {
        return;
    };
    for n in 0..5 {
        let account = json!({"name": format!("ann{n}"), "password": PASSWORD, "device": "x"});
        let ask =
            |node: usize| Call::post("/v1/accounts", &account).send(cluster.nodes[node].address);
        let (one, other) = tokio::join!(ask(0), ask(1));
        let mut both = [one.status, other.status];
        both.sort_unstable();
        assert_eq!(both, [201, 409]);
    }
}
