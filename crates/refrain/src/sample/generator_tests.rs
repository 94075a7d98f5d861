//! The text of a stream does not depend on other streams.

use proptest::prelude::*;
use refrain_kernels::{Cpu, Real, Reference};

use super::*;
use crate::Error;
use crate::model::{Architecture, CellKind, LayerSizes, Workspace};
use crate::sample::{End, Sampler};
use crate::text::{SymbolCounts, Units};

const SYMBOLS: &str = "\n abcdefgλ和🙂";

/// A model with random weights, large enough for every time step to depend on all previous ones.
struct Fixture<B: Backend> {
    backend: B,
    model: LanguageModel,
    weights: Weights<B>,
    vocabulary: Arc<Vocabulary>,
}

impl<B: Backend> Fixture<B> {
    fn new(backend: B, cell: CellKind, hidden_size: usize, num_layers: usize) -> Self {
        let counts = SymbolCounts::of(Units::Char, SYMBOLS);
        let vocabulary = Arc::new(Vocabulary::from_counts(Units::Char, &counts, 1, true).unwrap());
        let architecture = Architecture {
            layers: LayerSizes { cell, hidden_size, num_layers, ..LayerSizes::default() },
            embedding_size: 7,
            ..Architecture::new(vocabulary.len())
        };
        let model = LanguageModel::new(&architecture).unwrap();
        let params: Vec<B::Real> =
            model.layout().init(5).iter().map(|&x| B::Real::of(f64::from(x) * 5.0)).collect();
        let mut weights = Weights::new(model.layout(), &backend, &params);
        weights.pack(&backend, false);
        Self { backend, model, weights, vocabulary }
    }

    fn generator(&self, lines: bool) -> Generator<'_, B> {
        self.generator_on(1, lines)
    }

    /// On `threads` threads, with at least four streams each.
    fn generator_on(&self, threads: usize, lines: bool) -> Generator<'_, B> {
        let Self { backend, model, weights, vocabulary } = self;
        let generator = Generator::new(backend, model, weights, vocabulary, lines).with_threads(threads);
        Generator { min_streams: 4, ..generator }
    }

    /// The text of a stream without others.
    fn alone(&self, lines: bool, request: &Request) -> Vec<u8> {
        let mut generator = self.generator(lines);
        let stream = request.join(&mut generator);
        generator.finish(stream)
    }
}

#[derive(Clone, Debug)]
struct Request {
    prompt: String,
    length: usize,
    options: SamplingOptions,
}

impl Request {
    /// Requests that differ in everything.
    fn number(n: usize) -> Self {
        let prompt: String = SYMBOLS.chars().cycle().skip(3 * n).take(n * 5 % 11).collect();
        let options = SamplingOptions {
            temperature: [1.0, 0.7, 0.0, 1.6][n % 4],
            top_k: (n % 5 == 1).then_some(4),
            top_p: (n % 7 == 3).then_some(0.8),
            seed: n as u64,
            stop: ["ab", "和", "ccc", "\n\n"].iter().skip(n % 6).map(|&stop| stop.to_owned()).collect(),
            // Reporting candidates changes no text.
            candidates: n % 3,
        };
        Self { prompt, length: n * 13 % 40, options }
    }

    fn join<B: Backend>(&self, generator: &mut Generator<'_, B>) -> StreamId {
        generator.join(&self.prompt, self.length, &self.options).unwrap()
    }
}

/// Steps until all streams have ended; the text and the end of each stream, in the order of ids.
fn run<B: Backend>(mut generator: Generator<'_, B>, streams: &[StreamId]) -> Vec<(Vec<u8>, Option<End>)> {
    let mut texts = vec![(vec![], None); streams.len()];
    while !generator.is_empty() {
        for piece in generator.step() {
            let (text, end) = &mut texts[streams.binary_search(&piece.stream).unwrap()];
            assert_eq!(*end, None, "{:?} continues after its end", piece.stream);
            text.extend_from_slice(piece.text);
            *end = piece.end;
        }
    }
    assert_eq!(generator.step().count(), 0);
    texts
}

fn texts_equal_those_of_single_streams<B: Backend>(fixture: &Fixture<B>, lines: bool, threads: usize) {
    let requests: Vec<Request> = (0..23).map(Request::number).collect();
    let mut generator = fixture.generator_on(threads, lines);
    let streams: Vec<StreamId> = requests.iter().map(|request| request.join(&mut generator)).collect();
    assert_eq!(generator.len(), 23);
    let mut ends = vec![];
    for (request, (text, end)) in requests.iter().zip(run(generator, &streams)) {
        assert_eq!(text, fixture.alone(lines, request), "{request:?}");
        ends.push(end);
    }
    assert!(ends.contains(&Some(End::Stop)) && ends.contains(&Some(End::Length)) && !ends.contains(&None));
}

