//! The hyperbolic tangent between linear layers, on the host.

use refrain_kernels::Real;

/// In place.
pub(crate) fn tanh<R: Real>(values: &mut [R]) {
    values.iter_mut().for_each(|x| *x = x.tanh());
}

/// The backward pass: the gradient of the inputs, in place, from the outputs.
pub(crate) fn tanh_back<R: Real>(outputs: &[R], d_outputs: &mut [R]) {
    d_outputs.iter_mut().zip(outputs).for_each(|(d, &y)| *d = *d * (R::one() - y * y));
}
