//! Nodes that are broken on purpose must be noticed by the judgement at the end of a run.

use chat_tests::mutants::noticed;

#[test]
fn mutants_are_noticed_by_the_judgement() {
    noticed(&[(
        "ack_before_commit",
        "cluster::c05_nothing_acked_is_lost_when_the_database_is_killed",
    )]);
}
