//! Activations and predicted probabilities of a piece.

use refrain_kernels::{Backend, Real};

use super::Music;
use super::data::Piece;
use crate::Session;
use crate::data::Example;
use crate::format::{NOTES, Roll};
use crate::inspect::{ExpectedRoll, Recording, Trace};
use crate::layer::sigmoid;
use crate::model::{ForecasterBatch, ForecasterWorkspace, Task};

impl<B: Backend> Session<Music, B> {
    /// Activations of the layers for a piece, with silence before it.
    pub fn trace(&self, roll: &Roll) -> Trace<B::Real> {
        Trace::of_pass(self, &self.read(roll).1)
    }

    /// The predicted probability of each key in each frame, and the workspace after the forward pass.
    fn read(&self, roll: &Roll) -> (Vec<Vec<f32>>, ForecasterWorkspace<B>) {
        let network = self.model().task.network();
        let (mut batch, mut pass) = (ForecasterBatch::default(), ForecasterWorkspace::default());
        Piece::fill(&[&Piece(roll.clone())], &mut batch);
        let mut state = network.start::<B>(1);
        let outputs =
            network.outputs(self.backend(), self.weights(), &batch.inputs, None, &mut state, &mut pass);
        let frame = |logits: &[B::Real]| logits.iter().map(|x| sigmoid(x.as_f64()) as f32).collect();
        (outputs.chunks_exact(NOTES).map(frame).collect(), pass)
    }

    /// Activations of the layers for a piece, and the predicted probability of each key in each frame.
    pub fn inspect(&self, roll: &Roll, name: &str) -> Recording {
        let (probability, pass) = self.read(roll);
        let tokens = (0..probability.len()).map(|step| step.to_string()).collect();
        let mut recording = Recording::of_pass(self, &pass, name, ("frames", tokens));
        recording.inspection.own.roll = Some(ExpectedRoll { frames: roll.frames().to_vec(), probability });
        recording
    }
}
