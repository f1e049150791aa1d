//! What is told of many measurements.

/// The middle of some numbers, and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// Half of them are smaller.
    pub(crate) median: f64,
    /// A quarter of them are smaller.
    pub(crate) lower: f64,
    /// A quarter of them are larger.
    pub(crate) upper: f64,
}

impl Spread {
    /// None of no numbers.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<f64> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        let last = numbers.len().checked_sub(1)?;
        Some(Self {
            median: numbers[last / 2].midpoint(numbers[last.div_ceil(2)]),
            lower: numbers[last / 4],
            upper: numbers[last - last / 4],
        })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(1);
        let Self {
            median,
            lower,
            upper,
        } = self;
        write!(
            f,
            "{median:.digits$} ({lower:.digits$} to {upper:.digits$})"
        )
    }
}

/// The number below which so many of a hundred lie, the nearest one that was measured; none of no
/// numbers.
pub(crate) fn percentile(numbers: &[f64], percent: usize) -> Option<f64> {
    let mut numbers = numbers.to_vec();
    numbers.sort_by(f64::total_cmp);
    let rank = (numbers.len() * percent).div_ceil(100).max(1);
    numbers.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_between_the_two_in_the_middle() {
        let spread = |numbers: &[f64]| Spread::of(numbers.iter().copied());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0]).map(|it| it.median), Some(3.0));
        assert_eq!(spread(&[9.0, 1.0]).map(|it| it.median), Some(5.0));
        assert_eq!(spread(&[9.0, 1.0, 2.0]).map(|it| it.median), Some(2.0));
    }

    #[test]
    fn half_of_the_numbers_lie_between_the_quartiles() {
        let spread = Spread::of((0..=100).rev().map(f64::from));
        let expected = Spread {
            median: 50.0,
            lower: 25.0,
            upper: 75.0,
        };
        assert_eq!(spread, Some(expected));
    }

    #[test]
    fn one_of_a_hundred_lies_above_the_99th_percentile() {
        let numbers: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(percentile(&numbers, 99), Some(198.0));
        assert_eq!(percentile(&numbers, 100), Some(200.0));
        assert_eq!(percentile(&[7.0], 99), Some(7.0));
        assert_eq!(percentile(&[], 99), None);
    }

    #[test]
    fn one_outlier_changes_nothing() {
        let spread = Spread::of([1.0, 1.0, 1.0, 1.0, 900.0]);
        assert_eq!(spread.map(|it| (it.median, it.upper)), Some((1.0, 1.0)));
    }
}
