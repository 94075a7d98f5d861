//! Whether a model fits this machine.

use super::network::Network;
use crate::{Error, Result, SettingProblem};

/// Refuses a model whose parameters this machine could not hold `copies` times, before a failed allocation ends the
/// program.
pub(crate) fn check_memory(network: &impl Network, copies: usize) -> Result<()> {
    let parameters = network.layout().len();
    let bytes = parameters.saturating_mul(size_of::<f32>()).saturating_mul(copies);
    let reserved = Vec::<u8>::new().try_reserve_exact(bytes);
    let problem = SettingProblem::OutOfMemory { parameters: parameters as u64, bytes: bytes as u64 };
    reserved.map_err(|_| Error::Setting { setting: "hidden_size", problem })
}
