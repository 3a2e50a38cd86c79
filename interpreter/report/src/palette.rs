//! One colour a model, the same in every figure of a study.
//!
//! Models that existed before the study are neutral (dark first), the checkpoints of one training are a ramp of one hue from
//! faint (early) to strong (last), distilled models take hues of their own. Hues follow Okabe and Ito's palette, darkened
//! where thin lines on white would be too faint; each has second tones for dark pages. Shape and dash follow the family, so
//! that colour is never the only sign.

use rlx_analysis::Results;

use crate::data::{ModelRole, ReportData, ReportModel};

/// A colour on light and on dark ground, `#rrggbb`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tone {
    pub(crate) light: String,
    pub(crate) dark: String,
}

/// The sign at a line's points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Circle,
    Square,
    Diamond,
    Triangle,
}

impl Marker {
    /// Another sign for each of four turns.
    fn turned(self, by: usize) -> Marker {
        let all = [Marker::Circle, Marker::Square, Marker::Diamond, Marker::Triangle];
        let at = all.iter().position(|marker| *marker == self).unwrap_or(0);
        all[(at + by) % all.len()]
    }
}

/// How a model is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) tone: Tone,
    pub(crate) marker: Marker,
    /// SVG's `stroke-dasharray`; empty: solid.
    pub(crate) dash: &'static str,
    /// Number of the style in the study: the class names `s3`, `f3`.
    pub(crate) index: usize,
}

/// All styles of a study by model label or training name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Palette {
    styles: Vec<(String, Style)>,
}

const NEUTRALS: [([u8; 3], [u8; 3], &str); 4] = [
    ([0x24, 0x29, 0x2f], [0xe6, 0xe9, 0xed], ""),
    ([0x7b, 0x84, 0x8f], [0x97, 0xa1, 0xad], "6 3"),
    ([0x5a, 0x4a, 0x3f], [0xc9, 0xb5, 0xa5], "2 3"),
    ([0xa3, 0x9a, 0x8c], [0x8a, 0x80, 0x70], "8 3 2 3"),
];
/// A hue on light and on dark ground, each from the tone of an early checkpoint to that of the last one. Every tone stands out
/// from its ground by 3:1 or more.
struct Hue {
    light: [[u8; 3]; 2],
    dark: [[u8; 3]; 2],
}

const TRAINED: [Hue; 4] = [
    // blue
    Hue {
        light: [[0x4f, 0x9c, 0xd8], [0x00, 0x4f, 0x98]],
        dark: [[0x3c, 0x7f, 0xba], [0x8e, 0xcd, 0xff]],
    },
    // reddish purple
    Hue {
        light: [[0xd0, 0x7f, 0xb0], [0x80, 0x2d, 0x64]],
        dark: [[0x9c, 0x58, 0x82], [0xf0, 0xae, 0xd3]],
    },
    // olive
    Hue {
        light: [[0xa8, 0x92, 0x1a], [0x5f, 0x51, 0x00]],
        dark: [[0x8c, 0x7b, 0x1e], [0xea, 0xd9, 0x62]],
    },
    // teal
    Hue {
        light: [[0x3f, 0xa3, 0xa8], [0x00, 0x5a, 0x60]],
        dark: [[0x2f, 0x80, 0x85], [0x86, 0xdd, 0xe2]],
    },
];
const DISTILLED: [Hue; 4] = [
    // vermillion
    Hue {
        light: [[0xe5, 0x82, 0x3a], [0xc9, 0x52, 0x00]],
        dark: [[0xb5, 0x62, 0x26], [0xff, 0x9b, 0x55]],
    },
    // bluish green
    Hue {
        light: [[0x2f, 0xa3, 0x7c], [0x00, 0x6a, 0x4c]],
        dark: [[0x23, 0x80, 0x62], [0x5f, 0xd8, 0xb0]],
    },
    // amber
    Hue {
        light: [[0xc0, 0x8a, 0x1c], [0x8a, 0x5c, 0x00]],
        dark: [[0x98, 0x6d, 0x18], [0xf0, 0xbd, 0x55]],
    },
    // brown
    Hue {
        light: [[0xb4, 0x75, 0x5c], [0x77, 0x35, 0x1c]],
        dark: [[0x93, 0x60, 0x4c], [0xe8, 0xa8, 0x8e]],
    },
];

