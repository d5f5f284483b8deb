//! A room of nodes in virtual time, with a wire between them.

use super::*;

/// Nodes, what each has told its connections, and what is on the wire.
pub(super) struct Room {
    pub(super) ms: u64,
    pub(super) nodes: Vec<Nodes>,
    pub(super) turns: Vec<Vec<Turn>>,
    pub(super) others: Vec<Output>,
    pub(super) wire: Vec<(NodeId, Word)>,
}

impl Room {
    pub(super) fn of(count: u64) -> Self {
        let mut room = Self {
            ms: 1_000,
            nodes: (1..=count)
                .map(|id| Nodes::new(NodeId(id), GRACE_MS))
                .collect(),
            turns: vec![Vec::new(); usize::try_from(count).expect("few")],
            others: Vec::new(),
            wire: Vec::new(),
        };
        for node in 0..room.nodes.len() {
            room.nodes[node].handle_bus(true, at(room.ms));
        }
        room.settle();
        room.turns.iter_mut().for_each(Vec::clear);
        room
    }

    pub(super) fn take_outputs(&mut self) {
        for (node, turns) in self.nodes.iter_mut().zip(&mut self.turns) {
            while let Some(output) = node.poll_output() {
                match output {
                    Output::Say(word) => self.wire.push((node.own(), word)),
                    Output::Turn(turn) => turns.push(turn),
                    other => self.others.push(other),
                }
            }
        }
    }

    /// Everything on the wire arrives, in order, until nothing more is said at this moment.
    pub(super) fn carry(&mut self) {
        self.take_outputs();
        while !self.wire.is_empty() {
            for (from, word) in std::mem::take(&mut self.wire) {
                for node in &mut self.nodes {
                    node.handle_word(from, word.clone(), at(self.ms));
                }
            }
            self.take_outputs();
        }
    }

    /// Time passes, and nothing is lost.
    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.ms + ms;
        while self.ms < end {
            self.ms = (self.ms + 100).min(end);
            for node in &mut self.nodes {
                node.handle_timeout(at(self.ms));
            }
            self.carry();
        }
    }

    pub(super) fn settle(&mut self) {
        self.carry();
        self.pass(3 * NODE_BEAT_MS);
    }

    pub(super) fn arrive(&mut self, node: usize, user: UserId) {
        self.nodes[node].handle_arrival(user, &name(user), at(self.ms));
    }

    pub(super) fn set_status(&mut self, node: usize, user: UserId) {
        self.nodes[node].handle_status(user, name(user), at(self.ms));
    }

    pub(super) fn depart(&mut self, node: usize, user: UserId) {
        self.nodes[node].handle_departure(user, at(self.ms));
    }

    /// A node dies without a word.
    pub(super) fn kill(&mut self, node: usize) {
        self.take_outputs();
        self.nodes.remove(node);
        self.turns.remove(node);
    }

    pub(super) fn told(&mut self, node: usize) -> Vec<Turn> {
        self.take_outputs();
        std::mem::take(&mut self.turns[node])
    }
}
