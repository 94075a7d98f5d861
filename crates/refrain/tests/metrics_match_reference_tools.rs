//! Metrics equal those of sacreBLEU, seqeval and scikit-learn in `golden/metrics.json`, which `golden/metrics.py` writes.

use std::collections::BTreeMap;
use std::path::Path;

use refrain::metric::{Bleu, Chrf, Confusion, PrecisionRecall, SpanScores, gaussian_nll, mae, pinball, rmse};
use serde::Deserialize;

/// Both sides compute in `f64`, from the same integers except for forecasts.
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Golden {
    translations: Vec<Translation>,
    spans: Vec<Spans>,
    classification: Vec<Classification>,
    forecasts: Vec<Forecast>,
}

#[derive(Deserialize)]
struct Translation {
    name: String,
    sentences: Vec<Sentence>,
    bleu: f64,
    brevity_penalty: f64,
    chrf: f64,
}

#[derive(Deserialize)]
struct Sentence {
    predicted: String,
    references: Vec<String>,
}

/// Precision, recall, F1, support.
type Row = [f64; 4];

#[derive(Deserialize)]
struct Spans {
    name: String,
    truth: Vec<Vec<String>>,
    predicted: Vec<Vec<String>>,
    overall: Row,
    kinds: BTreeMap<String, Row>,
}

#[derive(Deserialize)]
struct Classification {
    name: String,
    truth: Vec<u32>,
    predicted: Vec<u32>,
    accuracy: f64,
    macro_f1: f64,
    classes: BTreeMap<u32, Row>,
}

#[derive(Deserialize)]
struct Forecast {
    truths: Vec<f64>,
    predictions: Vec<f64>,
    deviations: Vec<f64>,
    quantile: f64,
    rmse: f64,
    mae: f64,
    pinball: f64,
    gaussian_nll: f64,
}

fn golden() -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/metrics.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn assert_near(ours: f64, theirs: f64, what: &str) {
    assert!((ours - theirs).abs() < TOLERANCE, "{what}: {ours}, not {theirs}");
}

fn assert_row(ours: &PrecisionRecall, theirs: &Row, what: &str) {
    let ours = [ours.precision(), ours.recall(), ours.f1(), ours.support as f64];
    for (ours, theirs) in ours.into_iter().zip(*theirs) {
        assert_near(ours, theirs, what);
    }
}

#[test]
fn translation_scores_equal_those_of_sacrebleu() {
    for case in golden().translations {
        let (mut bleu, mut chrf) = (Bleu::default(), Chrf::default());
        for Sentence { predicted, references } in &case.sentences {
            bleu.add(references, predicted);
            chrf.add(references, predicted);
        }
        assert_near(bleu.score(), case.bleu, &format!("BLEU of {}", case.name));
        assert_near(bleu.brevity_penalty(), case.brevity_penalty, &format!("brevity of {}", case.name));
        assert_near(chrf.score(), case.chrf, &format!("chrF2 of {}", case.name));
    }
}

#[test]
fn span_scores_equal_those_of_seqeval() {
    for case in golden().spans {
        let mut scores = SpanScores::default();
        for (truth, predicted) in case.truth.iter().zip(&case.predicted) {
            scores.add(truth, predicted);
        }
        assert_row(&scores.overall(), &case.overall, &case.name);
        assert!(scores.kinds().keys().eq(case.kinds.keys()), "{}", case.name);
        for (kind, row) in &case.kinds {
            assert_row(&scores.kinds()[kind], row, &format!("{kind} of {}", case.name));
        }
    }
}

#[test]
fn classification_scores_equal_those_of_scikit_learn() {
    for case in golden().classification {
        let mut confusion = Confusion::default();
        for (&truth, &predicted) in case.truth.iter().zip(&case.predicted) {
            confusion.add(truth, predicted);
        }
        assert_near(confusion.accuracy(), case.accuracy, &case.name);
        assert_near(confusion.macro_f1(), case.macro_f1, &case.name);
        let classes = confusion.classes();
        assert!(classes.keys().eq(case.classes.keys()), "{}", case.name);
        for (label, row) in &case.classes {
            assert_row(&classes[label], row, &format!("{label} of {}", case.name));
        }
    }
}

#[test]
fn forecast_scores_equal_those_of_scikit_learn_and_scipy() {
    for case in golden().forecasts {
        let (truths, predictions) = (&case.truths, &case.predictions);
        assert_near(rmse(truths, predictions), case.rmse, "root mean squared error");
        assert_near(mae(truths, predictions), case.mae, "mean absolute error");
        assert_near(pinball(truths, predictions, case.quantile), case.pinball, "pinball loss");
        assert_near(gaussian_nll(truths, predictions, &case.deviations), case.gaussian_nll, "log-density");
    }
}
