//! A recurrent layer's weights, packed once per update and used for all steps of all shards.

use crate::backend::Input;
use crate::buffer::Aligned;
use crate::cell::InputBias;
use crate::frames::FramesView;
use crate::panel::{Columns, Format, Init, Operand, Panels, Planes, Product, Quantised, Term, Transpose};
use crate::precision::Precision;
use crate::simd::Simd;
use crate::spec::{InputSpec, RecurrentSpec};
use crate::values::ValuesRef;
use std::ops::Range;

/// The packed weights of one layer.
pub struct Packed {
    pub(super) simd: Simd,
    pub(super) precision: Precision,
    pub(super) spec: RecurrentSpec,
    /// `H` padded to whole vectors and to whole steps of the products.
    pub(super) hp: usize,
    pub(super) panels: LayerPanels,
    /// Over ids: row `v` holds `W_ih e_v + b`, `[V, unit blocks, slots, lanes]`.
    pub(super) table: Aligned,
    /// The biases in the same layout, `[unit blocks, slots, lanes]`.
    pub(super) bias: Aligned,
}

/// The matrices of a layer for the forward pass and, transposed, for the backward pass.
#[derive(Default)]
pub(super) struct LayerPanels {
    /// The rows of `W_hh` that each stage of the cell multiplies.
    pub(super) hidden: Vec<StagePanels>,
    /// `x -> pre-activations`, by `W_ih`.
    pub(super) input: Panels,
    pub(super) input_back: Panels,
}

/// The weight matrix of a stage, `operand -> pre-activations`, and its transpose for the backward pass.
#[derive(Default)]
pub(super) struct StagePanels {
    pub(super) forward: Panels,
    pub(super) back: Panels,
}

impl LayerPanels {
    /// `h -> pre-activations`: the product of the first stage.
    pub(super) fn state(&self) -> &Panels {
        &self.hidden[0].forward
    }
}

/// Rows of a large product that are processed at a time: they stay in the L2 cache while all panels are used.
const PRODUCT_ROWS: usize = 96;

/// A slice of the arena as a matrix of gates: row `gate * H + unit`.
#[derive(Clone, Copy)]
struct GateMatrix<'a> {
    data: &'a [f32],
    hidden_size: usize,
    cols: usize,
}

impl Packed {
    pub(crate) fn new(simd: Simd, precision: Precision, spec: &RecurrentSpec) -> Self {
        let [table, bias] = std::array::from_fn(|_| Aligned::default());
        let hp = precision.padded(spec.hidden_size, simd);
        Self { simd, precision, spec: *spec, hp, panels: LayerPanels::default(), table, bias }
    }

