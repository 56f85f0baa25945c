//! How the figures of benches are judged and kept.

#[path = "../../benches/bench/figures.rs"]
mod figures;

use figures::{Figure, Goal, Report};

/// A report of one figure: 30, 10 and 20 ms beside this floor.
fn report(floor: &[f64], goal: Goal) -> Report {
    let mut report = Report::default();
    report.add(Figure {
        bench: "start",
        metric: "serving",
        unit: "ms",
        ours: vec![30.0, 10.0, 20.0],
        floor: floor.to_vec(),
        goal,
    });
    report
}

#[test]
fn a_figure_is_kept_as_one_line_with_the_ratio_where_there_is_a_floor() -> anyhow::Result<()> {
    let floor = [10.0, 5.0, 5.0];
    let file = tempfile::NamedTempFile::new()?;
    for (floor, goal) in [
        (&floor[..], Goal::Ratio(1.5)),
        (&floor[..], Goal::AtMost(200.0)),
        (&[], Goal::AtMost(200.0)),
    ] {
        report(floor, goal).append_to(file.path())?;
    }
    let kept = std::fs::read_to_string(file.path())?;
    let kept: Vec<serde_json::Value> = kept
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let want = |floor: Option<f64>, ratio: Option<f64>, goal: f64| {
        serde_json::json!({
            "bench": "start", "metric": "serving", "unit": "ms", "ours": 20.0, "runs": 3,
            "floor": floor, "ratio": ratio, "goal": goal,
        })
    };
    assert_eq!(
        kept,
        [
            want(Some(5.0), Some(3.0), 1.5),
            want(Some(5.0), Some(3.0), 200.0),
            want(None, None, 200.0)
        ]
    );
    Ok(())
}

#[test]
fn a_goal_is_missed_when_even_the_best_round_is_above_it() {
    for (goal, want) in [
        (Goal::AtMost(10.0), &[][..]),
        (Goal::AtMost(9.0), &["start serving"]),
        (Goal::Ratio(2.0), &[]),
        (Goal::Ratio(1.9), &["start serving"]),
    ] {
        assert_eq!(report(&[10.0, 5.0, 5.0], goal).missed(), want);
    }
}
