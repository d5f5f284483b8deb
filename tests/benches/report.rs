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
    nodes: Vec<f64>,
    to_reach: Vec<String>,
}

impl Report {
    /// Notes a figure of a round.
    pub(crate) fn note(&mut self, name: &str, kind: Kind, value: f64) {
        let row = self.row(name);
        match kind {
            Kind::Relay => row.relay.push(value),
            Kind::Server => row.server.push(value),
            Kind::Nodes => row.nodes.push(value),
        }
    }

    /// Notes what a figure is to reach.
    pub(crate) fn goal(&mut self, name: &str, goal: impl Into<String>) {
        let (row, goal) = (self.row(name), goal.into());
        if !row.to_reach.contains(&goal) {
            row.to_reach.push(goal);
        }
    }

    fn row(&mut self, name: &str) -> &mut Row {
        let at = self.rows.iter().position(|row| row.name == name);
        let at = at.unwrap_or_else(|| {
            self.rows.push(Row {
                name: name.to_owned(),
                relay: Vec::new(),
                server: Vec::new(),
                nodes: Vec::new(),
                to_reach: Vec::new(),
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

fn times(above: Option<f64>, below: Option<f64>) -> Option<f64> {
    Some(above? / below?)
}

/// How far the rounds lie apart, as a share of their median.
fn spread(values: &[f64]) -> Option<f64> {
    let lowest = values.iter().copied().reduce(f64::min)?;
    let highest = values.iter().copied().reduce(f64::max)?;
    (values.len() > 1).then_some((highest - lowest) / median(values)?.abs())
}

impl Row {
    fn figures(&self) -> [Option<f64>; 5] {
        let medians = [&self.relay, &self.server, &self.nodes].map(|values| median(values));
        let [relay, server, nodes] = medians;
        [
            relay,
            server,
            times(server, relay),
            nodes,
            times(nodes, server),
        ]
    }

    /// That of the column where it is largest.
    fn spread(&self) -> String {
        let all = [&self.relay, &self.server, &self.nodes];
        let all = all.into_iter().filter_map(|values| spread(values));
        all.reduce(f64::max).map_or_else(
            || "-".to_owned(),
            |spread| format!("{:.0}%", spread * 100.0),
        )
    }
}

/// The columns: figures, the ratio of each to the one before it, how far the rounds lie apart.
fn line(name: &str, figures: &[String; 5], spread: &str, to_reach: &str) -> String {
    let [relay, server, ratio, nodes, to_server] = figures;
    format!(
        "{name:<62}{relay:>10}{server:>10}{ratio:>8}{nodes:>10}{to_server:>8}{spread:>8}  {to_reach}"
    )
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["relay", "server", "/relay", "nodes", "/server"].map(str::to_owned);
        writeln!(f, "{}", line("medians", &heads, "spread", "to reach"))?;
        for row in &self.rows {
            let (figures, to_reach) = (row.figures().map(shown), row.to_reach.join("; "));
            writeln!(f, "{}", line(&row.name, &figures, &row.spread(), &to_reach))?;
        }
        Ok(())
    }
}
