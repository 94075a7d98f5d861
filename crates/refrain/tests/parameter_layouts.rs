//! Layout of the parameters of each network: initialisation, gradient norm and files depend on it.

use refrain::kernels::{Cell, InputSpec};
use refrain::layer::{AttentionKind, Stack, StackSizes};
use refrain::model::{
    Architecture, Captioner, CaptionerInput, CaptionerSizes, CellKind, CharEncoderSizes, Classifier,
    ClassifierSizes, Forecaster, ForecasterSizes, FrameOutput, InputKind, LanguageModel, LayerSizes, Network,
    PoolingKind, RecurrentLayers, Tagger, TaggerSizes, Translator, TranslatorSizes,
};
use refrain::params::{Init, Layout};

/// Each parameter as `name rows x columns`; a star marks weight decay.
fn entries(layout: &Layout) -> Vec<String> {
    let mut at = 0;
    let described = layout.entries().iter().map(|entry| {
        assert_eq!(entry.range, at..at + entry.shape.iter().product::<usize>(), "{}", entry.name);
        at = entry.range.end;
        let shape: Vec<String> = entry.shape.iter().map(usize::to_string).collect();
        format!("{} {}{}", entry.name, shape.join(" x "), if entry.decay { "*" } else { "" })
    });
    described.collect()
}

fn layers(bidirectional: bool, layer_norm: bool) -> RecurrentLayers {
    let layers = LayerSizes { cell: CellKind::Rnn, hidden_size: 2, layer_norm, ..LayerSizes::default() };
    RecurrentLayers { layers, bidirectional, locked_dropout: false }
}

const IDS: InputKind = InputKind::Ids { vocab_size: 7, embedding_size: 3 };

#[test]
fn language_model_with_and_without_tied_embedding() {
    let untied = Architecture { layers: layers(false, true).layers, ..Architecture::new(5) };
    #[rustfmt::skip]
    assert_eq!(entries(LanguageModel::new(&untied).unwrap().layout()), [
        "rnn.weight_ih_l0 2 x 5*", "rnn.weight_hh_l0 2 x 2*", "readout.weight 5 x 2*",
        "rnn.bias_ih_l0 2", "rnn.bias_hh_l0 2", "rnn_norm_l0.weight 2", "rnn_norm_l0.bias 2", "readout.bias 5",
    ]);
    let tied = Architecture { embedding_size: 2, tied_embeddings: true, ..untied };
    #[rustfmt::skip]
    assert_eq!(entries(LanguageModel::new(&tied).unwrap().layout())[..4], [
        "embedding.weight 5 x 2*", "rnn.weight_ih_l0 2 x 2*", "rnn.weight_hh_l0 2 x 2*", "rnn.bias_ih_l0 2",
    ]);
}

#[test]
fn classifier_with_attention_pooling() {
    let recurrent = layers(true, false);
    let pooling = PoolingKind::Attention;
    let sizes = ClassifierSizes { recurrent, pooling, ..ClassifierSizes::new(IDS, 3) };
    #[rustfmt::skip]
    assert_eq!(entries(Classifier::new(&sizes).unwrap().layout()), [
        "embedding.weight 7 x 3*", "rnn.weight_ih_l0 2 x 3*", "rnn.weight_hh_l0 2 x 2*",
        "rnn.weight_ih_l0_reverse 2 x 3*", "rnn.weight_hh_l0_reverse 2 x 2*", "attention.weight 4 x 4*",
        "output.weight 3 x 4*", "rnn.bias_ih_l0 2", "rnn.bias_hh_l0 2", "rnn.bias_ih_l0_reverse 2",
        "rnn.bias_hh_l0_reverse 2", "attention.bias 4", "attention.v 4", "output.bias 3",
    ]);
}

