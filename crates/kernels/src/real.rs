//! The numbers on the host side of the seam: `f32` to run, `f64` to prove.

/// The numbers a backend computes with on the host side of the seam.
pub trait Real:
    num_traits::Float + std::iter::Sum + std::fmt::Debug + Default + Send + Sync + 'static
{
    /// The nearest number of this kind.
    fn of(x: f64) -> Self;
    /// Without loss.
    fn as_f64(self) -> f64;
    /// The nearest number of the kind that files hold.
    fn as_f32(self) -> f32;
}

impl Real for f32 {
    fn of(x: f64) -> Self {
        x as f32
    }
    fn as_f64(self) -> f64 {
        self.into()
    }
    fn as_f32(self) -> f32 {
        self
    }
}

impl Real for f64 {
    fn of(x: f64) -> Self {
        x
    }
    fn as_f64(self) -> f64 {
        self
    }
    fn as_f32(self) -> f32 {
        self as f32
    }
}