impl Palette {
    /// Colours from the models table; a label that only the results know is added behind it.
    pub(crate) fn new(data: &ReportData) -> Palette {
        let mut models: Vec<ReportModel> = data.models.clone();
        for output in &data.outputs {
            for label in crate::tables::labels(&output.results) {
                if !models.iter().any(|model| model.label == label) {
                    let role = guess(&label);
                    models.push(ReportModel {
                        label,
                        role,
                        source: String::new(),
                        key: String::new(),
                    });
                }
            }
        }
        for series in data.outputs.iter().filter_map(|output| match &output.results {
            Results::Training(curves) => Some(curves.panels.iter().flat_map(|panel| &panel.series)),
            _ => None,
        }) {
            for training in series.map(|series| &series.training) {
                let known = models.iter().any(|model| match &model.role {
                    ModelRole::Trained { training: name, .. }
                    | ModelRole::Distilled { training: name, .. } => name == training,
                    ModelRole::Given => model.label == *training,
                });
                if !known {
                    let role = ModelRole::Trained {
                        training: training.clone(),
                        step: u64::MAX,
                    };
                    models.push(ReportModel {
                        label: training.clone(),
                        role,
                        source: String::new(),
                        key: String::new(),
                    });
                }
            }
        }
        let mut palette = Palette::from_models(&models);
        palette.tell_apart(data);
        palette
    }

    /// Curves of one model in several evaluations have its tone, and a dash for each evaluation: the same all through the
    /// study, the model's own for the evaluation that comes first.
    fn tell_apart(&mut self, data: &ReportData) {
        let mut evaluations: Vec<&str> = Vec::new();
        let curves = data.outputs.iter().filter_map(|output| match &output.results {
            Results::PassAtK(results) => Some(&results.curves),
            _ => None,
        });
        for (curve, of) in curves
            .flatten()
            .filter_map(|curve| Some((curve, curve.of.as_ref()?)))
        {
            let number = match evaluations.iter().position(|name| *name == of.name) {
                Some(number) => number,
                None => {
                    evaluations.push(&of.name);
                    evaluations.len() - 1
                }
            };
            if self.styles.iter().any(|(label, _)| *label == curve.model) {
                continue;
            }
            let own = self.style(&of.model);
            let dashes = NEUTRALS.map(|(_, _, dash)| dash);
            let first = dashes.iter().position(|dash| *dash == own.dash).unwrap_or(0);
            let style = Style {
                dash: dashes[(first + number) % dashes.len()],
                marker: own.marker.turned(number / dashes.len()),
                index: self.styles.len(),
                ..own
            };
            self.styles.push((curve.model.clone(), style));
        }
    }

    /// Colours by the order of the models.
    pub(crate) fn from_models(models: &[ReportModel]) -> Palette {
        let mut styles: Vec<(String, Style)> = Vec::with_capacity(models.len());
        let mut neutrals = 0;
        for model in models {
            if styles.iter().any(|(label, _)| *label == model.label) {
                continue;
            }
            let style = match &model.role {
                ModelRole::Given => {
                    let (tone, dash) = neutral(neutrals);
                    neutrals += 1;
                    Style {
                        tone,
                        marker: Marker::Circle,
                        dash,
                        index: 0,
                    }
                }
                ModelRole::Trained { training, step } => {
                    let marker = [Marker::Square, Marker::Triangle];
                    checkpoint(models, training, *step, false, &TRAINED, marker)
                }
                ModelRole::Distilled { training, step } => {
                    let marker = [Marker::Diamond, Marker::Triangle];
                    checkpoint(models, training, *step, true, &DISTILLED, marker)
                }
            };
            styles.push((model.label.clone(), style));
        }
        // A training's own curves (reward over steps) have the hue of its last checkpoint.
        let mut trainings: Vec<(String, u64, Style)> = Vec::new();
        for (model, (_, style)) in models
            .iter()
            .filter_map(|model| Some((model, styles.iter().find(|(label, _)| *label == model.label)?)))
        {
            if let ModelRole::Trained { training, step } | ModelRole::Distilled { training, step } =
                &model.role
            {
                match trainings.iter_mut().find(|(name, ..)| name == training) {
                    Some((_, last, kept)) if *last < *step => (*last, *kept) = (*step, style.clone()),
                    Some(_) => {}
                    None => trainings.push((training.clone(), *step, style.clone())),
                }
            }
        }
        for (name, _, style) in trainings {
            if !styles.iter().any(|(label, _)| *label == name) {
                styles.push((name, style));
            }
        }
        for (index, (_, style)) in styles.iter_mut().enumerate() {
            style.index = index;
        }
        Palette { styles }
    }

