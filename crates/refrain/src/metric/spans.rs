//! Spans (named entities, chunks) from one tag per token: BIO, IOB1, IOBES and similar schemes.
//!
//! Tags are interpreted leniently, as by conlleval (Tjong Kim Sang and Buchholz 2000, the script of the CoNLL-2000
//! shared task): an `I-` or `E-` without a preceding tag of its type starts a span, and a span ends where its type does. A
//! span is correct only if its type and both its ends are. Values equal those of seqeval without a scheme.

use std::collections::{BTreeMap, BTreeSet};

use super::PrecisionRecall;

/// A span of adjacent tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span<'a> {
    /// The type after the letter and its hyphen, such as `PER`; `_` if there is none.
    pub kind: &'a str,
    /// The first token.
    pub start: usize,
    /// The token after the last one.
    pub end: usize,
}

/// The spans of one sequence, in order. Other tags are outside of spans.
pub fn spans<T: AsRef<str>>(tags: &[T]) -> Vec<Span<'_>> {
    let mut spans: Vec<Span<'_>> = vec![];
    // Whether the last span may continue.
    let mut open = false;
    for (at, tag) in tags.iter().enumerate() {
        let (letter, kind) = parts(tag.as_ref());
        match (letter, spans.last_mut()) {
            ('I' | 'E', Some(span)) if open && span.kind == kind => span.end = at + 1,
            ('B' | 'I' | 'E' | 'S', _) => spans.push(Span { kind, start: at, end: at + 1 }),
            _ => {}
        }
        open = matches!(letter, 'B' | 'I');
    }
    spans
}

/// The letter and the type of a tag: `B` and `PER` of `B-PER`.
fn parts(tag: &str) -> (char, &str) {
    let mut characters = tag.chars();
    let letter = characters.next().unwrap_or('O');
    let rest = characters.as_str();
    let kind = rest.split_once('-').map_or(rest, |(_, kind)| kind);
    (letter, if kind.is_empty() { "_" } else { kind })
}

/// Whether these tags, all of a data set, look like spans: each is `O`, or one of the letters B, I, E and S, alone or with
/// a type after a hyphen. Without types there must be `O` and `B` or `I`, because other label sets have one-letter names.
pub fn is_spans(tags: impl IntoIterator<Item = impl AsRef<str>>) -> bool {
    let (mut outside, mut inside, mut typed) = (false, false, false);
    for tag in tags {
        match tag.as_ref() {
            "O" => outside = true,
            "B" | "I" => inside = true,
            "E" | "S" => {}
            tag => match tag.split_once('-') {
                Some(("B" | "I" | "E" | "S", kind)) if !kind.is_empty() => typed = true,
                _ => return false,
            },
        }
    }
    typed || outside && inside
}

/// Precision and recall of spans, per type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanScores {
    kinds: BTreeMap<String, PrecisionRecall>,
}

impl SpanScores {
    /// Adds the spans of one sequence; `[T]` tags each.
    pub fn add(&mut self, truth: &[impl AsRef<str>], predicted: &[impl AsRef<str>]) {
        let truths: BTreeSet<Span<'_>> = spans(truth).into_iter().collect();
        for span in &truths {
            self.kind(span.kind).support += 1;
        }
        for span in spans(predicted) {
            let kind = self.kind(span.kind);
            kind.predicted += 1;
            if truths.contains(&span) {
                kind.correct += 1;
            }
        }
    }

    fn kind(&mut self, kind: &str) -> &mut PrecisionRecall {
        self.kinds.entry(kind.to_owned()).or_default()
    }

    /// All types that occur as truth or prediction, in alphabetical order.
    pub fn kinds(&self) -> &BTreeMap<String, PrecisionRecall> {
        &self.kinds
    }

    /// The micro-average over all types.
    pub fn overall(&self) -> PrecisionRecall {
        self.kinds.values().fold(PrecisionRecall::default(), |sum, kind| PrecisionRecall {
            correct: sum.correct + kind.correct,
            predicted: sum.predicted + kind.predicted,
            support: sum.support + kind.support,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spelled(tags: &str) -> Vec<(String, usize, usize)> {
        let tags: Vec<&str> = tags.split(' ').collect();
        spans(&tags).into_iter().map(|span| (span.kind.to_owned(), span.start, span.end)).collect()
    }

    #[test]
    fn all_schemes_give_the_same_spans() {
        let expected = [("A".to_owned(), 0, 2), ("A".to_owned(), 2, 3), ("B".to_owned(), 4, 5)];
        let schemes = ["B-A I-A B-A O B-B", "I-A I-A B-A O I-B", "B-A E-A S-A O S-B", "I-A E-A S-A . E-B"];
        for scheme in schemes {
            assert_eq!(spelled(scheme), expected, "{scheme}");
        }
        assert_eq!(spelled("B I O B-_"), [("_".to_owned(), 0, 2), ("_".to_owned(), 3, 4)]);
        assert_eq!(spelled("I-A NOUN I-A"), [("A".to_owned(), 0, 1), ("A".to_owned(), 2, 3)]);
        assert_eq!(spelled("I-A I-B-C"), [("A".to_owned(), 0, 1), ("B-C".to_owned(), 1, 2)]);
    }

    #[test]
    fn a_span_is_correct_only_with_its_type_and_both_ends() {
        let mut scores = SpanScores::default();
        scores.add(&["B-A", "I-A", "O", "B-B"], &["B-A", "I-A", "O", "B-A"]);
        scores.add(&["B-A", "I-A", "O", "B-B"], &["B-A", "O", "O", "B-B"]);
        assert_eq!(scores.overall(), PrecisionRecall { correct: 2, predicted: 4, support: 4 });
        assert_eq!(scores.kinds()["A"], PrecisionRecall { correct: 1, predicted: 3, support: 2 });
        assert_eq!(scores.kinds()["B"].f1(), 2.0 / 3.0);
    }

    #[test]
    fn tags_of_spans_are_distinguished_from_other_labels() {
        for yes in ["O B-PER I-PER", "B-NP I-NP", "S-LOC B-LOC E-LOC I-LOC O", "O B I", "I-ORG O"] {
            assert!(is_spans(yes.split(' ')), "{yes}");
        }
        for no in ["NOUN VERB ADP", "H E C", "E S", "O", "B S", "O B- I-", "O B-PER X-PER", "B-PER Other", ""]
        {
            assert!(!is_spans(no.split(' ')), "{no}");
        }
        assert!(!is_spans(std::iter::empty::<&str>()));
    }

    proptest! {
        #[test]
        fn any_tags_give_valid_spans(truth: Vec<String>, predicted in proptest::collection::vec("[BIOES.X]?-?[ab]?", 0..12)) {
            let mut scores = SpanScores::default();
            scores.add(&truth, &predicted);
            scores.add(&predicted, &predicted);
            let overall = scores.overall();
            prop_assert!(overall.correct <= overall.support.min(overall.predicted));
            let spans = spans(&predicted);
            prop_assert!(spans.iter().all(|span| span.start < span.end && span.end <= predicted.len()));
            is_spans(&truth);
        }
    }
}
