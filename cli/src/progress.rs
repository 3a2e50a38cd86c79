//! Listening to a run: bars on a terminal, lines in a log, JSON for programs.

use indicatif::{ProgressBar, ProgressStyle};
use rlx_run::{Event, Listener, StepState};
use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

/// The listener that fits where stderr goes.
pub(crate) fn listener(json: bool) -> Box<dyn Listener> {
    if json {
        Box::new(JsonLines)
    } else if std::io::stderr().is_terminal() {
        Box::new(Bars {
            bar: None,
            style: style(),
            left: 0,
        })
    } else {
        Box::new(Lines {
            started: Instant::now(),
            last: Instant::now(),
            step: None,
        })
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:.bold} {wide_bar:.cyan/dim} {pos}/{len} {msg} · {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

/// `1.2k`, `3.4M`
fn short(count: f64) -> String {
    match count {
        c if c >= 1e9 => format!("{:.1}G", c / 1e9),
        c if c >= 1e6 => format!("{:.1}M", c / 1e6),
        c if c >= 1e3 => format!("{:.1}k", c / 1e3),
        c => format!("{c:.0}"),
    }
}

fn rate(tokens: u64, elapsed: Duration) -> Option<String> {
    (tokens > 0 && elapsed.as_secs_f64() > 0.0)
        .then(|| format!("{} tokens/s", short(tokens as f64 / elapsed.as_secs_f64())))
}

/// `1 h 04 min`, `3 min 20 s`, `4.2 s`
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match seconds {
        s if s >= 86_400.0 * 2.0 => format!("{:.1} days", s / 86_400.0),
        s if s >= 3600.0 => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
        s if s >= 60.0 => format!("{} min {:02} s", whole / 60, whole % 60),
        s => format!("{s:.1} s"),
    }
}

fn planned(steps: &[(&str, StepState)]) -> String {
    let done = steps
        .iter()
        .filter(|(_, state)| *state == StepState::Done)
        .count();
    format!("{} steps, {done} done, {} to do", steps.len(), steps.len() - done)
}

/// A bar for the running step, a line for each finished one.
struct Bars {
    bar: Option<ProgressBar>,
    style: ProgressStyle,
    left: usize,
}

impl Listener for Bars {
    fn hear(&mut self, event: &Event<'_>) {
        match event {
            Event::Planned { steps } => eprintln!("{}", planned(steps)),
            Event::StepStarted {
                name,
                number,
                of,
                work,
            } => {
                let bar = ProgressBar::new(work.total.max(1)).with_style(self.style.clone());
                bar.set_prefix(format!("[{number}/{of}] {name}"));
                bar.enable_steady_tick(Duration::from_millis(200));
                self.left = of - number;
                self.bar = Some(bar);
            }
            Event::Progress {
                done, tokens, note, ..
            } => {
                if let Some(bar) = &self.bar {
                    if bar.length().is_some_and(|total| *done > total) {
                        bar.set_length(*done);
                    }
                    if bar.position() == 0 {
                        // An interrupted step does not begin at nothing: its rate counts from here.
                        bar.set_position(*done);
                        bar.reset_eta();
                    }
                    bar.set_position(*done);
                    let said = [note.clone(), rate(*tokens, bar.elapsed())];
                    bar.set_message(said.into_iter().flatten().collect::<Vec<_>>().join(" · "));
                }
            }
            Event::StepFinished {
                name,
                seconds,
                tokens,
            } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                let speed = rate(*tokens, Duration::from_secs_f64(*seconds)).map(|rate| format!(" · {rate}"));
                eprintln!("  ✓ {name} · {}{}", duration(*seconds), speed.unwrap_or_default());
            }
            Event::Warning { text } => match &self.bar {
                Some(bar) => bar.println(format!("warning: {text}")),
                None => eprintln!("warning: {text}"),
            },
            Event::Finished { .. } => {}
        }
    }
}

/// The step that a log is in.
struct Current {
    total: u64,
    unit: &'static str,
    label: String,
    started: Instant,
    /// What was done when the first progress came: an interrupted step does not begin at nothing.
    first: Option<u64>,
}

/// A line when a step starts and ends, and at most one every ten seconds between.
struct Lines {
    started: Instant,
    last: Instant,
    step: Option<Current>,
}

const BETWEEN_LINES: Duration = Duration::from_secs(10);

impl Listener for Lines {
    fn hear(&mut self, event: &Event<'_>) {
        let stamp = format!("[{:>7.1} s]", self.started.elapsed().as_secs_f64());
        match event {
            Event::Planned { steps } => eprintln!("{stamp} {}", planned(steps)),
            Event::StepStarted {
                name,
                number,
                of,
                work,
            } => {
                eprintln!("{stamp} {number}/{of} {name}");
                self.last = Instant::now();
                let label = (*name).to_owned();
                self.step = Some(Current {
                    total: work.total,
                    unit: work.unit,
                    label,
                    started: Instant::now(),
                    first: None,
                });
            }
            Event::Progress {
                done, tokens, note, ..
            } => {
                if let Some(step) = &mut self.step {
                    step.first.get_or_insert(*done);
                }
                if self.last.elapsed() < BETWEEN_LINES {
                    return;
                }
                self.last = Instant::now();
                let Some(step) = &self.step else { return };
                let elapsed = step.started.elapsed();
                let mut said = vec![match step.total {
                    0 => format!("{done} {}", step.unit),
                    total => format!("{done}/{total} {}", step.unit),
                }];
                said.extend(note.clone());
                said.extend(rate(*tokens, elapsed));
                let since = done.saturating_sub(step.first.unwrap_or(0));
                if since > 0 && step.total > *done {
                    let left = elapsed.as_secs_f64() * (step.total - done) as f64 / since as f64;
                    said.push(format!("{} left", duration(left)));
                }
                eprintln!("{stamp}   {}: {}", step.label, said.join(" · "));
            }
            Event::StepFinished {
                name,
                seconds,
                tokens,
            } => {
                let speed = rate(*tokens, Duration::from_secs_f64(*seconds)).map(|rate| format!(" · {rate}"));
                eprintln!(
                    "{stamp}   done: {name} in {}{}",
                    duration(*seconds),
                    speed.unwrap_or_default()
                );
                self.step = None;
            }
            Event::Warning { text } => eprintln!("{stamp} warning: {text}"),
            Event::Finished { wall } => eprintln!("{stamp} finished after {}", duration(wall.as_secs_f64())),
        }
    }
}

/// One JSON object a line on stdout.
struct JsonLines;

impl Listener for JsonLines {
    fn hear(&mut self, event: &Event<'_>) {
        if let Ok(line) = serde_json::to_string(event) {
            println!("{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(4.23), "4.2 s");
        assert_eq!(duration(200.0), "3 min 20 s");
        assert_eq!(duration(3_840.0), "1 h 04 min");
        assert_eq!(short(1_234.0), "1.2k");
    }
}
