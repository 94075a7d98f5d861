//! A recurrent layer's weights, packed once per update: constant over all steps of all shards.

use crate::buffer::Aligned;
use crate::cell::{Cell, gru};
use crate::panel::{Init, Operand, Panels, Product};
use crate::simd::Simd;
use crate::spec::{InputSpec, RecurrentSpec};

/// The packed weights of one layer.
pub struct Packed {
    pub(super) simd: Simd,
    pub(super) spec: RecurrentSpec,
    /// `H` padded to whole vectors.
    pub(super) hp: usize,
    pub(super) panels: LayerPanels,
    /// Over ids: row `v` holds `W_ih e_v + b`, `[V, Hp/lanes, G, lanes]`.
    pub(super) table: Aligned,
    /// The bias that the input's share carries, `[Hp/lanes, G, lanes]`.
    pub(super) bias: Aligned,
    /// GRU, reset after: `b_hn`, `[Hp]`.
    pub(super) hidden_bias: Aligned,
}

/// The matrices of a layer, for the way there and, transposed, for the way back.
#[derive(Default)]
pub(super) struct LayerPanels {
    /// `h -> pre-activations`, by `W_hh`.
    pub(super) hidden: Panels,
    pub(super) hidden_back: Panels,
    /// The reset-before GRU's `W_hn`, a product of its own.
    pub(super) candidate: Panels,
    pub(super) candidate_back: Panels,
    /// `x -> pre-activations`, by `W_ih`.
    pub(super) input: Panels,
    pub(super) input_back: Panels,
}

/// Frames that stay in the second-level cache while all panels of a large product pass by.
const PRODUCT_ROWS: usize = 96;

/// A slice of the arena as a matrix of gates: row `gate * H + unit`.
#[derive(Clone, Copy)]
struct GateMatrix<'a> {
    data: &'a [f32],
    hidden_size: usize,
    cols: usize,
}

impl Packed {
    pub(crate) fn new(simd: Simd, spec: &RecurrentSpec) -> Self {
        let [table, bias, hidden_bias] = std::array::from_fn(|_| Aligned::default());
        Self {
            simd,
            spec: *spec,
            hp: spec.hidden_size.next_multiple_of(simd.lanes()),
            panels: LayerPanels::default(),
            table,
            bias,
            hidden_bias,
        }
    }

    /// Packs the layer's part of the arena; with `training`, for both ways.
    pub(crate) fn pack(&mut self, params: &[f32], training: bool) {
        // The panels are lent out while `self` says how to fill them.
        let mut panels = std::mem::take(&mut self.panels);
        let spec = self.spec;
        let (size, hidden_size) = (spec.input.size(), spec.hidden_size);
        let weight_hh = GateMatrix { data: &params[spec.weight_hh_range()], hidden_size, cols: hidden_size };
        let weight_ih = GateMatrix { data: &params[spec.weight_ih_range()], hidden_size, cols: size };
        let ((_, hidden_gates), input_gates) = (spec.cell.hidden_slots(), spec.cell.input_gates());
        let two_products = spec.cell == (Cell::Gru { reset_after: false });
        let one_hot = matches!(spec.input, InputSpec::OneHot { .. });

        self.pack_columns(&mut panels.hidden, hidden_size, weight_hh, hidden_gates);
        if two_products {
            self.pack_columns(&mut panels.candidate, self.hp, weight_hh, &[gru::N]);
        }
        if !one_hot {
            self.pack_columns(&mut panels.input, size, weight_ih, input_gates);
        }
        if training {
            self.pack_rows(&mut panels.hidden_back, weight_hh, hidden_gates);
            if two_products {
                self.pack_rows(&mut panels.candidate_back, weight_hh, &[gru::N]);
            }
            if !one_hot {
                self.pack_rows(&mut panels.input_back, weight_ih, input_gates);
            }
        }
        self.panels = panels;
        self.pack_biases(params);
        match spec.input {
            InputSpec::Frames { .. } => {}
            InputSpec::OneHot { vocab_size } => self.table_of_columns(weight_ih, vocab_size),
            InputSpec::Embedded { vocab_size, size, embedding } => {
                self.table_of_products(&params[embedding..][..vocab_size * size], vocab_size, size);
            }
        }
    }

    /// Packs `columns -> gates`: `K` runs over the matrix's columns and zeros up to `k`, panel columns are `[unit
    /// block][gate][lane]`. All gates of a unit share a panel, for the pointwise part to find them in one tile.
    fn pack_columns(&self, panels: &mut Panels, k: usize, matrix: GateMatrix<'_>, gates: &[usize]) {
        let lanes = self.simd.lanes();
        panels.pack(self.simd, k, (self.hp / lanes, gates.len()), |block, out| {
            let (unit, gate) = (block / gates.len() * lanes, gates[block % gates.len()]);
            for lane in 0..lanes {
                let row = matrix.row(gate, unit + lane).unwrap_or_default();
                for k in 0..k {
                    out.row(k)[lane] = row.get(k).copied().unwrap_or(0.0);
                }
            }
        });
    }

    /// Packs `gates -> columns`: `K` runs over `[unit block][gate][lane]`, panel columns are the matrix's columns.
    fn pack_rows(&self, panels: &mut Panels, matrix: GateMatrix<'_>, gates: &[usize]) {
        let lanes = self.simd.lanes();
        let (k, blocks) = (self.hp * gates.len(), matrix.cols.div_ceil(lanes));
        panels.pack(self.simd, k, (blocks, 1), |block, out| {
            let cols = block * lanes..matrix.cols.min((block + 1) * lanes);
            for k in 0..k {
                let (unit, gate) =
                    (k / (gates.len() * lanes) * lanes + k % lanes, gates[k / lanes % gates.len()]);
                let to = out.row(k);
                to[cols.len()..].fill(0.0);
                match matrix.row(gate, unit) {
                    Some(row) => to[..cols.len()].copy_from_slice(&row[cols.clone()]),
                    None => to.fill(0.0),
                }
            }
        });
    }

