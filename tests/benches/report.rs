//! The figures of all rounds, and their medians as a table.

use std::fmt;

use crate::target::Kind;

/// Figures by name, in the order in which they were first noted.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

struct Row {
    name: String,
    relay: Vec<f64>,
    server: Vec<f64>,
    to_reach: String,
}

impl Report {
    /// Notes a figure of a round.
    pub(crate) fn note(&mut self, name: &str, kind: Kind, value: f64) {
        let row = self.row(name);
        match kind {
            Kind::Relay => row.relay.push(value),
            Kind::Server => row.server.push(value),
        }
    }

    /// Notes what a figure of the server is to reach.
    pub(crate) fn goal(&mut self, name: &str, goal: String) {
        self.row(name).to_reach = goal;
    }

    fn row(&mut self, name: &str) -> &mut Row {
        let at = self.rows.iter().position(|row| row.name == name);
        let at = at.unwrap_or_else(|| {
            self.rows.push(Row {
                name: name.to_owned(),
                relay: Vec::new(),
                server: Vec::new(),
                to_reach: String::new(),
            });
            self.rows.len() - 1
        });
        &mut self.rows[at]
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

fn shown(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value.abs() >= 1_000.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.2}"),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, relay, server) = ("medians", "relay", "server");
        writeln!(
            f,
            "{name:<54}{relay:>10}{server:>10}{:>8}  to reach",
            "ratio"
        )?;
        for row in &self.rows {
            let (relay, server) = (median(&row.relay), median(&row.server));
            let ratio = relay.zip(server).map(|(relay, server)| server / relay);
            let (name, to_reach) = (&row.name, &row.to_reach);
            let (relay, server, ratio) = (shown(relay), shown(server), shown(ratio));
            writeln!(f, "{name:<54}{relay:>10}{server:>10}{ratio:>8}  {to_reach}")?;
        }
        Ok(())
    }
}
