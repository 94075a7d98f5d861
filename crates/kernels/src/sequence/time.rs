//! Which rows a step processes, and the order of the steps.

use std::ops::Range;

/// The active rows of a batch at each step, as contiguous runs.
#[derive(Clone, Copy)]
pub(crate) struct Active<'a> {
    pub(crate) rows: usize,
    /// Number of steps of each row; all rows are full if absent.
    pub(crate) lengths: Option<&'a [usize]>,
}

impl<'a> Active<'a> {
    /// Runs of rows with more than `t` steps.
    pub(crate) fn at(self, t: usize) -> impl Iterator<Item = Range<usize>> + use<'a> {
        self.runs(move |length| length > t)
    }

    /// Runs of rows with at most `t` steps.
    pub(crate) fn finished_at(self, t: usize) -> impl Iterator<Item = Range<usize>> + use<'a> {
        self.runs(move |length| length <= t)
    }

    fn runs(self, include: impl Fn(usize) -> bool) -> impl Iterator<Item = Range<usize>> {
        let include = move |row: usize| self.lengths.map_or_else(|| include(usize::MAX), |l| include(l[row]));
        let mut from = 0;
        std::iter::from_fn(move || {
            if self.lengths.is_none() {
                // No lengths: one run or none, without a loop over the rows.
                let run = from..self.rows;
                from = self.rows;
                return (!run.is_empty() && include(run.start)).then_some(run);
            }
            let start = (from..self.rows).find(|&row| include(row))?;
            let end = (start..self.rows).find(|&row| !include(row)).unwrap_or(self.rows);
            from = end;
            Some(start..end)
        })
    }
}

/// The indices of the states before and after step `t` among the `T + 1` slices of a tape.
#[derive(Clone, Copy)]
pub(crate) struct Direction {
    pub(crate) reverse: bool,
}

impl Direction {
    pub(crate) fn before(self, t: usize) -> usize {
        t + usize::from(self.reverse)
    }

    pub(crate) fn after(self, t: usize) -> usize {
        t + usize::from(!self.reverse)
    }

    /// The steps in the order of the forward pass.
    pub(crate) fn order(self, steps: usize) -> impl DoubleEndedIterator<Item = usize> {
        (0..steps).map(move |s| if self.reverse { steps - 1 - s } else { s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_active_rows_follow_the_lengths() {
        let active = Active { rows: 5, lengths: Some(&[3, 1, 2, 0, 4]) };
        assert_eq!(active.at(0).collect::<Vec<_>>(), [0..3, 4..5]);
        assert_eq!(active.at(1).collect::<Vec<_>>(), [0..1, 2..3, 4..5]);
        assert_eq!(active.finished_at(1).collect::<Vec<_>>(), [1..2, 3..4]);
        assert!(Active { rows: 5, lengths: None }.at(9).eq(std::iter::once(0..5)));
        assert_eq!(Active { rows: 5, lengths: None }.finished_at(9).count(), 0);
    }
}
