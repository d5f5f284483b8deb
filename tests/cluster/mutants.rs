//! Nodes that are broken on purpose must be noticed by the promises of this list.

use chat_tests::mutants::noticed;

#[test]
fn mutants_are_noticed_by_the_promises() {
    noticed(&[
        (
            "skip_dedup",
            "messages::d07_a_repeat_on_another_node_is_the_same_message",
        ),
        (
            "skip_what_was_lost",
            "bus::c03_a_lost_notice_is_found_and_a_doubled_one_is_shown_once",
        ),
        (
            "notices_stay_here",
            "bus::c03_a_bus_that_comes_back_is_found_by_itself",
        ),
        (
            "who_left_is_listened_for",
            "bus::c02_a_node_listens_for_those_who_are_connected_to_it",
        ),
        (
            "crowds_wait_for_a_bus_that_is_away",
            "crowds::c05_a_crowd_does_not_wait_while_the_bus_is_away",
        ),
        (
            "marks_are_said_once",
            "messages::u02_a_mark_of_while_a_node_was_cut_off_is_told_when_it_is_back",
        ),
        (
            "clusters_mix",
            "options::c01_two_clusters_on_one_bus_keep_apart",
        ),
        (
            "answers_are_not_heard",
            "sessions::a05_the_list_of_sessions_tells_who_is_connected_anywhere",
        ),
        (
            "mark_is_not_told",
            "messages::c01_marks_and_typing_cross_nodes",
        ),
    ]);
}