    /// The biases as the forward pass adds them: `b_ih + b_hh` with the input's share, but for the reset-after
    /// GRU's `b_hn`, which the reset gate multiplies.
    fn pack_biases(&mut self, params: &[f32]) {
        let (spec, lanes) = (self.spec, self.simd.lanes());
        let gates = spec.cell.input_gates();
        self.bias.resize_scratch(self.hp * gates.len());
        self.bias.fill(0.0);
        self.hidden_bias.resize_scratch(self.hp);
        self.hidden_bias.fill(0.0);
        let Some((ih, hh)) = spec.bias_ranges() else { return };
        let apart = |gate: usize| spec.cell == (Cell::Gru { reset_after: true }) && gate == gru::N;
        for unit in 0..spec.hidden_size {
            for (slot, &gate) in gates.iter().enumerate() {
                let from = gate * spec.hidden_size + unit;
                let (b_ih, b_hh) = (params[ih.start + from], params[hh.start + from]);
                let to = &mut self.bias[(unit / lanes * gates.len() + slot) * lanes + unit % lanes];
                if apart(gate) {
                    *to = b_ih;
                    self.hidden_bias[unit] = b_hh;
                } else {
                    *to = b_ih + b_hh;
                }
            }
        }
    }

    /// The table of a one-hot input: the columns of `W_ih`.
    fn table_of_columns(&mut self, weight_ih: GateMatrix<'_>, vocab_size: usize) {
        let (gates, lanes) = (self.spec.cell.input_gates(), self.simd.lanes());
        let row_len = self.hp * gates.len();
        self.table.resize_scratch(vocab_size * row_len);
        for (v, row) in self.table.chunks_exact_mut(row_len).enumerate() {
            row.copy_from_slice(&self.bias);
            for unit in 0..weight_ih.hidden_size {
                for (slot, &gate) in gates.iter().enumerate() {
                    let at = (unit / lanes * gates.len() + slot) * lanes + unit % lanes;
                    row[at] += weight_ih.row(gate, unit).map_or(0.0, |row| row[v]);
                }
            }
        }
    }

    /// The table of an embedded input: one product of the whole vocabulary.
    fn table_of_products(&mut self, embedding: &[f32], vocab_size: usize, size: usize) {
        let row_len = self.hp * self.spec.cell.gates();
        self.table.resize_scratch(vocab_size * row_len);
        let mut table = std::mem::take(&mut self.table);
        self.input_product(Operand::rows(embedding, size, size), vocab_size, &mut table, row_len);
        self.table = table;
    }

    /// The input's share of the pre-activations of `rows` frames: into the first `G` of the slots of each unit
    /// block of `out`, whose rows are `out_stride` apart.
    pub(super) fn input_product(&self, x: Operand<'_>, rows: usize, out: &mut [f32], out_stride: usize) {
        let (lanes, gates) = (self.simd.lanes(), self.spec.cell.gates());
        let slots = out_stride / self.hp;
        let panels = &self.panels.input;
        for from in (0..rows).step_by(PRODUCT_ROWS) {
            for p in 0..panels.count() {
                let blocks = panels.blocks_of(p);
                let at = blocks.start / gates * slots * lanes;
                self.simd.run(Product {
                    rows: PRODUCT_ROWS.min(rows - from),
                    a: Operand { data: &x.data[from * x.row_stride..], ..x },
                    panel: panels.panel(p),
                    init: Init::Row(&self.bias[blocks.start * lanes..blocks.end * lanes]),
                    c: &mut out[from * out_stride + at..],
                    c_stride: out_stride,
                });
            }
        }
    }

    /// The gradient of `rows` input frames from that of their pre-activations, `d_gates`, which holds the `G` gates
    /// of each unit block: into `out`, whose rows are `out_stride` apart.
    pub(crate) fn input_gradient(
        &self,
        d_gates: Operand<'_>,
        rows: usize,
        out: &mut [f32],
        out_stride: usize,
    ) {
        let panels = &self.panels.input_back;
        for from in (0..rows).step_by(PRODUCT_ROWS) {
            for p in 0..panels.count() {
                self.simd.run(Product {
                    rows: PRODUCT_ROWS.min(rows - from),
                    a: Operand { data: &d_gates.data[from * d_gates.row_stride..], ..d_gates },
                    panel: panels.panel(p),
                    init: Init::Zero,
                    c: &mut out[from * out_stride + panels.blocks_of(p).start * self.simd.lanes()..],
                    c_stride: out_stride,
                });
            }
        }
    }

    pub(crate) fn simd(&self) -> Simd {
        self.simd
    }

    pub(crate) fn spec(&self) -> &RecurrentSpec {
        &self.spec
    }

    pub(crate) fn hp(&self) -> usize {
        self.hp
    }
}

impl<'a> GateMatrix<'a> {
    /// The row of a gate's unit; none for the units that only pad the last vector.
    fn row(&self, gate: usize, unit: usize) -> Option<&'a [f32]> {
        (unit < self.hidden_size)
            .then(|| &self.data[(gate * self.hidden_size + unit) * self.cols..][..self.cols])
    }
}
