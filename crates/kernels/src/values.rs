//! Activations whose number type is chosen at run time, by the precision.

use crate::bf16::Bf16;
use crate::buffer::Aligned;

/// The number type of activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    #[default]
    F32,
    Bf16,
}

/// Activations that own their memory.
pub(crate) enum Values {
    F32(Aligned),
    Bf16(Aligned<Bf16>),
}

/// Borrowed activations.
#[derive(Clone, Copy)]
pub(crate) enum ValuesRef<'a> {
    F32(&'a [f32]),
    Bf16(&'a [Bf16]),
}

/// Activations borrowed for writing.
pub(crate) enum ValuesMut<'a> {
    F32(&'a mut [f32]),
    Bf16(&'a mut [Bf16]),
}

/// Maximum number of slots of a cell.
pub(crate) const MAX_SLOTS: usize = 4;

/// The gates of a cell: one plane per slot, each starting at the first row of a tile, and empty beyond the cell's slots.
pub(crate) type GatePlanes<'a, E> = [&'a mut [E]; MAX_SLOTS];

/// Planes of activations borrowed for writing, one for each slot of a cell.
pub(crate) enum PlanesMut<'a> {
    F32(GatePlanes<'a, f32>),
    Bf16(GatePlanes<'a, Bf16>),
}

/// Evaluates one expression for either number type.
macro_rules! match_kind {
    ($enum:ident, $values:expr, $x:ident => $result:expr) => {
        match $values {
            $enum::F32($x) => $result,
            $enum::Bf16($x) => $result,
        }
    };
}
pub(crate) use match_kind;

impl Default for Values {
    fn default() -> Self {
        Values::F32(Aligned::default())
    }
}

impl Values {
    /// Resizes to `len` numbers of a type; see [`Aligned::resize_scratch`].
    pub(crate) fn resize_scratch(&mut self, kind: Kind, len: usize) {
        match (kind, &*self) {
            (Kind::F32, Values::F32(_)) | (Kind::Bf16, Values::Bf16(_)) => {}
            (Kind::F32, _) => *self = Values::F32(Aligned::default()),
            (Kind::Bf16, _) => *self = Values::Bf16(Aligned::default()),
        }
        match_kind!(Values, self, x => x.resize_scratch(len));
    }

    /// Overwrites the `len` numbers starting at `at`.
    pub(crate) fn copy_at(&mut self, at: usize, from: ValuesRef<'_>, len: usize) {
        match (self, from) {
            (Values::F32(to), ValuesRef::F32(from)) => to[at..][..len].copy_from_slice(&from[..len]),
            (Values::Bf16(to), ValuesRef::Bf16(from)) => to[at..][..len].copy_from_slice(&from[..len]),
            _ => unreachable!("activations of different number types"),
        }
    }

    pub(crate) fn as_ref(&self) -> ValuesRef<'_> {
        match self {
            Values::F32(x) => ValuesRef::F32(x),
            Values::Bf16(x) => ValuesRef::Bf16(x),
        }
    }

    pub(crate) fn as_mut(&mut self) -> ValuesMut<'_> {
        match self {
            Values::F32(x) => ValuesMut::F32(x),
            Values::Bf16(x) => ValuesMut::Bf16(x),
        }
    }

    /// The numbers before `at`, and those starting at `at`.
    pub(crate) fn split_at_mut(&mut self, at: usize) -> (ValuesMut<'_>, ValuesRef<'_>) {
        match self {
            Values::F32(x) => {
                let (low, high) = x.split_at_mut(at);
                (ValuesMut::F32(low), ValuesRef::F32(high))
            }
            Values::Bf16(x) => {
                let (low, high) = x.split_at_mut(at);
                (ValuesMut::Bf16(low), ValuesRef::Bf16(high))
            }
        }
    }
}

impl<'a> ValuesMut<'a> {
    /// The planes of `plane` numbers each, starting at number `at` of each.
    pub(crate) fn planes(self, plane: usize, at: usize) -> PlanesMut<'a> {
        fn cut<E>(x: &mut [E], plane: usize, at: usize) -> GatePlanes<'_, E> {
            let mut planes = x.chunks_exact_mut(plane);
            std::array::from_fn(|_| planes.next().map_or(&mut [][..], |plane| &mut plane[at..]))
        }
        match self {
            ValuesMut::F32(x) => PlanesMut::F32(cut(x, plane, at)),
            ValuesMut::Bf16(x) => PlanesMut::Bf16(cut(x, plane, at)),
        }
    }

    /// Borrows again for a shorter lifetime.
    pub(crate) fn reborrow(&mut self) -> ValuesMut<'_> {
        match self {
            ValuesMut::F32(x) => ValuesMut::F32(x),
            ValuesMut::Bf16(x) => ValuesMut::Bf16(x),
        }
    }
}

impl<'a> PlanesMut<'a> {
    /// Takes the first `len` numbers of each plane.
    pub(crate) fn split_off(&mut self, len: usize) -> PlanesMut<'a> {
        fn cut<'a, E>(planes: &mut GatePlanes<'a, E>, len: usize) -> GatePlanes<'a, E> {
            planes.each_mut().map(|plane| split_off(plane, len))
        }
        match self {
            PlanesMut::F32(planes) => PlanesMut::F32(cut(planes, len)),
            PlanesMut::Bf16(planes) => PlanesMut::Bf16(cut(planes, len)),
        }
    }
}

/// Takes the first `len` numbers of a slice; none of an empty slice.
pub(crate) fn split_off<'a, E>(from: &mut &'a mut [E], len: usize) -> &'a mut [E] {
    if from.is_empty() {
        return &mut [];
    }
    from.split_off_mut(..len).expect("at least `len` numbers")
}

impl<'a> ValuesRef<'a> {
    /// From number `at` on.
    pub(crate) fn from(self, at: usize) -> Self {
        match self {
            ValuesRef::F32(x) => ValuesRef::F32(&x[at..]),
            ValuesRef::Bf16(x) => ValuesRef::Bf16(&x[at..]),
        }
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            ValuesRef::F32(_) => Kind::F32,
            ValuesRef::Bf16(_) => Kind::Bf16,
        }
    }

    /// `rows` rows of `width` values as `f32`, starting at `from`, `stride` apart.
    pub(crate) fn to_f32(self, from: usize, rows: usize, width: usize, stride: usize) -> Vec<f32> {
        let mut values = Vec::with_capacity(rows * width);
        for at in (0..rows).map(|row| from + row * stride) {
            match self {
                ValuesRef::F32(x) => values.extend_from_slice(&x[at..at + width]),
                ValuesRef::Bf16(x) => values.extend(x[at..at + width].iter().map(|x| x.to_f32())),
            }
        }
        values
    }
}
