//! One step of each cell, forward and backward, following the equations of `docs/math.md`.

use crate::cell::{Activation, Cell};
use crate::real::Real;

/// The parameters of one layer, row-major, with PyTorch's names.
#[derive(Clone, Copy)]
pub(super) struct Weights<'a, R> {
    /// `[G*H, I]`.
    pub(super) ih: &'a [R],
    /// `[G*H, H]`.
    pub(super) hh: &'a [R],
    /// `[G*H]` each, or empty.
    pub(super) b_ih: &'a [R],
    pub(super) b_hh: &'a [R],
}

/// The result of one step: the new state, and the gates that the backward pass needs, by slot as in
/// [`Cell::slot_names`].
pub(super) struct Step<R> {
    pub(super) h: Vec<R>,
    pub(super) c: Vec<R>,
    pub(super) gates: Vec<Vec<R>>,
}

/// Gradients of one step.
pub(super) struct StepGradients<R> {
    /// Of the input part of the pre-activations, `[G*H]`.
    pub(super) d_ih: Vec<R>,
    /// Of their recurrent part, `[G*H]`.
    pub(super) d_hh: Vec<R>,
    /// Of the states before the step.
    pub(super) d_h: Vec<R>,
    pub(super) d_c: Vec<R>,
}

/// `W v + b` for the rows `rows` of `W`.
pub(super) fn affine<R: Real>(w: &[R], b: &[R], v: &[R], rows: std::ops::Range<usize>) -> Vec<R> {
    let dot = |row: usize| w[row * v.len()..][..v.len()].iter().zip(v).map(|(&w, &v)| w * v).sum::<R>();
    rows.map(|row| dot(row) + b.get(row).copied().unwrap_or_default()).collect()
}

/// Adds `W^T d` to `out`, for the rows of `W` starting at `first_row`.
pub(super) fn transposed_into<R: Real>(w: &[R], d: &[R], first_row: usize, out: &mut [R]) {
    let n = out.len();
    for (i, &d) in d.iter().enumerate() {
        for (out, &w) in out.iter_mut().zip(&w[(first_row + i) * n..][..n]) {
            *out = *out + w * d;
        }
    }
}

pub(super) fn logistic<R: Real>(x: R) -> R {
    R::one() / (R::one() + (-x).exp())
}

fn map2<R: Real>(a: &[R], b: &[R], f: impl Fn(R, R) -> R) -> Vec<R> {
    a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect()
}

pub(super) fn forward<R: Real>(cell: Cell, w: Weights<'_, R>, x: &[R], h: &[R], c: &[R]) -> Step<R> {
    let n = h.len();
    let xs = affine(w.ih, w.b_ih, x, 0..cell.gates() * n);
    match cell {
        Cell::Rnn(activation) => {
            let z = map2(&xs, &affine(w.hh, w.b_hh, h, 0..n), |a, b| a + b);
            let f = |z: R| match activation {
                Activation::Tanh => z.tanh(),
                Activation::Relu => z.max(R::zero()),
                Activation::Logistic => logistic(z),
            };
            let h: Vec<R> = z.into_iter().map(f).collect();
            Step { gates: vec![h.clone()], h, c: vec![] }
        }
        Cell::Gru { reset_after } => {
            let rz = affine(w.hh, w.b_hh, h, 0..2 * n);
            let r = map2(&xs[..n], &rz[..n], |a, b| logistic(a + b));
            let z = map2(&xs[n..2 * n], &rz[n..], |a, b| logistic(a + b));
            let (candidate, q) = if reset_after {
                let q = affine(w.hh, w.b_hh, h, 2 * n..3 * n);
                (map2(&xs[2 * n..], &map2(&r, &q, |r, q| r * q), |a, b| (a + b).tanh()), q)
            } else {
                let q = map2(&r, h, |r, h| r * h);
                (map2(&xs[2 * n..], &affine(w.hh, w.b_hh, &q, 2 * n..3 * n), |a, b| (a + b).tanh()), q)
            };
            let h = (0..n).map(|k| (R::one() - z[k]) * candidate[k] + z[k] * h[k]).collect();
            Step { h, c: vec![], gates: vec![candidate, r, z, q] }
        }
        Cell::Lstm => {
            let z = map2(&xs, &affine(w.hh, w.b_hh, h, 0..4 * n), |a, b| a + b);
            let gate =
                |g: usize, f: fn(R) -> R| z[g * n..(g + 1) * n].iter().map(|&z| f(z)).collect::<Vec<R>>();
            let (i, f, g, o) = (gate(0, logistic), gate(1, logistic), gate(2, R::tanh), gate(3, logistic));
            let c: Vec<R> = (0..n).map(|k| f[k] * c[k] + i[k] * g[k]).collect();
            let h = (0..n).map(|k| o[k] * c[k].tanh()).collect();
            Step { h, c, gates: vec![i, f, g, o] }
        }
    }
}

