//! Which rows a step works on, and in which order the steps come.

use std::ops::Range;

/// The rows of a batch that are alive at a step, as contiguous runs.
#[derive(Clone, Copy)]
pub(crate) struct Active<'a> {
    pub(crate) rows: usize,
    /// Steps of each row; all full if absent.
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

    fn runs(self, wanted: impl Fn(usize) -> bool) -> impl Iterator<Item = Range<usize>> {
        let wanted = move |row: usize| self.lengths.map_or_else(|| wanted(usize::MAX), |l| wanted(l[row]));
        let mut from = 0;
        std::iter::from_fn(move || {
            if self.lengths.is_none() {
                // No lengths: one run or none, without a walk over the rows.
                let run = from..self.rows;
                from = self.rows;
                return (!run.is_empty() && wanted(run.start)).then_some(run);
            }
            let start = (from..self.rows).find(|&row| wanted(row))?;
            let end = (start..self.rows).find(|&row| !wanted(row)).unwrap_or(self.rows);
            from = end;
            Some(start..end)
        })
    }
}

/// Where the states before and after step `t` lie among the `T + 1` slices of a tape.
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

    /// The steps in the order the forward pass takes them.
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
