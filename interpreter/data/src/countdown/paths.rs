//! Legal steps and the exhaustive enumeration of all paths over 3 or 4 numbers.

/// Results of steps and targets lie in 1..=LARGEST.
pub(crate) const LARGEST: u16 = 99;
/// Most numbers a puzzle has.
pub(crate) const MOST: usize = 4;

/// Up to four numbers in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct List {
    items: [u8; MOST],
    len: u8,
}

impl List {
    pub(crate) fn new(numbers: &[u8]) -> Self {
        let mut list = List {
            items: [0; MOST],
            len: 0,
        };
        for &number in numbers.iter().take(MOST) {
            list.push(number);
        }
        list
    }

    fn push(&mut self, number: u8) {
        self.items[usize::from(self.len)] = number;
        self.len += 1;
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.items[..usize::from(self.len)]
    }

    /// The list after a step: the others in their order, the result at the end.
    pub(crate) fn after(&self, step: &Step) -> List {
        let mut rest = List {
            items: [0; MOST],
            len: 0,
        };
        for (at, &number) in self.as_slice().iter().enumerate() {
            if at != usize::from(step.places.0) && at != usize::from(step.places.1) {
                rest.push(number);
            }
        }
        rest.push(step.result);
        rest
    }
}

/// One legal step, `a op b = result`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) a: u8,
    pub(crate) b: u8,
    pub(crate) operator: u8,
    pub(crate) result: u8,
    /// Where the two operands stand in the list, ascending.
    pub(crate) places: (u8, u8),
}

/// The operators in the order in which weights and enumeration take them.
pub(crate) const OPERATORS: [u8; 4] = *b"+-*/";

/// The legal step with `operator` on the numbers at `i` < `j`, if there is one. Operands of `+` and `*` keep the
/// order of the list; `-` and `/` take the larger one first.
pub(crate) fn step(list: &List, i: usize, j: usize, operator: u8) -> Option<Step> {
    let (x, y) = (list.items[i], list.items[j]);
    let (high, low) = if x >= y { (x, y) } else { (y, x) };
    let (a, b, result) = match operator {
        b'+' => (x, y, u16::from(x) + u16::from(y)),
        b'-' if high > low => (high, low, u16::from(high - low)),
        b'*' if low != 1 => (x, y, u16::from(x) * u16::from(y)),
        b'/' if low > 1 && high % low == 0 => (high, low, u16::from(high / low)),
        _ => return None,
    };
    (1..=LARGEST).contains(&result).then_some(Step {
        a,
        b,
        operator,
        result: result as u8,
        places: (i as u8, j as u8),
    })
}

fn each_step(list: &List, mut visit: impl FnMut(Step) -> bool) -> bool {
    let len = usize::from(list.len);
    for i in 0..len {
        for j in i + 1..len {
            for operator in OPERATORS {
                if let Some(step) = step(list, i, j, operator)
                    && visit(step)
                {
                    return true;
                }
            }
        }
    }
    false
}

/// How many paths end in each value, and how many of them do without division.
pub(crate) struct Counts {
    pub(crate) all: [u32; LARGEST as usize + 1],
    pub(crate) without_division: [u32; LARGEST as usize + 1],
}

/// Counts every legal path over the numbers.
pub(crate) fn count(numbers: &List) -> Counts {
    let mut counts = Counts {
        all: [0; 100],
        without_division: [0; 100],
    };
    count_from(numbers, false, &mut counts);
    counts
}

fn count_from(list: &List, divided: bool, counts: &mut Counts) {
    if let [only] = list.as_slice() {
        counts.all[usize::from(*only)] += 1;
        if !divided {
            counts.without_division[usize::from(*only)] += 1;
        }
        return;
    }
    each_step(list, |step| {
        count_from(&list.after(&step), divided || step.operator == b'/', counts);
        false
    });
}

/// The steps of the `index`-th path (in the order of enumeration) that ends in `target`.
pub(crate) fn nth(numbers: &List, target: u8, index: u32) -> Option<Vec<Step>> {
    let mut path = Vec::with_capacity(MOST - 1);
    let mut remaining = index;
    nth_from(numbers, target, &mut remaining, &mut path).then_some(path)
}

fn nth_from(list: &List, target: u8, remaining: &mut u32, path: &mut Vec<Step>) -> bool {
    if let [only] = list.as_slice() {
        if *only != target {
            return false;
        }
        if *remaining == 0 {
            return true;
        }
        *remaining -= 1;
        return false;
    }
    each_step(list, |step| {
        path.push(step);
        let found = nth_from(&list.after(&step), target, remaining, path);
        if !found {
            path.pop();
        }
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_obey_the_rules() {
        let list = List::new(&[5, 20, 1, 5]);
        let result = |i, j, operator| step(&list, i, j, operator).map(|s| (s.a, s.b, s.result));
        assert_eq!(result(0, 1, b'+'), Some((5, 20, 25)));
        assert_eq!(result(0, 1, b'-'), Some((20, 5, 15)));
        assert_eq!(result(0, 1, b'/'), Some((20, 5, 4)));
        assert_eq!(result(0, 1, b'*'), None, "100 is too large");
        assert_eq!(result(0, 2, b'*'), None, "times one");
        assert_eq!(result(0, 2, b'/'), None, "by one");
        assert_eq!(result(0, 3, b'-'), None, "zero");
        assert_eq!(result(0, 3, b'/'), Some((5, 5, 1)));
        assert_eq!(
            list.after(&step(&list, 0, 2, b'+').unwrap()).as_slice(),
            [20, 5, 6]
        );
    }

    #[test]
    fn counts_agree_with_the_paths() {
        // 2, 3, 4 by hand: every path to 14 is (3*4)+2 or 2+(3*4) with a list order, and (3+4)*2.
        for numbers in [&[2u8, 3, 4][..], &[5, 20, 15, 14]] {
            let list = List::new(numbers);
            let counts = count(&list);
            for target in 1..=99u8 {
                let total = counts.all[usize::from(target)];
                for index in 0..total {
                    let path = nth(&list, target, index).unwrap();
                    assert_eq!(path.last().unwrap().result, target);
                    assert_eq!(path.len(), numbers.len() - 1);
                }
                assert_eq!(nth(&list, target, total), None);
            }
        }
        assert_eq!(count(&List::new(&[2, 3, 4])).all[14], 2);
    }
}
