//! Concatenated activations, and the backward pass of concatenation: the same on every instruction set.

mod stack;

use refrain_kernels::{Backend, Cpu, Isa, Precision, Reference};
use stack::{Random, to};

const ROWS: usize = 5;

/// The concatenation, the gradient of its second part, and twice that gradient.
fn run<B: Backend>(backend: &B, widths: [usize; 2]) -> [Vec<B::Real>; 3] {
    let mut random = Random(9);
    // Quarters are exact in every precision.
    let mut values =
        |n: usize| -> Vec<f64> { random.vec(n, 8.0).iter().map(|x| (x * 4.0).round() / 4.0).collect() };
    let parts = widths.map(|width| backend.frames(width, &to::<B>(&values(ROWS * width))));
    let views = parts.each_ref().map(|part| backend.view(part));
    let mut joined = B::Frames::default();
    backend.join(&views, &mut joined);
    let total = widths[0] + widths[1];
    let d_joined = backend.d_frames(total, &to::<B>(&values(ROWS * total)));
    let (mut part, mut twice) = (B::Frames::default(), B::Frames::default());
    backend.part(backend.view(&d_joined), widths[0], widths[1], &mut part);
    backend.part(backend.view(&d_joined), widths[0], widths[1], &mut twice);
    backend.add_gradients(backend.view(&part), &mut twice);
    [&joined, &part, &twice].map(|frames| backend.read_frames(backend.view(frames)))
}

#[test]
fn every_instruction_set_and_precision_agrees_with_the_reference() {
    for widths in [[1, 1], [3, 8], [16, 5], [33, 17]] {
        let expected = run(&Reference::<f32>::new(), widths);
        assert_eq!(expected[0].len(), ROWS * (widths[0] + widths[1]));
        assert!(expected[1].iter().zip(&expected[2]).all(|(once, twice)| 2.0 * once == *twice));
        for isa in Isa::available() {
            for precision in [Precision::F32, Precision::Bf16] {
                let backend = Cpu::with_isa(isa, 1).unwrap().with_precision(precision);
                assert_eq!(run(&backend, widths), expected, "{isa}, {precision}, {widths:?}");
            }
        }
    }
}

#[test]
fn parts_of_an_arena_are_read_and_added_to() {
    fn run<B: Backend>(backend: &B) -> Vec<B::Real> {
        let mut arena = backend.buffer(&to::<B>(&[1.0, 2.0, 3.0, 4.0]));
        let part = backend.read_part(&arena, 1..3);
        backend.add_part(&part, &mut arena, 2);
        backend.read(&arena)
    }
    assert_eq!(run(&Reference::<f64>::new()), [1.0, 2.0, 5.0, 7.0]);
    assert_eq!(run(&Cpu::new(1).unwrap()), [1.0, 2.0, 5.0, 7.0]);
}

#[test]
fn rows_of_a_table_are_read_and_added_to() {
    fn run<B: Backend>(backend: &B) -> (Vec<B::Real>, Vec<B::Real>) {
        let mut arena = backend.buffer(&to::<B>(&[9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        let mut rows = vec![];
        backend.read_rows(&arena, 1, 2, &[2, 0, 2], &mut rows);
        backend.add_rows(&to::<B>(&[1.0, 1.0, 10.0, 10.0, 2.0, 3.0]), 1, 2, &[2, 0, 2], &mut arena);
        (rows, backend.read(&arena))
    }
    let (rows, arena) = ([5.0, 6.0, 1.0, 2.0, 5.0, 6.0], [9.0, 11.0, 12.0, 3.0, 4.0, 8.0, 10.0]);
    let reference = run(&Reference::<f64>::new());
    assert_eq!((&reference.0[..], &reference.1[..]), (&rows[..], &arena[..]));
    let cpu = run(&Cpu::new(1).unwrap());
    assert_eq!((cpu.0, cpu.1), (to::<Cpu>(&rows), to::<Cpu>(&arena)));
}
