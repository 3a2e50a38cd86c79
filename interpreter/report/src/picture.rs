//! Figures as PNG and PDF, from the SVG that is written beside them.
//!
//! Text is set in a font of our own (`fonts/`), so that the bytes are the same on every machine; in the PDF it stays text.

use std::sync::{Arc, OnceLock};

use krilla::{Document, geom::Size, page::PageSettings};
use krilla_svg::{SurfaceExt, SvgSettings};
use resvg::{tiny_skia, usvg};

/// Pixels a CSS pixel: sharp on screens and at half a column of paper.
const SCALE: f32 = 2.0;

/// Points a CSS pixel.
const POINT: f32 = 0.75;

const REGULAR: &[u8] = include_bytes!("../fonts/DejaVuSansCondensed.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/DejaVuSansCondensed-Bold.ttf");

fn fonts() -> Arc<usvg::fontdb::Database> {
    static FONTS: OnceLock<Arc<usvg::fontdb::Database>> = OnceLock::new();
    let load = || {
        let mut fonts = usvg::fontdb::Database::new();
        fonts.load_font_data(REGULAR.to_vec());
        fonts.load_font_data(BOLD.to_vec());
        let family = fonts
            .faces()
            .next()
            .and_then(|face| face.families.first())
            .map(|(name, _)| name.clone());
        if let Some(family) = family {
            fonts.set_sans_serif_family(family);
        }
        Arc::new(fonts)
    };
    Arc::clone(FONTS.get_or_init(load))
}

fn tree(svg: &str) -> Option<usvg::Tree> {
    let options = usvg::Options {
        fontdb: fonts(),
        font_family: "sans-serif".to_owned(),
        ..usvg::Options::default()
    };
    usvg::Tree::from_str(svg, &options).ok()
}

/// The SVG as PNG, at twice its size; None for what is no picture.
pub(crate) fn png(svg: &str) -> Option<Vec<u8>> {
    let tree = tree(svg)?;
    let size = tree.size().to_int_size().scale_by(SCALE)?;
    let mut pixels = tiny_skia::Pixmap::new(size.width(), size.height())?;
    resvg::render(
        &tree,
        tiny_skia::Transform::from_scale(SCALE, SCALE),
        &mut pixels.as_mut(),
    );
    pixels.encode_png().ok()
}

/// The SVG as a PDF page of its size, a CSS pixel being 1/96 inch; None for what is no picture.
pub(crate) fn pdf(svg: &str) -> Option<Vec<u8>> {
    let tree = tree(svg)?;
    let (width, height) = (tree.size().width() * POINT, tree.size().height() * POINT);
    let mut document = Document::new();
    let mut page = document.start_page_with(PageSettings::from_wh(width, height)?);
    let mut surface = page.surface();
    surface.draw_svg(&tree, Size::from_wh(width, height)?, SvgSettings::default())?;
    surface.finish();
    page.finish();
    document.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 40 20\" width=\"40\" height=\"20\" font-family=\"system-ui,sans-serif\">\
        <rect width=\"40\" height=\"20\" fill=\"#ffffff\"/><text x=\"2\" y=\"15\" font-size=\"14\" fill=\"#000000\" fill-opacity=\"0.5\">k ≤ 8</text><text x=\"9\" y=\"15\" font-weight=\"600\" opacity=\"0.9\">b</text></svg>";

    #[test]
    fn text_is_drawn_and_bytes_repeat() {
        let drawn = png(SVG).unwrap();
        assert!(drawn.starts_with(b"\x89PNG"));
        let blank = png(&SVG.replace("k ≤ 8", "")).unwrap();
        assert_ne!(drawn, blank, "the text leaves pixels");
        assert_eq!(drawn, png(SVG).unwrap());
        let page = pdf(SVG).unwrap();
        assert!(page.starts_with(b"%PDF-"));
        // Two fonts and several states of the pen: an order that a hash map gives would show.
        for _ in 0..8 {
            assert_eq!(page, pdf(SVG).unwrap());
        }
        assert!(png("no picture").is_none());
    }
}
