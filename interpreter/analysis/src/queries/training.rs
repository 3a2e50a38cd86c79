//! Series over training steps, as they were logged.

use crate::results::{Panel, Series, TrainingCurves};

/// What one training logged.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingLog {
    pub training: String,
    /// Step, metric, value; metrics are drawn in the order in which they first appear.
    pub values: Vec<(u64, String, f64)>,
}

/// Panels of the named trainings, or of all where none is named. Values that are not finite leave gaps.
pub(super) fn answer(logs: &[TrainingLog], trainings: &[String]) -> TrainingCurves {
    let mut panels: Vec<Panel> = Vec::new();
    for log in logs
        .iter()
        .filter(|log| trainings.is_empty() || trainings.contains(&log.training))
    {
        for (step, metric, value) in log.values.iter().filter(|(_, _, value)| value.is_finite()) {
            let place = panels
                .iter()
                .position(|panel| panel.metric == *metric)
                .unwrap_or_else(|| {
                    panels.push(Panel {
                        metric: metric.clone(),
                        series: Vec::new(),
                    });
                    panels.len() - 1
                });
            let series = &mut panels[place].series;
            if series.last().is_none_or(|last| last.training != log.training) {
                series.push(Series {
                    training: log.training.clone(),
                    points: Vec::new(),
                });
            }
            if let Some(series) = series.last_mut() {
                series.points.push((*step, *value));
            }
        }
    }
    for series in panels.iter_mut().flat_map(|panel| &mut panel.series) {
        series.points.sort_by_key(|(step, _)| *step);
    }
    TrainingCurves { panels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_is_a_panel_with_a_series_a_training() {
        let log = |training: &str| TrainingLog {
            training: training.into(),
            values: vec![
                (2, "reward".into(), 0.2),
                (1, "reward".into(), 0.1),
                (1, "kl".into(), f64::NAN),
                (2, "kl".into(), 0.01),
            ],
        };
        let curves = answer(
            &[log("rl"), log("other"), log("unasked")],
            &["rl".into(), "other".into()],
        );
        assert_eq!(curves.panels.len(), 2);
        assert_eq!(curves.panels[0].series[1].training, "other");
        assert_eq!(curves.panels[0].series[0].points, [(1, 0.1), (2, 0.2)]);
        assert_eq!(curves.panels[1].series[0].points, [(2, 0.01)]);
    }
}