    /// The style of a model or training; an unknown one is drawn as the first neutral.
    pub(crate) fn style(&self, label: &str) -> Style {
        self.styles.iter().find(|(known, _)| known == label).map_or_else(
            || {
                let (tone, dash) = neutral(0);
                Style {
                    tone,
                    marker: Marker::Circle,
                    dash,
                    index: self.styles.len(),
                }
            },
            |(_, style)| style.clone(),
        )
    }

    /// All styles in their order, and one for the unknown.
    pub(crate) fn all(&self) -> impl Iterator<Item = Style> + '_ {
        self.styles
            .iter()
            .map(|(_, style)| style.clone())
            .chain(std::iter::once(self.style("\u{0}")))
    }
}

/// `rl@150` is a checkpoint, anything else is given.
fn guess(label: &str) -> ModelRole {
    match label
        .rsplit_once('@')
        .and_then(|(training, step)| Some((training, step.parse().ok()?)))
    {
        Some((training, step)) => ModelRole::Trained {
            training: training.to_owned(),
            step,
        },
        None => ModelRole::Given,
    }
}

fn checkpoint(
    models: &[ReportModel],
    training: &str,
    step: u64,
    distilled: bool,
    hues: &[Hue],
    markers: [Marker; 2],
) -> Style {
    let mut names: Vec<&str> = Vec::new();
    let mut steps: Vec<u64> = Vec::new();
    for model in models {
        let (name, at) = match &model.role {
            ModelRole::Trained { training, step } if !distilled => (training.as_str(), *step),
            ModelRole::Distilled { training, step } if distilled => (training.as_str(), *step),
            _ => continue,
        };
        if !names.contains(&name) {
            names.push(name);
        }
        if name == training {
            steps.push(at);
        }
    }
    steps.sort_unstable();
    steps.dedup();
    let family = names.iter().position(|name| *name == training).unwrap_or(0);
    let rank = steps.iter().position(|at| *at == step).unwrap_or(0);
    // A training with one checkpoint has its hue's late tone.
    let share = if steps.len() < 2 {
        1.0
    } else {
        rank as f64 / (steps.len() - 1) as f64
    };
    let hue = &hues[family % hues.len()];
    let tone = Tone {
        light: mix(hue.light, share),
        dark: mix(hue.dark, share),
    };
    Style {
        tone,
        marker: markers[family / hues.len() % 2],
        dash: "",
        index: 0,
    }
}

fn neutral(number: usize) -> (Tone, &'static str) {
    let (light, dark, dash) = NEUTRALS[number % NEUTRALS.len()];
    (
        Tone {
            light: mix([light, light], 0.0),
            dark: mix([dark, dark], 0.0),
        },
        dash,
    )
}

fn mix(ends: [[u8; 3]; 2], share: f64) -> String {
    let channel = |index: usize| {
        let [from, to] = ends.map(|end| f64::from(end[index]));
        (from + (to - from) * share).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", channel(0), channel(1), channel(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(label: &str, role: ModelRole) -> ReportModel {
        ReportModel {
            label: label.into(),
            role,
            source: String::new(),
            key: String::new(),
        }
    }

    #[test]
    fn every_model_has_a_tone_of_its_own() {
        let rl = |step| ModelRole::Trained {
            training: "rl".into(),
            step,
        };
        let models = [
            model("base", ModelRole::Given),
            model("teacher", ModelRole::Given),
            model("rl@80", rl(80)),
            model("rl@20", rl(20)),
            model("rl@40", rl(40)),
            model(
                "student@9",
                ModelRole::Distilled {
                    training: "student".into(),
                    step: 9,
                },
            ),
        ];
        let palette = Palette::from_models(&models);
        let tones: Vec<Tone> = models
            .iter()
            .map(|model| palette.style(&model.label).tone)
            .collect();
        for (index, tone) in tones.iter().enumerate() {
            assert!(!tones[..index].contains(tone), "{tone:?} twice");
        }
        assert_eq!(
            palette.style("rl@80").tone.light,
            "#004f98",
            "the last checkpoint has the late tone"
        );
        assert_eq!(palette.style("rl").tone, palette.style("rl@80").tone);
        assert_eq!(palette.style("base").tone.light, "#24292f");
    }
}
