//! Figures, their floors, and the table of them.

use serde_json::{Value, json};
use std::{fmt, fs::OpenOptions, io::Write, path::Path};

/// One figure in rounds, each beside its floor of the same round.
pub(crate) struct Figure {
    pub(crate) bench: &'static str,
    pub(crate) metric: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) ours: Vec<f64>,
    /// Empty where the goal is absolute.
    pub(crate) floor: Vec<f64>,
    pub(crate) goal: Goal,
}

/// What has to be reached.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// At most so many times the floor.
    Ratio(f64),
    /// At most so much, in the figure's unit.
    AtMost(f64),
}

impl Figure {
    /// What the goal is about: the ratios of the rounds, or the figures themselves.
    fn judged(&self) -> Vec<f64> {
        match self.goal {
            Goal::Ratio(_) => self.ratios(),
            Goal::AtMost(_) => self.ours.clone(),
        }
    }

    fn ratios(&self) -> Vec<f64> {
        let rounds = self.ours.iter().zip(&self.floor);
        rounds.map(|(ours, floor)| ours / floor).collect()
    }

    /// As it is kept: without a ratio where there is no floor.
    fn line(&self) -> Value {
        let has_floor = !self.floor.is_empty();
        let (Goal::Ratio(goal) | Goal::AtMost(goal)) = self.goal;
        json!({
            "bench": self.bench,
            "metric": self.metric,
            "ours": median(&self.ours),
            "floor": has_floor.then(|| median(&self.floor)),
            "unit": self.unit,
            "ratio": has_floor.then(|| median(&self.ratios())),
            "runs": self.ours.len(),
            "goal": goal,
        })
    }

    fn is_missed(&self) -> bool {
        let (Goal::Ratio(goal) | Goal::AtMost(goal)) = self.goal;
        lowest(&self.judged()) > goal
    }
}

/// All figures of a run.
#[derive(Default)]
pub(crate) struct Report(Vec<Figure>);

impl Report {
    pub(crate) fn add(&mut self, figure: Figure) {
        self.0.push(figure);
    }

    /// Those whose lower end is above their goal.
    pub(crate) fn missed(&self) -> Vec<String> {
        self.0
            .iter()
            .filter(|f| f.is_missed())
            .map(|f| format!("{} {}", f.bench, f.metric))
            .collect()
    }

    /// Appends one JSON object a figure.
    pub(crate) fn append_to(&self, file: &Path) -> anyhow::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(file)?;
        for figure in &self.0 {
            writeln!(file, "{}", figure.line())?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12} {:<12} {:>12} {:>12} {:>5}  {:<22} {:>8}",
            "bench", "metric", "floor", "jockey", "unit", "ratio median [min-max]", "goal"
        )?;
        for figure in &self.0 {
            let floor = if figure.floor.is_empty() {
                "-".to_owned()
            } else {
                format!("{:.2}", median(&figure.floor))
            };
            let judged = figure.judged();
            let (ratio, goal) = match figure.goal {
                Goal::Ratio(goal) => (
                    format!(
                        "{:.2} [{:.2}-{:.2}]",
                        median(&judged),
                        lowest(&judged),
                        highest(&judged)
                    ),
                    format!("<= {goal}x"),
                ),
                Goal::AtMost(goal) => (
                    format!("[{:.2}-{:.2}]", lowest(&judged), highest(&judged)),
                    format!("<= {goal}"),
                ),
            };
            let verdict = if figure.is_missed() { "MISSED" } else { "ok" };
            let (bench, metric, unit) = (figure.bench, figure.metric, figure.unit);
            let ours = median(&figure.ours);
            writeln!(
                f,
                "{bench:<12} {metric:<12} {floor:>12} {ours:>12.2} {unit:>5}  {ratio:<22} {goal:>8} {verdict}"
            )?;
        }
        Ok(())
    }
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this part of them lies.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = part * (sorted.len().saturating_sub(1)) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    match (sorted.get(low), sorted.get(high)) {
        (Some(a), Some(b)) => a + (b - a) * (at - low as f64),
        _ => f64::NAN,
    }
}

fn lowest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn highest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}