#[test]
fn streams_do_not_affect_each_other() {
    for cell in [CellKind::Rnn, CellKind::Gru, CellKind::Lstm] {
        for (hidden_size, threads) in [(33, 1), (33, 2), (16, 3)] {
            let fixture = Fixture::new(Cpu::new(threads).unwrap(), cell, hidden_size, 2);
            for lines in [false, true] {
                texts_equal_those_of_single_streams(&fixture, lines, threads);
            }
        }
    }
    texts_equal_those_of_single_streams(
        &Fixture::new(Reference::<f64>::new(), CellKind::Lstm, 5, 2),
        true,
        1,
    );
}

#[test]
fn a_stream_equals_sampling_from_its_model_token_by_token() {
    for cell in [CellKind::Rnn, CellKind::Gru, CellKind::Lstm] {
        let fixture = Fixture::new(Cpu::new(1).unwrap(), cell, 33, 2);
        let Fixture { backend, model, weights, vocabulary } = &fixture;
        let request = Request { prompt: "cab".to_owned(), length: 300, options: SamplingOptions::default() };
        for lines in [false, true] {
            let (mut state, mut pass) = (model.zero_state::<Cpu>(1), Workspace::default());
            let mut sampler = Sampler::new(&request.options, vocabulary.unknown()).unwrap();
            let mut read = |id: u32| {
                if lines && Some(id) == vocabulary.line_end() {
                    state = model.zero_state::<Cpu>(1);
                }
                model.step(backend, weights, &[id], &mut state, &mut pass).to_vec()
            };
            let mut logits = vec![];
            for id in vocabulary.encode_prompt(&request.prompt).unwrap() {
                logits = read(id);
            }
            let mut ids = vec![];
            for _ in 0..request.length {
                ids.push(sampler.pick(&logits));
                logits = read(ids[ids.len() - 1]);
            }
            assert_eq!(fixture.alone(lines, &request), vocabulary.decode(&ids));
        }
    }
}

