//! Number types of the host: `f32` for use, `f64` for verification.

/// The number type of a backend's host values.
pub trait Real:
    num_traits::Float + std::iter::Sum + std::fmt::Debug + Default + Send + Sync + 'static
{
    /// The nearest value of this type.
    fn of(x: f64) -> Self;
    /// Lossless.
    fn as_f64(self) -> f64;
    /// The nearest `f32`, the type stored in files.
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
