//! Buffers of passes: structs over a backend's types, empty by default.

/// Defines a struct over a backend `B` whose fields all start as their types' defaults. A derived `Default` would
/// require `B: Default`.
macro_rules! workspace {
    (
        $(#[$struct_meta:meta])*
        $visibility:vis struct $name:ident<B> {
            $($(#[$field_meta:meta])* $field_visibility:vis $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$struct_meta])*
        $visibility struct $name<B: refrain_kernels::Backend> {
            $($(#[$field_meta])* $field_visibility $field: $type,)*
        }

        impl<B: refrain_kernels::Backend> Default for $name<B> {
            fn default() -> Self {
                Self { $($field: Default::default(),)* }
            }
        }
    };
}

pub(crate) use workspace;
