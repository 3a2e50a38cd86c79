//! From a file to RGB, as transformers' `load_image` sees it: turned upright, alpha dropped.

use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use crate::EngineError;
use crate::error::FETCH_AGAIN;

/// More bytes than this are not decoded: a small file can claim any size.
const LARGEST: u64 = 1 << 30;

/// Interleaved 8-bit RGB.
pub(super) struct Rgb {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) bytes: Vec<u8>,
}

fn wrong(place: &Path) -> impl Fn(image::ImageError) -> EngineError + '_ {
    move |e| {
        EngineError::corrupt(
            place,
            format!("not a picture that can be read ({e})"),
            "give a PNG, JPEG or WebP picture",
        )
    }
}

fn open<'b>(bytes: &'b [u8], place: &Path) -> Result<impl ImageDecoder + 'b, EngineError> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| EngineError::io(place, "read", e))?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(LARGEST);
    (limits.max_image_width, limits.max_image_height) = (Some(1 << 16), Some(1 << 16));
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(wrong(place))?;
    if decoder.total_bytes() > LARGEST {
        return Err(EngineError::corrupt(
            place,
            format!("it claims {} bytes of pixels", decoder.total_bytes()),
            FETCH_AGAIN,
        ));
    }
    Ok(decoder)
}

/// Width and height of a PNG, JPEG or WebP, turned upright.
pub(super) fn size(bytes: &[u8], place: &Path) -> Result<(usize, usize), EngineError> {
    let mut decoder = open(bytes, place)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    Ok(match decoder.orientation().unwrap_or(Orientation::NoTransforms) {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        _ => (width, height),
    })
}

/// Decodes PNG, JPEG or WebP.
pub(super) fn decode(bytes: &[u8], place: &Path) -> Result<Rgb, EngineError> {
    let mut decoder = open(bytes, place)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(wrong(place))?;
    picture.apply_orientation(orientation);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let bytes = match picture {
        DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageLumaA16(_)
        | DynamicImage::ImageRgb16(_)
        | DynamicImage::ImageRgba16(_) => {
            // The high byte, as Pillow takes it; rounding would differ from it.
            let wide = picture.into_rgb16().into_raw();
            wide.into_iter().map(|value| (value >> 8) as u8).collect()
        }
        other => other.into_rgb8().into_raw(),
    };
    Ok(Rgb { width, height, bytes })
}