    /// Packs the layer's part of the arena; with `training`, also for the backward pass.
    pub(crate) fn pack(&mut self, params: &[f32], training: bool) {
        // Moved out while `self` is used to fill them.
        let mut panels = std::mem::take(&mut self.panels);
        let spec = self.spec;
        let (size, hidden_size) = (spec.input.size(), spec.hidden_size);
        let weight_hh = GateMatrix { data: &params[spec.weight_hh_range()], hidden_size, cols: hidden_size };
        let weight_ih = GateMatrix { data: &params[spec.weight_ih_range()], hidden_size, cols: size };
        let (stages, input_gates) = (spec.cell.description().stages, spec.cell.description().input_gates);
        let (format, input_format) = (self.precision.format(), self.input_format());
        let one_hot = matches!(spec.input, InputSpec::OneHot { .. });

        // If a stage computes only some of a unit's slots, each panel must hold a single unit block, because the slots of
        // the next unit are not contiguous with it. Later stages have no other slots.
        let one_block_per_panel = |gates: &[usize]| gates.len() != spec.cell.slots();
        panels.hidden.resize_with(stages.len(), StagePanels::default);
        for (i, (panels, stage)) in panels.hidden.iter_mut().zip(stages).enumerate() {
            let one_block = i == 0 && one_block_per_panel(stage.gates);
            self.pack_columns(&mut panels.forward, format, weight_hh, stage.gates, one_block);
            if training {
                self.pack_rows(&mut panels.back, format, weight_hh, stage.gates);
            }
        }
        if !one_hot {
            let one_block = one_block_per_panel(input_gates);
            self.pack_columns(&mut panels.input, input_format, weight_ih, input_gates, one_block);
            if training {
                self.pack_rows(&mut panels.input_back, input_format, weight_ih, input_gates);
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

    /// The format of the input's weights. For token inputs the lookup table is computed in f32, since it is small.
    fn input_format(&self) -> Format {
        match self.spec.input {
            InputSpec::Frames { .. } => self.precision.format(),
            InputSpec::OneHot { .. } | InputSpec::Embedded { .. } => Format::F32,
        }
    }

    /// Packs `columns -> gates`: `K` runs over the matrix's columns, panel columns are `[unit block][gate][lane]`.
    /// All gates of a unit are in one panel, so that the pointwise part has them in one tile; with
    /// `one_block_per_panel`, a panel has a single unit block.
    fn pack_columns(
        &self,
        panels: &mut Panels,
        format: Format,
        matrix: GateMatrix<'_>,
        gates: &[usize],
        one_block_per_panel: bool,
    ) {
        let (lanes, group) = (self.simd.lanes(), gates.len());
        let columns = Columns { groups: self.unit_blocks(), group, one_group_per_panel: one_block_per_panel };
        panels.pack(self.simd, format, matrix.cols, columns, |block, rows, out| {
            let unit = block / group * lanes;
            self.simd.run(Transpose {
                from: matrix.row(gates[block % group], unit, rows.start),
                stride: matrix.cols,
                rows: lanes.min(matrix.hidden_size - unit),
                columns: rows.len(),
                to: out,
            });
        });
    }

    /// Packs `gates -> columns`: `K` runs over the units of one gate after another, panel columns are the matrix's.
    fn pack_rows(&self, panels: &mut Panels, format: Format, matrix: GateMatrix<'_>, gates: &[usize]) {
        let lanes = self.simd.lanes();
        let plane = matrix.hidden_size.next_multiple_of(format.k_step(self.simd));
        let columns = Columns { groups: matrix.cols.div_ceil(lanes), group: 1, one_group_per_panel: false };
        panels.pack(self.simd, format, plane * gates.len(), columns, |block, rows, out| {
            let cols = block * lanes..matrix.cols.min((block + 1) * lanes);
            for (k, to) in rows.zip(out.chunks_exact_mut(lanes)) {
                let unit = k % plane;
                to[cols.len()..].fill(0.0);
                if unit < matrix.hidden_size {
                    let row = matrix.row(gates[k / plane], unit, 0);
                    to[..cols.len()].copy_from_slice(&row[cols.clone()]);
                } else {
                    to.fill(0.0);
                }
            }
        });
    }

    /// The biases of every slot: the sum of the input's and the state's where a slot receives both products.
    fn pack_biases(&mut self, params: &[f32]) {
        let (spec, lanes) = (self.spec, self.simd.lanes());
        let slots = spec.cell.slots();
        self.bias.resize_scratch(self.row_len());
        self.bias.fill(0.0);
        let Some((ih, hh)) = spec.bias_ranges() else { return };
        let description = spec.cell.description();
        for unit in 0..spec.hidden_size {
            let mut add = |slot: usize, value: f32| {
                self.bias[(unit / lanes * slots + slot) * lanes + unit % lanes] += value;
            };
            for (slot, gate) in description.input_gates.iter().enumerate() {
                add(slot, params[ih.start + gate * spec.hidden_size + unit]);
            }
            for stage in description.stages {
                for (slot, gate) in stage.slots.clone().zip(stage.gates) {
                    add(slot, params[hh.start + gate * spec.hidden_size + unit]);
                }
            }
        }
    }

    /// The table of a one-hot input: the columns of `W_ih`.
    fn table_of_columns(&mut self, weight_ih: GateMatrix<'_>, vocab_size: usize) {
        let (lanes, slots, description) =
            (self.simd.lanes(), self.spec.cell.slots(), self.spec.cell.description());
        let row_len = self.row_len();
        self.table.resize_scratch(vocab_size * row_len);
        for (v, row) in self.table.chunks_exact_mut(row_len).enumerate() {
            row.copy_from_slice(&self.bias);
            for unit in 0..weight_ih.hidden_size {
                for (slot, &gate) in description.input_gates.iter().enumerate() {
                    let at = (unit / lanes * slots + slot) * lanes + unit % lanes;
                    row[at] += weight_ih.row(gate, unit, v)[0];
                }
            }
        }
    }

    /// The table of an embedded input: one product over the whole vocabulary.
    fn table_of_products(&mut self, embedding: &[f32], vocab_size: usize, size: usize) {
        let row_len = self.row_len();
        self.table.resize_scratch(vocab_size * row_len);
        let (lanes, slots, panels) = (self.simd.lanes(), self.spec.cell.slots(), &self.panels.input);
        for row in self.table.chunks_exact_mut(row_len) {
            row.copy_from_slice(&self.bias);
        }
        let a = Operand::rows(ValuesRef::F32(embedding), size, size);
        for from in (0..vocab_size).step_by(PRODUCT_ROWS) {
            for p in 0..panels.count() {
                let unit = panels.blocks_of(p).start / self.spec.cell.gates();
                Product {
                    rows: PRODUCT_ROWS.min(vocab_size - from),
                    terms: &[Term { a: a.skip_rows(from), panel: panels.panel(p), at: 0 }],
                    init: Init::Accumulate,
                    width: panels.panel(p).width,
                    c: &mut self.table[from * row_len + unit * slots * lanes..],
                    c_stride: row_len,
                }
                .run(self.simd);
            }
        }
    }

    /// Computes the gradient of `rows` input frames from that of their pre-activations, whose gates are in planes,
    /// into `out` with rows `out_stride` apart.
    pub(crate) fn input_gradient(
        &self,
        d_gates: Planes<'_>,
        rows: usize,
        out: &mut [f32],
        out_stride: usize,
    ) {
        let panels = &self.panels.input_back;
        let k = self.spec.hidden_size.next_multiple_of(panels.format().k_step(self.simd));
        let a = Operand::planes(d_gates, k);
        for from in (0..rows).step_by(PRODUCT_ROWS) {
            for p in 0..panels.count() {
                Product {
                    rows: PRODUCT_ROWS.min(rows - from),
                    terms: &[Term { a: a.skip_rows(from), panel: panels.panel(p), at: 0 }],
                    init: Init::Zero,
                    width: panels.panel(p).width,
                    c: &mut out[from * out_stride + panels.blocks_of(p).start * self.simd.lanes()..],
                    c_stride: out_stride,
                }
                .run(self.simd);
            }
        }
    }

    /// Rows of activations, `stride` apart, as the operand of a product over `k` values: `width` values, then
    /// padding.
    pub(super) fn operand<'a>(
        &self,
        x: ValuesRef<'a>,
        stride: usize,
        (rows, width, k): (usize, usize, usize),
        quantised: &'a mut Quantised,
    ) -> Operand<'a> {
        match (self.precision, x) {
            (Precision::Int8, ValuesRef::F32(x)) => quantised.rows(self.simd, x, stride, (rows, width, k)),
            _ => Operand::rows(x, stride, k),
        }
    }

    /// The input's contribution to the pre-activations of `rows` rows starting at `first`: what is added to the
    /// products, and for dense frames the operand of a product.
    pub(super) fn input_parts<'a>(
        &'a self,
        input: Input<'a, FramesView<'a>>,
        first: usize,
        rows: usize,
        quantised: &'a mut Quantised,
    ) -> (InputBias<'a>, Option<Operand<'a>>) {
        match input {
            Input::Frames(x) => {
                let size = (rows, x.width(), self.panels.input.k());
                let x = self.operand(x.data().from(first * x.stride()), x.stride(), size, quantised);
                (InputBias { rows: &self.bias, row_len: 0, ids: None }, Some(x))
            }
            Input::Ids(ids) => {
                let ids = Some(&ids[first..][..rows]);
                (InputBias { rows: &self.table, row_len: self.row_len(), ids }, None)
            }
        }
    }

