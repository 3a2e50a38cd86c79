//! Labels at line ends, moved apart so that each can be read.

/// Positions near the wished ones with at least `gap` between neighbours, inside `low..=high` where there is room.
pub(crate) fn spread(wished: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wished.len()).collect();
    order.sort_by(|a, b| wished[*a].total_cmp(&wished[*b]));
    let mut placed: Vec<f64> = order
        .iter()
        .map(|index| wished[*index].clamp(low, high))
        .collect();
    for index in 1..placed.len() {
        placed[index] = placed[index].max(placed[index - 1] + gap);
    }
    let mut limit = high;
    for position in placed.iter_mut().rev() {
        *position = position.min(limit);
        limit = *position - gap;
    }
    let mut result = vec![0.0; wished.len()];
    for (position, index) in placed.into_iter().zip(order) {
        result[index] = position;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn labels_do_not_meet_and_stay_inside() {
        let places = spread(&[10.0, 11.0, 12.0, 99.0], 15.0, 5.0, 100.0);
        let mut sorted = places.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(
            sorted.windows(2).all(|pair| pair[1] - pair[0] >= 15.0 - 1e-9),
            "{sorted:?}"
        );
        assert!(
            sorted.iter().all(|place| (5.0..=100.0).contains(place)),
            "{sorted:?}"
        );
        assert_eq!(places[0], 10.0);
    }
}
