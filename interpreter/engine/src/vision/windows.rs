//! Which patches see each other, and where each lies: pure functions of a picture's grid.

/// The order in which merged squares are worked off, window by window, and the borders of the windows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Windows {
    /// Numbers of the merged squares (row by row) in window order.
    pub(super) order: Vec<i64>,
    /// Patches of each window, in order; none is empty.
    pub(super) sizes: Vec<i64>,
}

/// Windows of `side` × `side` merged squares over `frames` frames of `rows` × `columns` of them. Those at
/// the right and lower edge are smaller.
pub(super) fn windows(frames: i64, rows: i64, columns: i64, side: i64, unit: i64) -> Windows {
    let side = side.max(1);
    let (mut order, mut sizes) = (Vec::new(), Vec::new());
    for frame in 0..frames {
        for top in (0..rows).step_by(side as usize) {
            for left in (0..columns).step_by(side as usize) {
                let before = order.len();
                for row in top..(top + side).min(rows) {
                    for column in left..(left + side).min(columns) {
                        order.push((frame * rows + row) * columns + column);
                    }
                }
                sizes.push((order.len() - before) as i64 * unit);
            }
        }
    }
    Windows { order, sizes }
}

/// Row and column of every patch in the order of the processor: merged square by merged square.
pub(super) fn coordinates(frames: i64, height: i64, width: i64, merge: i64) -> (Vec<i64>, Vec<i64>) {
    let merge = merge.max(1);
    let (mut rows, mut columns) = (Vec::new(), Vec::new());
    for _ in 0..frames {
        for top in (0..height).step_by(merge as usize) {
            for left in (0..width).step_by(merge as usize) {
                for row in top..top + merge {
                    for column in left..left + merge {
                        rows.push(row);
                        columns.push(column);
                    }
                }
            }
        }
    }
    (rows, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_at_the_edge_are_smaller_and_every_square_is_in_one() {
        let found = windows(1, 3, 4, 2, 4);
        assert_eq!(found.order, [0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 10, 11]);
        assert_eq!(found.sizes, [16, 16, 8, 8]);
    }

    #[test]
    fn patches_come_square_by_square() {
        let (rows, columns) = coordinates(1, 2, 4, 2);
        assert_eq!(rows, [0, 0, 1, 1, 0, 0, 1, 1]);
        assert_eq!(columns, [0, 1, 0, 1, 2, 3, 2, 3]);
    }
}
