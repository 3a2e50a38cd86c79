//! Writes the fixture's report to `target/report-demo/` (or the folder given), for a look with one's own eyes.

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
    print!("{}", rlx_report::render_text(&data));
    println!("\nopen {folder}/report.html");
    Ok(())
}
