//! How good predictions are, by the measures of each field: pure functions of predictions and truths.