/// The bits of a stream's state, layer by layer.
fn state_of<B: Backend<Real = f32>>(generator: &Generator<'_, B>, stream: StreamId) -> Vec<Vec<u32>> {
    let states = generator.groups.iter().find_map(|group| group.state_of(stream)).unwrap();
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect();
    states.into_iter().flat_map(|state| [bits(state.h), bits(state.c)]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Streams join and leave at random, on one thread or several, without changing texts and states of the others.
    #[test]
    fn streams_that_join_and_leave_do_not_affect_others(
        schedule in proptest::collection::vec((0..3_usize, 0..40_usize), 1..60),
        threads in 1..4_usize,
        lines: bool,
    ) {
        let fixture = Fixture::new(Cpu::new(threads).unwrap(), CellKind::Lstm, 17, 2);
        let mut generator = fixture.generator_on(threads, lines);
        // Each with a copy in a generator of its own, and their text.
        let mut doubles: Vec<(StreamId, Generator<'_, Cpu>, StreamId, Vec<u8>)> = vec![];
        for (joins, cancelled) in schedule {
            for n in 0..2 * joins {
                let request = Request::number(cancelled + 7 * n);
                let mut alone = fixture.generator(lines);
                let (here, there) = (request.join(&mut generator), request.join(&mut alone));
                doubles.push((here, alone, there, vec![]));
            }
            if joins == 0 && cancelled < doubles.len() {
                let (here, mut alone, there, _) = doubles.swap_remove(cancelled);
                prop_assert_eq!(generator.cancel(here), alone.cancel(there));
                prop_assert_eq!(generator.cancel(here), None);
            }
            let mut pieces: Vec<(StreamId, Vec<u8>, Option<End>)> =
                generator.step().map(|piece| (piece.stream, piece.text.to_vec(), piece.end)).collect();
            for (here, alone, there, text) in &mut doubles {
                let expected = alone.step().next().map(|piece| (*here, piece.text.to_vec(), piece.end));
                let found = pieces.iter().position(|piece| piece.0 == *here).map(|at| pieces.swap_remove(at));
                prop_assert_eq!(&found, &expected);
                text.extend(found.map(|piece| piece.1).unwrap_or_default());
                if !alone.is_empty() {
                    prop_assert_eq!(state_of(&generator, *here), state_of(alone, *there));
                }
            }
            prop_assert_eq!(pieces, vec![]);
            doubles.retain(|(_, alone, ..)| !alone.is_empty());
            prop_assert_eq!(generator.len(), doubles.len());
        }
    }
}

#[test]
fn streams_are_distributed_evenly_over_threads_if_there_are_enough() {
    let fixture = Fixture::new(Cpu::new(1).unwrap(), CellKind::Rnn, 8, 1);
    let mut generator = fixture.generator_on(3, false);
    let sizes = |generator: &Generator<'_, Cpu>| -> Vec<usize> {
        generator.groups.iter().map(|group| group.streams().len()).collect()
    };
    let long = Request { prompt: String::new(), length: 1000, options: SamplingOptions::default() };
    let streams: Vec<StreamId> = (0..7).map(|_| long.join(&mut generator)).collect();
    generator.step().for_each(drop);
    assert_eq!(sizes(&generator), [7, 0, 0]);
    let more: Vec<StreamId> = (0..7).map(|_| long.join(&mut generator)).collect();
    generator.step().for_each(drop);
    assert_eq!(sizes(&generator).iter().sum::<usize>(), 14);
    assert!(sizes(&generator).iter().all(|size| (4..=5).contains(size)), "{:?}", sizes(&generator));
    streams.iter().for_each(|&stream| assert_eq!(generator.cancel(stream), Some(vec![])));
    generator.step().for_each(drop);
    assert_eq!(sizes(&generator), [7, 0, 0]);
    assert!(more.iter().all(|&stream| generator.cancel(stream).is_some()));
    assert!(generator.is_empty());
}

#[test]
fn a_line_end_resets_only_the_state_of_its_own_stream() {
    let fixture = Fixture::new(Cpu::new(1).unwrap(), CellKind::Lstm, 33, 1);
    let greedy = SamplingOptions { temperature: 0.0, ..SamplingOptions::default() };
    let after = |prompt: &str| Request { prompt: prompt.to_owned(), length: 20, options: greedy.clone() };
    let fresh = fixture.alone(true, &after("\n"));
    // An empty prompt is the start of a line; the line before has no effect.
    assert_eq!(fixture.alone(true, &after("")), fresh);
    assert_eq!(fixture.alone(true, &after("abc\n")), fresh);
    assert_ne!(fixture.alone(false, &after("abc\n")), fresh);
    let mut generator = fixture.generator(true);
    let requests = [after("bbbbba"), after("abc\n"), after("gfedcbaa")];
    let streams = requests.each_ref().map(|request| request.join(&mut generator));
    let texts = run(generator, &streams);
    assert_eq!(texts[1].0, fresh);
    assert_eq!(texts[0].0, fixture.alone(true, &requests[0]));
    assert_eq!(texts[2].0, fixture.alone(true, &requests[2]));
}

#[test]
fn a_stream_ends_at_a_stop_sequence_or_its_length() {
    let fixture = Fixture::new(Cpu::new(1).unwrap(), CellKind::Gru, 33, 1);
    let whole = Request { prompt: "a".to_owned(), length: 200, options: SamplingOptions::default() };
    let text = String::from_utf8(fixture.alone(false, &whole)).unwrap();
    assert_eq!(text.chars().count(), 200);
    for stop in ["b", "和", "\n", "de", "never to be seen"] {
        let mut request = whole.clone();
        request.options.stop = vec![stop.to_owned()];
        let mut generator = fixture.generator(false);
        let stream = request.join(&mut generator);
        let (written, end) = run(generator, &[stream]).remove(0);
        let expected = text.find(stop).map_or(&text[..], |at| &text[..at]);
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        assert_eq!(end, Some(if text.contains(stop) { End::Stop } else { End::Length }));
    }
    let mut generator = fixture.generator(false);
    let none = generator.join("ab", 0, &SamplingOptions::default()).unwrap();
    assert_eq!(run(generator, &[none]), [(vec![], Some(End::Length))]);
}

#[test]
fn invalid_requests_are_refused_without_affecting_other_streams() {
    let fixture = Fixture::new(Cpu::new(1).unwrap(), CellKind::Rnn, 8, 1);
    let mut generator = fixture.generator(false);
    let one = Request::number(3);
    let stream = one.join(&mut generator);
    generator.step().for_each(drop);
    assert!(matches!(generator.join("zebra", 9, &SamplingOptions::default()), Err(Error::Input { .. })));
    let invalid = SamplingOptions { temperature: -1.0, ..SamplingOptions::default() };
    assert!(matches!(generator.join("a", 9, &invalid), Err(Error::Setting { .. })));
    assert_eq!(generator.len(), 1);
    let next = Request::number(4).join(&mut generator);
    assert!(next > stream);
    assert_eq!(run(generator, &[stream, next])[0].0, fixture.alone(false, &one));
}
