//! Steps a language model through a thousand tokens with the state held by the caller, and compares with one call.

use std::ops::ControlFlow;

use refrain::task::language::Dataset;
use refrain::train::{Example, Settings};
use refrain::{Cpu, Result, Session};

fn main() -> Result<()> {
    let backend = Cpu::new(2)?;
    let settings = Settings { hidden_size: Some(64), max_steps: Some(50), ..Settings::default() };
    let latin = Dataset::example(Example::Latin, 1);
    let model = settings.fit(&backend, latin, None, |_| ControlFlow::Continue(()))?;
    let session = Session::new(model, &backend);

    let text = "quid est ".repeat(112);
    let ids = &session.model().task.vocabulary.encode_prompt(&text)?[..1000];
    let whole = session.logits(ids)?;
    let mut state = session.zero_state(1);
    for (id, expected) in ids.iter().zip(whole.chunks_exact(whole.len() / ids.len())) {
        let logits = session.step(&[*id], &mut state)?;
        assert_eq!(logits, expected, "steps and the whole sequence give equal bits");
    }
    println!("{} steps gave the logits of one call", ids.len());
    Ok(())
}