#[test]
fn tagger_transitions_are_among_the_vectors_and_decay() {
    let spelling = Some(CharEncoderSizes { vocab_size: 6, embedding_size: 2, hidden_size: 1 });
    let recurrent = layers(false, false);
    let sizes = TaggerSizes { spelling, recurrent, crf: true, ..TaggerSizes::new(IDS, 3) };
    let tagger = Tagger::new(&sizes).unwrap();
    #[rustfmt::skip]
    assert_eq!(entries(tagger.layout()), [
        "embedding.weight 7 x 3*", "chars.embedding.weight 6 x 2*", "chars.weight_ih_l0 1 x 2*",
        "chars.weight_hh_l0 1 x 1*", "chars.weight_ih_l0_reverse 1 x 2*", "chars.weight_hh_l0_reverse 1 x 1*",
        "rnn.weight_ih_l0 2 x 5*", "rnn.weight_hh_l0 2 x 2*", "output.weight 3 x 2*",
        "chars.bias_ih_l0 1", "chars.bias_hh_l0 1", "chars.bias_ih_l0_reverse 1", "chars.bias_hh_l0_reverse 1",
        "rnn.bias_ih_l0 2", "rnn.bias_hh_l0 2", "output.bias 3",
        "crf.start_transitions 3", "crf.end_transitions 3", "crf.transitions 3 x 3*",
    ]);
    let len = tagger.layout().len();
    let [matrices, transitions] = tagger.layout().decayed() else { panic!("two ranges decay") };
    assert_eq!((matrices.start, transitions.clone()), (0, len - 9..len));
}

#[test]
fn translator_layers_are_in_the_documented_order() {
    let sizes = TranslatorSizes {
        embedding_size: 3,
        encoder: layers(true, false),
        attention: AttentionKind::Additive,
        ..TranslatorSizes::new(7, 6)
    };
    #[rustfmt::skip]
    assert_eq!(entries(Translator::new(&sizes).unwrap().layout()), [
        "source.weight 7 x 3*", "target.weight 6 x 3*", "encoder.weight_ih_l0 2 x 3*",
        "encoder.weight_hh_l0 2 x 2*", "encoder.weight_ih_l0_reverse 2 x 3*", "encoder.weight_hh_l0_reverse 2 x 2*",
        "decoder.weight_ih_l0 2 x 3*", "decoder.weight_hh_l0 2 x 2*", "bridge.l0.weight 2 x 4*",
        "attention.keys.weight 2 x 4*", "attention.queries.weight 2 x 2*", "attention.score.weight 1 x 2*",
        "combine.weight 2 x 6*", "readout.weight 6 x 2*",
        "encoder.bias_ih_l0 2", "encoder.bias_hh_l0 2", "encoder.bias_ih_l0_reverse 2", "encoder.bias_hh_l0_reverse 2",
        "decoder.bias_ih_l0 2", "decoder.bias_hh_l0 2", "bridge.l0.bias 2", "attention.queries.bias 2",
        "combine.bias 2", "readout.bias 6",
    ]);
}

#[test]
fn captioner_convolutions_come_first() {
    let input = CaptionerInput::Picture { width: 4, height: 4, channels: vec![2] };
    let (code_size, embedding_size) = (4, 3);
    let recurrent = layers(false, false);
    let sizes = CaptionerSizes { code_size, recurrent, embedding_size, ..CaptionerSizes::new(input, 5) };
    #[rustfmt::skip]
    assert_eq!(entries(Captioner::new(&sizes).unwrap().layout()), [
        "convolution_0.weight 2 x 27*", "code.weight 4 x 8*", "first.weight 2 x 4*", "readout.weight 5 x 2*",
        "embedding.weight 5 x 3*", "rnn.weight_ih_l0 2 x 3*", "rnn.weight_hh_l0 2 x 2*",
        "convolution_0.bias 2", "code.bias 4", "first.bias 2", "readout.bias 5",
        "rnn.bias_ih_l0 2", "rnn.bias_hh_l0 2", "code_norm.weight 4", "code_norm.bias 4",
    ]);
}

#[test]
fn the_forget_gate_of_a_music_model_is_not_initialised_open() {
    let starts = |output| {
        let network = Forecaster::new(&ForecasterSizes::new(3, output)).unwrap();
        #[rustfmt::skip]
        assert_eq!(entries(network.layout())[2..5], [
            format!("output.weight {} x 128*", network.sizes().output.size()),
            "rnn.bias_ih_l0 512".to_owned(), "rnn.bias_hh_l0 512".to_owned(),
        ]);
        network.layout().entries()[3].init
    };
    assert!(matches!(starts(FrameOutput::Bernoulli { keys: 3 }), Init::Uniform(_)));
    let open = starts(FrameOutput::Gaussian { values: 3 });
    assert!(matches!(open, Init::UniformPlusOne { from: 128, to: 256, .. }), "{open:?}");
    let sizes = StackSizes::new(Cell::Gru { reset_after: true }, InputSpec::Frames { size: 3 }, 4);
    let (gru, _) = Layout::build(|layout| Stack::new(layout, "rnn", sizes));
    assert!(gru.entries().iter().all(|entry| matches!(entry.init, Init::Uniform(_))));
}
