//! Confusion matrix and the metrics computed from it.

use std::collections::BTreeMap;

use super::{PrecisionRecall, share};

/// Names are truncated to this many characters, so that tables fit a terminal.
const NAME_WIDTH: usize = 12;

/// A confusion matrix `[K, K]` from true to predicted label index. Sparse: `K` need not be known and
/// may be large.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    counts: BTreeMap<(u32, u32), u64>,
}

impl Confusion {
    /// Adds one prediction.
    pub fn add(&mut self, truth: u32, predicted: u32) {
        *self.counts.entry((truth, predicted)).or_default() += 1;
    }

    /// How often `predicted` was predicted for `truth`.
    pub fn count(&self, truth: u32, predicted: u32) -> u64 {
        self.counts.get(&(truth, predicted)).copied().unwrap_or(0)
    }

    /// Number of predictions.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The share of correct predictions, 0..=1.
    pub fn accuracy(&self) -> f64 {
        let correct = self.counts.iter().filter(|((truth, predicted), _)| truth == predicted);
        share(correct.map(|(_, count)| count).sum(), self.total())
    }

    /// All labels that occur as truth or prediction, in order.
    pub fn classes(&self) -> BTreeMap<u32, PrecisionRecall> {
        let mut classes: BTreeMap<u32, PrecisionRecall> = BTreeMap::new();
        for (&(truth, predicted), &count) in &self.counts {
            classes.entry(truth).or_default().support += count;
            let class = classes.entry(predicted).or_default();
            class.predicted += count;
            if truth == predicted {
                class.correct += count;
            }
        }
        classes
    }

    /// The unweighted mean of F1 over the labels that occur as truth or prediction, 0..=1: scikit-learn's
    /// `f1_score(average="macro")`.
    pub fn macro_f1(&self) -> f64 {
        let classes = self.classes();
        classes.values().map(PrecisionRecall::f1).sum::<f64>() / classes.len().max(1) as f64
    }

    /// The matrix as aligned text, one line per true label, with its precision, recall and F1.
    ///
    /// `names` are by label index; an index beyond them is written as `#index`. Of more than `max_labels` labels, the
    /// rarest are merged into one row and one column, `others`.
    pub fn table(&self, names: &[impl AsRef<str>], max_labels: usize) -> String {
        let classes = self.classes();
        let mut shown: Vec<_> = classes.iter().collect();
        // Stable: of equally frequent labels, those with lower index are kept.
        shown.sort_by_key(|(_, class)| std::cmp::Reverse(class.predicted + class.support));
        shown.truncate(max_labels);
        shown.sort_by_key(|&(&label, _)| label);

        let mut titles: Vec<String> = shown.iter().map(|&(&label, _)| name(names, label)).collect();
        if shown.len() < classes.len() {
            titles.push("others".into());
        }
        let place = |label| shown.binary_search_by_key(&label, |&(&label, _)| label).unwrap_or(shown.len());
        let mut matrix = vec![vec![0; titles.len()]; titles.len()];
        for (&(truth, predicted), &count) in &self.counts {
            matrix[place(truth)][place(predicted)] += count;
        }

        let mut lines = vec![vec!["true \\ predicted".to_owned()]];
        lines[0].extend(titles.iter().cloned());
        lines[0].extend(["precision", "recall", "F1"].map(str::to_owned));
        for (row, (title, counts)) in titles.into_iter().zip(matrix).enumerate() {
            let mut line = vec![title];
            line.extend(counts.iter().map(u64::to_string));
            if let Some((_, class)) = shown.get(row) {
                line.extend([class.precision(), class.recall(), class.f1()].map(|x| format!("{x:.3}")));
            }
            lines.push(line);
        }
        aligned(&lines)
    }
}

/// Name of a label in a table.
fn name(names: &[impl AsRef<str>], label: u32) -> String {
    let Some(name) = names.get(label as usize) else { return format!("#{label}") };
    let name = name.as_ref();
    if name.chars().count() <= NAME_WIDTH {
        return name.to_owned();
    }
    name.chars().take(NAME_WIDTH - 1).chain(['…']).collect()
}

/// Columns as wide as their widest cell, the first left-aligned, the others right-aligned, two spaces apart.
fn aligned(lines: &[Vec<String>]) -> String {
    let mut widths = vec![];
    for line in lines {
        widths.resize(line.len().max(widths.len()), 0);
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for line in lines {
        for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            text += &if column == 0 { format!("{cell:width$}") } else { format!("  {cell:>width$}") };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn confusion(pairs: &[(u32, u32)]) -> Confusion {
        let mut confusion = Confusion::default();
        pairs.iter().for_each(|&(truth, predicted)| confusion.add(truth, predicted));
        confusion
    }

    #[test]
    fn the_mean_includes_labels_that_were_only_predicted() {
        let confusion = confusion(&[(0, 0), (0, 0), (0, 1), (1, 1), (1, 7)]);
        assert_eq!(confusion.accuracy(), 0.6);
        assert_eq!(confusion.count(0, 1), 1);
        let classes = confusion.classes();
        assert_eq!(classes[&7], PrecisionRecall { correct: 0, predicted: 1, support: 0 });
        assert_eq!((classes[&0].precision(), classes[&0].recall(), classes[&0].f1()), (1.0, 2.0 / 3.0, 0.8));
        assert!((confusion.macro_f1() - (0.8 + 0.5 + 0.0) / 3.0).abs() < 1e-15);
    }

    #[test]
    fn a_table_is_aligned_and_merges_the_rarest_labels() {
        let confusion = confusion(&[(0, 0), (0, 0), (0, 1), (1, 1), (1, 7), (2, 1)]);
        let names = ["a name that is too long", "été"];
        let expected = "\
true \\ predicted  a name that…  été  #2  #7  precision  recall     F1
a name that…                 2    1   0   0      1.000   0.667  0.800
été                          0    1   0   1      0.333   0.500  0.400
#2                           0    1   0   0      0.000   0.000  0.000
#7                           0    0   0   0      0.000   0.000  0.000
";
        assert_eq!(confusion.table(&names, 4), expected);
        let expected = "\
true \\ predicted  a name that…  été  others  precision  recall     F1
a name that…                 2    1       0      1.000   0.667  0.800
été                          0    1       1      0.333   0.500  0.400
others                       0    1       0
";
        assert_eq!(confusion.table(&names, 2), expected);
    }

    proptest! {
        #[test]
        fn any_labels_give_metrics_and_a_table(pairs: Vec<(u32, u32)>, names: Vec<String>, max_labels in 0usize..9) {
            let confusion = confusion(&pairs);
            prop_assert!((0.0..=1.0).contains(&confusion.accuracy()));
            prop_assert!((0.0..=1.0).contains(&confusion.macro_f1()));
            prop_assert!(confusion.table(&names, max_labels).starts_with("true"));
        }
    }
}
