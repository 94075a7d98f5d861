//! Inspection of language models: activations agree with the reference, gradients through time with finite differences, and
//! the finder finds units that follow a property.

use std::fs;
use std::ops::ControlFlow;

use refrain::inspect::{Property, PropertyKind, properties};
use refrain::kernels::{Reference, State};
use refrain::layer::softmax;
use refrain::model::{CellKind, Network, ResetGate, Workspace};
use refrain::task::Language;
use refrain::task::language::InspectOptions;
use refrain::text::Source;
use refrain::train::{Run, Settings};
use refrain::{Cpu, Model, Session};

/// Rounding of sums of a few hundred `f32` products, over many steps.
const SINGLE: f64 = 1e-5;
/// Step of the differences, and tolerance in `f64`.
const STEP: f64 = 1e-5;
const DIFFERENCES: f64 = 1e-7;

/// Nested brackets, with letters between.
fn text(lines: usize) -> String {
    let mut state = 7_u32;
    let mut draw = |n: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % n
    };
    let mut text = String::new();
    for _ in 0..lines {
        let mut depth = 0;
        for _ in 0..12 {
            match draw(3) {
                0 if depth < 4 => {
                    text.push('(');
                    depth += 1;
                }
                1 if depth > 0 => {
                    text.push(')');
                    depth -= 1;
                }
                _ => text.push(if draw(2) == 0 { 'a' } else { 'b' }),
            }
        }
        text.push_str(&")".repeat(depth));
        text.push('\n');
    }
    text
}

fn model(settings: Settings) -> Model<Language> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("text.txt");
    fs::write(&path, text(120)).unwrap();
    let small = Settings {
        data: Some(vec![path]),
        hidden_size: settings.hidden_size.or(Some(11)),
        num_layers: Some(2),
        seq_length: Some(20),
        batch_size: Some(4),
        max_steps: settings.max_steps.or(Some(5)),
        sample_every: Some(0),
        ..settings
    };
    Run::<Language, _>::from_files(small, &Cpu::new(1).unwrap())
        .unwrap()
        .train(|_| ControlFlow::Continue(()))
        .unwrap()
        .model
}

fn cells() -> Vec<Settings> {
    let of = |cell| Settings { cell: Some(cell), ..Settings::default() };
    let before = Settings { reset_gate: Some(ResetGate::Before), ..of(CellKind::Gru) };
    vec![
        of(CellKind::Rnn),
        of(CellKind::Gru),
        before,
        of(CellKind::Lstm),
        Settings { lines: Some(true), ..of(CellKind::Lstm) },
    ]
}

fn source(text: &str) -> Source {
    Source::Memory { name: "a text".to_owned(), bytes: text.as_bytes().into() }
}

#[test]
fn activations_equal_those_of_the_reference() {
    for settings in cells() {
        let model = model(settings);
        let (fast, reference) = (Cpu::new(1).unwrap(), Reference::<f64>::new());
        let (fast, reference) = (model.on(&fast), model.on(&reference));
        let (ids, cut) = fast.model().task.tokens(source(&text(40)), 400).unwrap();
        assert!(cut && ids.len() == 400);
        let mut expected = vec![];
        reference.for_each_window(&ids, |window| {
            expected.extend(window.layers.iter().flat_map(|trace| [&trace.h, &trace.c]).flatten().copied());
            expected
                .extend(window.layers.iter().flat_map(|trace| &trace.gates).flat_map(|(_, values)| values));
            expected.extend_from_slice(window.logits);
        });
        let (mut found, mut steps): (Vec<f32>, usize) = (vec![], 0);
        fast.for_each_window(&ids, |window| {
            assert_eq!((window.from, window.ids), (steps, &ids[steps..steps + window.ids.len()]));
            steps += window.ids.len();
            found.extend(window.layers.iter().flat_map(|trace| [&trace.h, &trace.c]).flatten());
            found.extend(window.layers.iter().flat_map(|trace| &trace.gates).flat_map(|(_, values)| values));
            found.extend_from_slice(window.logits);
        });
        assert_eq!((steps, found.len()), (400, expected.len()));
        for (x, y) in found.iter().zip(&expected) {
            assert!((f64::from(*x) - y).abs() <= SINGLE * y.abs().max(1.0), "{x} {y}");
        }
    }
}

/// The loss of the last target, with a small change of one component of the top state `lag` steps before it.
fn loss_from(
    session: &Session<Language, Reference<f64>>,
    ids: &[u32],
    lag: usize,
    unit: usize,
    by: f64,
) -> f64 {
    let network = &session.model().task.network;
    let (backend, weights) = (session.backend(), session.weights());
    let (mut state, mut pass) = (network.zero_state::<Reference<f64>>(1), Workspace::default());
    let last = ids.len() - 2;
    for (t, &id) in ids[..=last].iter().enumerate() {
        network.read(backend, weights, &[id], &mut state, &mut pass);
        if t + lag == last {
            let State { h, .. } = state.last_mut().unwrap();
            h[unit] += by;
        }
    }
    let mut logits = network.logits(backend, weights, &mut pass).to_vec();
    softmax(&mut logits);
    -logits[ids[last + 1] as usize].ln()
}

