//! Writes the fixture's report, and its comparison with a changed one, to `target/report-demo/` (or the folder given), for a look with one's own eyes.

#[path = "../tests/common/mod.rs"]
mod common;

fn main() -> std::io::Result<()> {
    let folder = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "target/report-demo".to_owned());
    let data = common::study();
    for file in rlx_report::render_files(&data) {
        let path = std::path::Path::new(&folder).join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, &file.contents)?;
    }
    let mut other = data.clone();
    other.seed += 1;
    other.source.text = other.source.text.replace("steps     = 80", "steps     = 90");
    for tally in other
        .responses
        .iter_mut()
        .flat_map(|shown| &mut shown.problems)
        .flat_map(|problem| &mut problem.tallies)
    {
        tally.right = tally.right * 3 / 4;
    }
    if let rlx_analysis::Results::PassAtK(results) = &mut other.outputs[0].results {
        for point in results
            .curves
            .iter_mut()
            .take(2)
            .flat_map(|curve| &mut curve.points)
        {
            point.pass.value = point.pass.value.map(|value| value - 0.02);
        }
    }
    let found = rlx_report::diff(&data, &other, ("results/quickstart", "results/again"));
    let page = rlx_report::render_diff_html(&found, &data);
    std::fs::write(std::path::Path::new(&folder).join("diff.html"), page)?;
    print!("{}", rlx_report::render_text(&data));
    print!("{}", rlx_report::render_diff_text(&found));
    println!("\nopen {folder}/report.html");
    Ok(())
}
