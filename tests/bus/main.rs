//! One list of promises, held against every bus; and what only those between nodes promise.
//!
//! They are few: a bus may lose, double and reorder. In calm weather it still delivers, and after a storm it does again.

#![expect(
    clippy::unwrap_used,
    reason = "a promise that fails may panic where it stands"
)]

mod crowds;
mod nodes;
mod outside;
mod tls;
mod world;

/// Runs each promise over each bus, between nodes of its own.
macro_rules! promises {
    ($($room:ident::$promise:ident,)*) => {
        mod nats {
            $(#[tokio::test]
            async fn $promise() {
                if let Some(mut world) = crate::world::World::nats(stringify!($promise)).await {
                    crate::$room::$promise(&mut world).await;
                }
            })*
        }

        mod redis {
            $(#[tokio::test]
            async fn $promise() {
                if let Some(mut world) = crate::world::World::redis(stringify!($promise)).await {
                    crate::$room::$promise(&mut world).await;
                }
            })*
        }
    };
}

promises! {
    nodes::c01_a_notice_reaches_its_user_on_every_node,
    nodes::c01_a_change_of_any_size_arrives_as_it_was,
    nodes::c01_two_clusters_on_one_bus_do_not_mix,
    crowds::c01_a_long_message_to_very_many_arrives_and_one_too_long_is_told_by_its_number,
    crowds::c02_what_concerns_a_crowd_is_heard_where_anybody_is,
    crowds::c03_a_crowd_is_told_in_order_whichever_node_wrote,
    nodes::c02_a_node_listens_for_those_who_are_there_and_no_longer,
    nodes::c03_what_is_published_while_the_bus_is_away_is_dropped_at_once,
    nodes::c03_a_bus_that_comes_back_is_heard_again_without_anybodys_help,
    nodes::c03_a_bus_that_is_away_at_the_start_is_found_later,
    nodes::a05_the_end_of_a_session_reaches_its_connections_and_no_others,
    nodes::a05_the_other_nodes_say_who_is_connected_there,
    nodes::r01_arrivals_and_departures_are_known_on_every_node,
    nodes::c04_a_farewell_is_heard,
    outside::c01_a_bus_without_the_right_password_is_refused_with_a_sentence,
}

#[tokio::test]
async fn a_server_that_is_alone_tells_its_own_connections() {
    nodes::alone().await;
}

#[tokio::test]
async fn c01_a_bus_with_tls_is_trusted_by_the_authority_that_is_named() {
    tls::by_the_named_authority().await;
}

#[tokio::test]
async fn c07_a_node_that_hears_and_is_not_heard_connects_anew() {
    outside::talkers_that_are_cut().await;
}

#[tokio::test]
async fn c01_a_bus_takes_a_token_and_names_a_file_that_is_missing() {
    outside::tokens_and_files().await;
}

#[test]
fn c01_a_url_that_is_none_is_refused_without_repeating_it() {
    outside::urls_that_are_none();
}

/// Every fault that this list claims to notice, it does: each is switched on by its name in a process of its own.
#[cfg(feature = "mutants")]
#[test]
fn mutants_are_noticed_by_the_promises() {
    let table = [
        (
            "notices_stay_here",
            "nats::c01_a_notice_reaches_its_user_on_every_node",
        ),
        (
            "notices_stay_here",
            "redis::c01_a_notice_reaches_its_user_on_every_node",
        ),
        (
            "clusters_mix",
            "nats::c01_two_clusters_on_one_bus_do_not_mix",
        ),
        (
            "clusters_mix",
            "redis::c01_two_clusters_on_one_bus_do_not_mix",
        ),
        (
            "who_left_is_listened_for",
            "nats::c02_a_node_listens_for_those_who_are_there_and_no_longer",
        ),
        (
            "answers_are_not_heard",
            "nats::a05_the_other_nodes_say_who_is_connected_there",
        ),
        (
            "nobody_asks_for_the_roll",
            "nats::r01_arrivals_and_departures_are_known_on_every_node",
        ),
        ("farewell_is_forgotten", "nats::c04_a_farewell_is_heard"),
        (
            "crowds_keep_no_order",
            "nats::c03_a_crowd_is_told_in_order_whichever_node_wrote",
        ),
    ];
    chat_tests::mutants::noticed(&table);
}
