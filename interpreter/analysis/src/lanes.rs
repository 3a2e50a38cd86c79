//! Rows of numbers that are added up by the million: padded to whole lanes, so that a compiler adds several at once. Each
//! column is still summed in the order of the calls, so the bits are those of plain addition.

/// Numbers that are added together.
pub(crate) const LANES: usize = 4;

/// A table by row.
pub(crate) struct Rows {
    /// Lanes a row.
    wide: usize,
    values: Vec<[f64; LANES]>,
}

impl Rows {
    pub(crate) fn new<R: IntoIterator<Item = f64>>(
        columns: usize,
        rows: impl IntoIterator<Item = R>,
    ) -> Self {
        let wide = columns.div_ceil(LANES);
        let mut values = Vec::new();
        for row in rows {
            let start = values.len();
            values.resize(start + wide, [0.0; LANES]);
            let places = values[start..].as_flattened_mut();
            places
                .iter_mut()
                .zip(row)
                .for_each(|(place, value)| *place = value);
        }
        Rows { wide, values }
    }

    /// Room for the sum of rows.
    pub(crate) fn sums(&self) -> Vec<[f64; LANES]> {
        vec![[0.0; LANES]; self.wide]
    }

    /// Adds a row to the sums.
    #[inline]
    pub(crate) fn add(&self, row: usize, sums: &mut [[f64; LANES]]) {
        let values = &self.values[row * self.wide..(row + 1) * self.wide];
        for (sums, values) in sums.iter_mut().zip(values) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_summed_apart() {
        let rows = Rows::new(5, [[1.0, 2.0, 3.0, 4.0, 5.0], [10.0, 20.0, 30.0, 40.0, 50.0]]);
        let mut sums = rows.sums();
        rows.add(1, &mut sums);
        rows.add(0, &mut sums);
        rows.add(1, &mut sums);
        assert_eq!(sums.as_flattened()[..5], [21.0, 42.0, 63.0, 84.0, 105.0]);
    }
}