#[test]
fn gradients_through_time_equal_differences_of_the_loss() {
    for settings in cells() {
        let model = model(Settings { lines: None, ..settings });
        let reference = Reference::<f64>::new();
        let session = model.on(&reference);
        let (ids, _) = session.model().task.tokens(source("(a(b)a)b"), 100).unwrap();
        // One position only: the median is its norm.
        let reach = session.gradient_reach(&ids, ids.len() - 2, 0).unwrap();
        for lag in 1..=ids.len() - 2 {
            let difference = |unit| {
                let [up, down] = [STEP, -STEP].map(|by| loss_from(&session, &ids, lag, unit, by));
                (up - down) / (2.0 * STEP)
            };
            let norm = (0..11).map(|unit| difference(unit).powi(2)).sum::<f64>().sqrt();
            let found = reach.median[lag - 1];
            assert!((found - norm).abs() <= DIFFERENCES * norm.max(1e-3), "lag {lag}: {found}, not {norm}");
        }
        let unrolled = session.unroll(&ids).unwrap();
        assert_eq!(unrolled.truncations.iter().map(|cut| cut.k).collect::<Vec<_>>(), [7, 3, 1]);
        let arrives = |cut: usize, t: usize| -> f32 {
            unrolled.truncations[cut].d_h.iter().flat_map(|layer| &layer[t]).map(|x| x.abs()).sum()
        };
        // With truncation every three steps, no gradient crosses the boundaries; at every step, there is none at all.
        assert!((0..7).all(|t| (arrives(1, t) == 0.0) == (t % 3 == 2 || t == 6)));
        assert!((0..7).all(|t| arrives(2, t) == 0.0) && arrives(0, 2) > 0.0);
        assert!((f64::from(unrolled.losses[6]) - loss_from(&session, &ids, 1, 0, 0.0)).abs() < 1e-6);
    }
}

#[test]
fn the_finder_separates_a_followed_property_from_noise() {
    let model = model(Settings {
        hidden_size: Some(24),
        max_steps: Some(300),
        learning_rate: Some(0.01),
        ..cells().remove(3)
    });
    let backend = Cpu::new(1).unwrap();
    let session = model.on(&backend);
    let held_out: String = text(400)[text(120).len()..].to_owned();
    let (ids, _) = session.model().task.tokens(source(&held_out), usize::MAX).unwrap();
    let tokens: Vec<String> = held_out.chars().map(String::from).collect();
    let mut all = properties(&tokens);
    let noise = (0..ids.len()).map(|i| ((i * i * 7919) % 104_729) as f32).collect();
    all.push(Property { name: "noise".to_owned(), kind: PropertyKind::Number, values: noise });
    let findings = session.find_units(&ids, all);
    let finding = |name: &str| findings.iter().find(|finding| finding.property.name == name).unwrap();
    let depth = finding("nesting depth");
    let (unit, direction) = (&depth.units[0], depth.direction.as_ref().unwrap());
    assert!(unit.r.abs() > 0.6 && unit.baseline_r < 0.2 && unit.mi > 0.2, "{unit:?}");
    assert!(direction.r > 0.9 && direction.baseline_r < 0.3, "{direction:?}");
    let noise = finding("noise");
    assert!(noise.units[0].r.abs() < 0.1 && noise.units[0].mi < 0.05, "{:?}", noise.units[0]);
    assert!(noise.direction.as_ref().unwrap().r.abs() < 0.2);
}

#[test]
fn a_recording_stays_within_its_maximum_size() {
    let model = model(cells().remove(3));
    let backend = Cpu::new(1).unwrap();
    let session = model.on(&backend);
    let all = session.inspect(source(&text(40)), &InspectOptions::default()).unwrap();
    let steps = all.inspection.tokens.len();
    assert_eq!(all.planes.len(), 2 * 6);
    assert!(all.planes.values().all(|plane| plane.bytes().len() == 11 * steps));
    assert_eq!(all.inspection.predictions.as_ref().unwrap().surprise.len(), steps);
    assert!(
        all.inspection.predictions.as_ref().unwrap().surprise[0].is_none()
            && all.inspection.saturation.len() == 6
    );
    let few = session
        .inspect(source(&text(40)), &InspectOptions { bytes: 9 * steps, ..InspectOptions::default() })
        .unwrap();
    let kept: usize = few.planes.values().map(|plane| plane.bytes().len()).sum();
    assert!((7 * steps..=9 * steps).contains(&kept), "{kept} bytes");
    let best = &few.inspection.finder.as_ref().unwrap().properties[0].units[0];
    assert!(few.planes[&(best.layer, "h")].units().contains(&best.unit));
    // A text that is too short for most parts is not an error.
    let short = session.inspect(source("ab"), &InspectOptions::default()).unwrap();
    assert!(short.inspection.finder.is_none() && short.inspection.gradients.is_none());
    assert_eq!(short.inspection.unrolled.unwrap().tokens, ["a"]);
    let unknown = session.inspect(source("a\u{1F600}b"), &InspectOptions::default()).unwrap();
    assert_eq!(unknown.inspection.tokens, ["a", "\u{fffd}", "b"]);
}
