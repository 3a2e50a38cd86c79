//! DAPO's soft punishment of responses that come near the length limit.

/// `score + min(-(length - (limit - buffer)) / buffer * factor, 0)`: nothing up to `limit - buffer` tokens, `-factor` at the limit.
pub fn soft_overlong(score: f64, length: f64, limit: f64, buffer: f64, factor: f64) -> f64 {
    score + (-(length - (limit - buffer)) / buffer * factor).min(0.0)
}
