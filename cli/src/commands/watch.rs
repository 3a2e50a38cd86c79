//! `rlx watch`: the curves of a study's trainings, while they run.

use crate::{
    args::WatchArgs,
    curves::{Run, runs},
    failure::Failure,
    project::Project,
};
use ratatui::{
    Frame,
    crossterm::event::{self, Event, KeyCode, KeyEventKind},
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    symbols::Marker,
    text::Line,
    widgets::{Axis, Block, Chart, Dataset, GraphType, List, ListState, Paragraph},
};
use rlx_store::Store;
use std::{
    io::{IsTerminal, stdout},
    process::ExitCode,
    time::Duration,
};

/// Time between two looks at the files.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) fn run(args: &WatchArgs) -> Result<ExitCode, Failure> {
    let project = Project::open(&args.study, &args.place)?;
    let store = Store::read_only(&args.place.store);
    let mut runs = runs(&project.plan, &store);
    if runs.is_empty() {
        return Err(Failure::user(
            "rlx::watch::nothing",
            format!("{} trains nothing", project.plan.study),
            Some("`rlx plan` shows its steps".into()),
        ));
    }
    if args.once || !stdout().is_terminal() {
        for run in &runs {
            println!("{}", run.line());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut terminal = ratatui::init();
    let watched = watch(&mut terminal, &mut runs, &project.plan.study);
    ratatui::restore();
    watched.map(|()| ExitCode::SUCCESS).map_err(|error| {
        Failure::user(
            "rlx::watch::terminal",
            format!("the terminal cannot be used: {error}"),
            Some("`rlx watch --once` prints a line a training".into()),
        )
    })
}

/// Draws until somebody leaves.
fn watch(terminal: &mut ratatui::DefaultTerminal, runs: &mut [Run], study: &str) -> std::io::Result<()> {
    // The first that is under way.
    let under_way = |run: &Run| run.done > 0 && run.steps.is_none_or(|steps| run.done < steps);
    let mut chosen = runs.iter().position(under_way).unwrap_or(0);
    loop {
        runs.iter_mut().for_each(Run::refresh);
        terminal.draw(|frame| draw(frame, runs, chosen, study))?;
        if !event::poll(PAUSE)? {
            continue;
        }
        let Event::Key(key) = event::read()? else {
            continue;
        };
        if key.kind != KeyEventKind::Press {
            continue;
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
            KeyCode::Char('c') if key.modifiers.contains(event::KeyModifiers::CONTROL) => return Ok(()),
            KeyCode::Down | KeyCode::Char('j') => chosen = (chosen + 1) % runs.len(),
            KeyCode::Up | KeyCode::Char('k') => chosen = (chosen + runs.len() - 1) % runs.len(),
            _ => {}
        }
    }
}

/// The trainings on the left, the curves of the chosen one on the right.
fn draw(frame: &mut Frame<'_>, runs: &[Run], chosen: usize, study: &str) {
    let [names, curves] =
        Layout::horizontal([Constraint::Length(34), Constraint::Fill(1)]).areas(frame.area());
    let items = runs.iter().map(|run| match run.steps {
        Some(steps) => format!("{} {}/{steps}", run.name, run.done),
        None => format!("{} {}", run.name, run.done),
    });
    let list = List::new(items)
        .block(
            Block::bordered()
                .title(study.to_owned())
                .title_bottom("↑↓ choose · q leave"),
        )
        .highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut state = ListState::default().with_selected(Some(chosen));
    frame.render_stateful_widget(list, names, &mut state);
    let Some(run) = runs.get(chosen) else {
        return;
    };
    let measured: Vec<(&str, &[(f64, f64)])> = run.measured().take(6).collect();
    if measured.is_empty() {
        let text = Paragraph::new(format!("{} has not begun", run.name)).block(Block::bordered());
        frame.render_widget(text, curves);
        return;
    }
    let rows = Layout::vertical(vec![Constraint::Fill(1); measured.len().div_ceil(2)]).split(curves);
    for (pair, row) in measured.chunks(2).zip(rows.iter()) {
        let places = Layout::horizontal(vec![Constraint::Fill(1); pair.len()]).split(*row);
        for ((name, values), place) in pair.iter().zip(places.iter()) {
            curve(frame, *place, (name, values), run.steps);
        }
    }
}

/// One measure over the steps.
fn curve(frame: &mut Frame<'_>, place: Rect, (name, values): (&str, &[(f64, f64)]), steps: Option<u64>) {
    let last = values.last().copied().unwrap_or_default();
    let end = steps.map_or(last.0, |steps| steps as f64).max(last.0).max(2.0);
    let (mut low, mut high) = values
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), (_, value)| {
            (low.min(*value), high.max(*value))
        });
    if high - low < 1e-9 {
        (low, high) = (low - 0.5, high + 0.5);
    }
    let label = |value: f64| Line::from(format!("{value:.3}"));
    let points = Dataset::default()
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .style(Style::new().fg(Color::Cyan))
        .data(values);
    let chart = Chart::new(vec![points])
        .block(Block::bordered().title(format!("{name} {:.4}", last.1)))
        .x_axis(
            Axis::default()
                .bounds([1.0, end])
                .labels([Line::from("1"), Line::from(format!("{end:.0}"))]),
        )
        .y_axis(
            Axis::default()
                .bounds([low, high])
                .labels([label(low), label(high)]),
        );
    frame.render_widget(chart, place);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curves::sample;
    use ratatui::{Terminal, backend::TestBackend};

    fn shown(runs: &[Run], width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
        terminal
            .draw(|frame| draw(frame, runs, 0, "quickstart"))
            .expect("is drawn");
        terminal.backend().to_string()
    }

    #[test]
    fn curves_stand_beside_the_names() {
        let text = shown(&[sample()], 100, 24);
        assert!(text.contains("quickstart"), "{text}");
        assert!(text.contains("rl 40/80"), "{text}");
        assert!(text.contains("reward 0.8000"), "{text}");
        assert!(
            text.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)),
            "no curve: {text}"
        );
    }

    #[test]
    fn a_terminal_without_room_is_no_failure() {
        for (width, height) in [(1, 1), (10, 3), (35, 2)] {
            shown(&[sample()], width, height);
        }
    }
}