/// The backward pass of one step. `h` and `c` are the states before it, `c_next` is the cell state after it, `d_h`
/// and `d_c` are the gradients of the states after it.
pub(super) fn backward<R: Real>(
    cell: Cell,
    w: Weights<'_, R>,
    gates: &[Vec<R>],
    (h, c, c_next): (&[R], &[R], &[R]),
    (d_h, d_c): (&[R], &[R]),
) -> StepGradients<R> {
    let n = h.len();
    let one = R::one();
    let mut back = vec![R::zero(); n];
    match cell {
        Cell::Rnn(activation) => {
            let slope = |y: R| match activation {
                Activation::Tanh => one - y * y,
                Activation::Relu if y > R::zero() => one,
                Activation::Relu => R::zero(),
                Activation::Logistic => y * (one - y),
            };
            let d = map2(d_h, &gates[0], |d, y| d * slope(y));
            transposed_into(w.hh, &d, 0, &mut back);
            StepGradients { d_ih: d.clone(), d_hh: d, d_h: back, d_c: vec![] }
        }
        Cell::Gru { reset_after } => {
            let [candidate, r, z, q] = gates else { unreachable!("a GRU has four slots") };
            let d_n: Vec<R> =
                (0..n).map(|k| d_h[k] * (one - z[k]) * (one - candidate[k] * candidate[k])).collect();
            let d_z: Vec<R> = (0..n).map(|k| d_h[k] * (h[k] - candidate[k]) * z[k] * (one - z[k])).collect();
            // The gradient of r: through r * q, or through q = r * h.
            let (d_r_out, d_hh_n) = if reset_after {
                (map2(&d_n, q, |d, q| d * q), map2(&d_n, r, |d, r| d * r))
            } else {
                let mut d_q = vec![R::zero(); n];
                transposed_into(w.hh, &d_n, 2 * n, &mut d_q);
                back = map2(&d_q, r, |d, r| d * r);
                (map2(&d_q, h, |d, h| d * h), d_n.clone())
            };
            let d_r = map2(&d_r_out, r, |d, r| d * r * (one - r));
            transposed_into(w.hh, &d_r, 0, &mut back);
            transposed_into(w.hh, &d_z, n, &mut back);
            if reset_after {
                transposed_into(w.hh, &d_hh_n, 2 * n, &mut back);
            }
            let back = (0..n).map(|k| back[k] + d_h[k] * z[k]).collect();
            StepGradients {
                d_ih: [&d_r[..], &d_z, &d_n].concat(),
                d_hh: [d_r, d_z, d_hh_n].concat(),
                d_h: back,
                d_c: vec![],
            }
        }
        Cell::Lstm => {
            let [i, f, g, o] = gates else { unreachable!("an LSTM has four gates") };
            let mut d = vec![R::zero(); 4 * n];
            let mut d_c_prev = vec![R::zero(); n];
            for k in 0..n {
                let tanh_c = c_next[k].tanh();
                let d_c = d_c[k] + d_h[k] * o[k] * (one - tanh_c * tanh_c);
                d[k] = d_c * g[k] * i[k] * (one - i[k]);
                d[n + k] = d_c * c[k] * f[k] * (one - f[k]);
                d[2 * n + k] = d_c * i[k] * (one - g[k] * g[k]);
                d[3 * n + k] = d_h[k] * tanh_c * o[k] * (one - o[k]);
                d_c_prev[k] = d_c * f[k];
            }
            transposed_into(w.hh, &d, 0, &mut back);
            StepGradients { d_ih: d.clone(), d_hh: d, d_h: back, d_c: d_c_prev }
        }
    }
}
