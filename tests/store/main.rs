//! One list of promises, held against every engine of the store; and what only one of them promises, or several nodes.

#![expect(
    clippy::unwrap_used,
    reason = "a promise that fails may panic where it stands"
)]

mod accounts;
mod away;
mod durability;
mod feed;
mod groups;
mod lists;
mod look;
mod messages;
mod nodes;
mod opening;
mod ranks;
mod restored;
mod secure;
mod told;
mod unread;
mod world;

/// Runs each promise against each engine, in a world of its own.
macro_rules! promises {
    ($($room:ident::$promise:ident,)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $promise() {
                crate::$room::$promise(&crate::world::World::memory()).await;
            })*
        }

        mod sqlite {
            $(#[tokio::test]
            async fn $promise() {
                crate::$room::$promise(&crate::world::World::sqlite()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $promise() {
                let test = concat!("store postgres::", stringify!($promise));
                if let Some(world) = crate::world::World::postgres(test).await {
                    crate::$room::$promise(&world).await;
                }
            })*
        }
    };
}

promises! {
    accounts::a02_an_account_is_found_by_its_handle,
    accounts::a02_a_name_is_given_once,
    accounts::a02_refresh_tokens_rotate_and_theft_ends_the_session,
    accounts::a03_keys_rotate_and_the_newest_of_the_old_stays,
    accounts::a03_a_key_signs_whose_maker_has_a_clock_that_is_behind,
    accounts::a04_an_invite_is_used_up_exactly_once,
    accounts::a04_an_invite_ends_and_a_refusal_leaves_nothing,
    accounts::a04_newcomers_join_the_lobby_and_the_groups_of_their_invite,
    accounts::a05_a_user_has_several_sessions_and_ends_them_one_by_one,
    accounts::a05_sessions_that_ended_are_told_from_those_that_hold,
    accounts::a08_a_ticket_is_taken_once_and_before_its_end,
    accounts::a08_the_newest_tickets_of_a_session_stay,
    accounts::s02_tickets_are_bounded_in_all_until_they_end,
    accounts::p02_people_are_found_by_what_their_names_hold,
    accounts::r03_a_status_and_the_last_seen_are_kept,
    feed::d07_a_message_is_told_to_its_members_before_its_sender_is_answered,
    feed::d10_the_feed_holds_every_change_in_the_order_told,
    groups::t02_a_free_name_becomes_a_public_topic,
    groups::t02_at_most_twenty_topics_go_without_messages,
    groups::t03_nobody_subscribes_to_another_users_topic,
    groups::t03_a_private_group_is_nothing_to_those_outside,
    groups::t04_a_group_comes_with_its_first_message,
    groups::t04_a_group_without_a_name_gets_a_free_one,
    groups::t04_members_add_and_the_owner_removes,
    groups::t08_the_oldest_inherits_a_group,
    groups::t08_a_name_that_held_a_message_is_never_given_again,
    groups::t08_a_topic_made_again_continues_its_numbers,
    groups::t10_who_is_added_again_starts_at_the_last_joining,
    groups::d10_who_left_is_told_up_to_the_leaving,
    look::c05_a_look_tells_how_far_conversations_go_and_whom_that_concerns,
    lists::p01_conversations_are_ranked_by_last_chat_and_not_by_time,
    lists::p01_pages_go_on_before_a_time,
    ranks::p01_pages_lose_nothing_however_the_clock_steps,
    ranks::p01_times_ascend_in_a_conversation_and_over_all,
    lists::r01_acquaintances_share_a_conversation,
    lists::u02_marks_only_grow_and_never_pass_the_last_message,
    lists::d15_delivered_marks_are_written_together_and_only_grow,
    lists::u01_joining_and_being_named_count_as_the_contract_says,
    messages::d06_an_answer_tells_id_number_and_time,
    messages::d07_a_repeat_is_answered_with_the_same_numbers,
    messages::d07_the_same_id_with_another_content_is_a_conflict,
    messages::d07_a_repeat_needs_no_permit_and_no_membership,
    messages::d07_repeats_in_flight_at_once_store_one_message,
    messages::d08_numbers_are_dense_under_concurrent_senders,
    messages::d18_a_body_comes_back_as_it_went_in,
    messages::d18_a_reply_to_what_is_not_there_is_not_found,
    messages::t06_two_who_send_first_at_once_have_one_conversation,
    messages::t07_a_removed_member_gets_nothing_in,
    messages::t09_an_address_is_where_to_answer,
    messages::t10_pages_go_in_every_direction,
    messages::a07_a_new_display_name_shows_on_old_messages,
    messages::s01_without_a_permit_nothing_is_stored,
}

/// Every fault that this list claims to notice, it does: each is switched on by its name in a process of its own.
#[cfg(feature = "mutants")]
#[test]
fn mutants_are_noticed_by_the_promises() {
    let table = [
        (
            "rev_gap",
            "sqlite::d08_numbers_are_dense_under_concurrent_senders",
        ),
        (
            "nobody_looks_around",
            "restored::c04_a_store_that_is_open_notices_that_its_database_failed_over",
        ),
        (
            "skip_dedup",
            "sqlite::d07_a_repeat_is_answered_with_the_same_numbers",
        ),
        (
            "skip_dedup",
            "memory::d07_a_repeat_is_answered_with_the_same_numbers",
        ),
        (
            "skip_membership_check",
            "sqlite::t07_a_removed_member_gets_nothing_in",
        ),
        (
            "skip_membership_check",
            "memory::t07_a_removed_member_gets_nothing_in",
        ),
        (
            "rev_gap",
            "postgres::d08_numbers_are_dense_under_concurrent_senders",
        ),
        (
            "skip_dedup",
            "postgres::d07_a_repeat_is_answered_with_the_same_numbers",
        ),
        (
            "skip_membership_check",
            "postgres::t07_a_removed_member_gets_nothing_in",
        ),
        (
            "skip_membership_check",
            "nodes::t07_who_was_removed_on_one_node_gets_nothing_in_on_the_other",
        ),
        (
            "ack_before_commit",
            "told::d05_nothing_is_told_before_the_commit_and_nothing_answered_before_it_is_told",
        ),
        (
            "notice_before_commit",
            "told::d05_nothing_is_told_before_the_commit_and_nothing_answered_before_it_is_told",
        ),
        (
            "unread_counts_ones_own",
            "sqlite::u01_joining_and_being_named_count_as_the_contract_says",
        ),
        (
            "ack_before_commit",
            "durability::d05_nothing_is_told_before_the_commit_and_nothing_answered_before_it_is_told",
        ),
        (
            "notice_before_commit",
            "durability::d05_nothing_is_told_before_the_commit_and_nothing_answered_before_it_is_told",
        ),
    ];
    chat_tests::mutants::noticed(&table);
}
