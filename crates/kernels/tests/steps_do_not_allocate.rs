//! After warm-up, training steps and sampling steps allocate no memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell as Counter;

use refrain_kernels::{
    Backend, Cell, Cpu, CrossEntropy, Gradients, Input, InputSpec, Isa, LinearSpec, Precision, RecurrentSpec,
    State, Upstream,
};

/// The system's allocator with a counter per thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Counter<usize> = const { Counter::new(0) };
}

// SAFETY: forwards everything to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: guaranteed by the caller.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: guaranteed by the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROWS: usize = 9;
const STEPS: usize = 7;
const HIDDEN: usize = 40;
const VOCAB: usize = 11;

/// A layer over ids, one over frames, and a readout, with all buffers of a step.
struct Model {
    backend: Cpu,
    params: refrain_kernels::Aligned,
    grads: refrain_kernels::Aligned,
    layers: Vec<<Cpu as Backend>::Recurrent>,
    readout: <Cpu as Backend>::Linear,
    tapes: [<Cpu as Backend>::Tape; 2],
    states: [State<f32>; 2],
    frames: [<Cpu as Backend>::Frames; 2],
    logits: Vec<f32>,
    scratch: <Cpu as Backend>::Scratch,
}

impl Model {
    fn new(backend: Cpu, cell: Cell, rows: usize, training: bool) -> Self {
        let (g, h) = (cell.gates(), HIDDEN);
        let mut end = 0;
        let mut take = |len: usize| {
            end += len;
            end - len
        };
        let embedding = take(VOCAB * 5);
        let inputs =
            [InputSpec::Embedded { vocab_size: VOCAB, size: 5, embedding }, InputSpec::Frames { size: h }];
        let specs = inputs.map(|input| RecurrentSpec {
            cell,
            input,
            hidden_size: h,
            reverse: false,
            weight_ih: take(g * h * input.size()),
            weight_hh: take(g * h * h),
            bias: Some((take(g * h), take(g * h))),
        });
        let readout = LinearSpec {
            input_size: h,
            output_size: VOCAB,
            weight: take(VOCAB * h),
            bias: Some(take(VOCAB)),
        };
        let values: Vec<f32> = (0..end).map(|i| ((i * 37 % 101) as f32 - 50.0) / 400.0).collect();
        let params = backend.buffer(&values);
        let mut layers: Vec<_> = specs.iter().map(|spec| backend.recurrent(spec)).collect();
        layers.iter_mut().for_each(|layer| backend.pack_recurrent(layer, &params, training));
        let mut packed = backend.linear(&readout);
        backend.pack_linear(&mut packed, &params, training);
        let states = specs.map(|spec| State::zeros(&spec, rows));
        let grads = backend.buffer(&vec![0.0; end]);
        Self {
            backend,
            params,
            grads,
            layers,
            readout: packed,
            tapes: Default::default(),
            states,
            frames: Default::default(),
            logits: vec![],
            scratch: Default::default(),
        }
    }

    fn forward(&mut self, ids: &[u32]) {
        let Self { backend, layers, tapes: [low, high], states: [below, above], .. } = self;
        backend.recurrent_forward(&layers[0], Input::Ids(ids), below, None, low);
        backend.final_state(low, below);
        backend.recurrent_forward(&layers[1], Input::Frames(backend.output(low)), above, None, high);
        backend.final_state(high, above);
    }

    fn sample(&mut self, ids: &[u32]) {
        self.forward(ids);
        let Self { backend, readout, tapes, logits, scratch, .. } = self;
        backend.linear_outputs(readout, backend.output(&tapes[1]), logits, scratch);
    }

    fn train(&mut self, ids: &[u32]) {
        self.forward(ids);
        let Self { backend, params, grads, layers, readout, tapes: [low, high], frames, scratch, .. } = self;
        let [d_high, d_low] = frames;
        let backward = CrossEntropy { scale: 0.1, smoothing: 0.0, d_frames: d_high, grads };
        backend.cross_entropy(readout, backend.output(high), ids, Some(backward), scratch);
        let upstream = Upstream { d_output: Some(backend.view(d_high)), d_final: None };
        let into = Gradients { params: grads, d_input: Some(d_low), d_initial: None };
        let input = Input::Frames(backend.output(low));
        backend.recurrent_backward(&layers[1], input, params, upstream, high, into);
        let upstream = Upstream { d_output: Some(backend.view(d_low)), d_final: None };
        let into = Gradients { params: grads, d_input: None, d_initial: None };
        backend.recurrent_backward(&layers[0], Input::Ids(ids), params, upstream, low, into);
        layers.iter_mut().for_each(|layer| backend.pack_recurrent(layer, params, true));
        backend.pack_linear(readout, params, true);
    }
}

/// The number of allocations in the third run of `work`.
fn allocations(mut work: impl FnMut()) -> usize {
    work();
    work();
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn steps_allocate_no_memory() {
    let ids: Vec<u32> = (0..ROWS * STEPS).map(|i| (i * 7 % VOCAB) as u32).collect();
    for isa in Isa::available() {
        for cell in [Cell::Lstm, Cell::Gru { reset_after: true }, Cell::Gru { reset_after: false }] {
            for precision in Precision::ALL {
                let backend = || Cpu::with_isa(isa, 1).unwrap().with_precision(precision);
                if precision != Precision::Int8 {
                    let mut model = Model::new(backend(), cell, ROWS, true);
                    assert_eq!(
                        allocations(|| model.train(&ids)),
                        0,
                        "training, {isa}, {precision}, {cell:?}"
                    );
                }
                let mut model = Model::new(backend(), cell, ROWS, false);
                let count = allocations(|| model.sample(&ids[..ROWS]));
                assert_eq!(count, 0, "sampling, {isa}, {precision}, {cell:?}");
            }
        }
    }
}