    /// The products of all frames with the input's weights: `[rows][unit blocks, slots, lanes]`, with zeros in the slots that
    /// the input does not contribute to.
    pub(super) fn input_products(&self, x: FramesView<'_>, quantised: &mut Quantised, out: &mut Aligned) {
        let (panels, lanes, row_len) = (&self.panels.input, self.simd.lanes(), self.row_len());
        let (slots, gates) = (self.spec.cell.slots(), self.spec.cell.gates());
        out.resize_scratch(x.rows() * row_len);
        for first in (0..x.rows()).step_by(PRODUCT_ROWS) {
            let rows = PRODUCT_ROWS.min(x.rows() - first);
            let size = (rows, x.width(), panels.k());
            let a = self.operand(x.data().from(first * x.stride()), x.stride(), size, quantised);
            for p in 0..panels.count() {
                let blocks = panels.blocks_of(p);
                let units = blocks.start / gates..blocks.end / gates;
                Product {
                    rows,
                    terms: &[Term { a, panel: panels.panel(p), at: 0 }],
                    init: Init::Zero,
                    width: units.len() * slots,
                    c: &mut out[first * row_len + units.start * slots * lanes..],
                    c_stride: row_len,
                }
                .run(self.simd);
            }
        }
    }

    /// Length of a row of the table and of the biases.
    pub(super) fn row_len(&self) -> usize {
        self.unit_blocks() * self.spec.cell.slots() * self.simd.lanes()
    }

    /// The unit blocks of some panels of the first stage.
    pub(super) fn unit_blocks_of(&self, panels: Range<usize>) -> Range<usize> {
        let gates = self.spec.cell.description().stages[0].gates.len();
        let block = |p: usize| self.panels.state().blocks_of(p);
        block(panels.start).start / gates..block(panels.end - 1).end / gates
    }

    /// Number of unit blocks, each one vector.
    pub(super) fn unit_blocks(&self) -> usize {
        self.spec.hidden_size.div_ceil(self.simd.lanes())
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
    /// The matrix starting at column `col` of the row of a gate's unit.
    fn row(&self, gate: usize, unit: usize, col: usize) -> &'a [f32] {
        &self.data[(gate * self.hidden_size + unit) * self.cols + col..]
    }
}
