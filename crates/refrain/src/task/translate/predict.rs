//! What a translator does once it has learned.

/// A target that was written for a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Translation {
    /// As text.
    pub text: String,
}
/// Stub.
pub struct TranslationEvaluation;
