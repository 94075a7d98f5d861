// A text coloured by one unit, next to a list of all units.
((refrain) => {
  "use strict";
  const {
    make,
    views,
    visible,
    number,
    textPane,
    grid,
    select,
    bar,
    unitControls,
    withPlane,
    choose,
    source,
    stepName,
    isText,
    hasUnits,
  } = refrain;

  const ORDERS = [
    ["number", "number"],
    ["spread", "variance"],
    ["slow", "slowest change"],
  ];

  /** Variance of a unit, and its ratio to the mean squared change per step, over at most 4,000 steps. */
  function statistics(plane, unit) {
    const end = Math.min(plane.to, plane.from + 4000);
    let sum = 0,
      squares = 0,
      jumps = 0,
      before = plane.at(plane.from, unit);
    for (let t = plane.from; t < end; t++) {
      const value = plane.shade(t, unit);
      sum += value;
      squares += value * value;
      jumps += (value - before) ** 2;
      before = value;
    }
    const count = end - plane.from,
      variance = squares / count - (sum / count) ** 2;
    return { spread: variance, slow: variance > 1e-3 ? variance / (jumps / count + 1e-9) : 0 };
  }

  /** A list of the units of all layers, one row each, over the visible steps. */
  function browser(context) {
    const { trace, selection } = context;
    let rows = [],
      planes = [],
      order = "number",
      from = 0,
      to = 1,
      shown = null;
    const strips = grid({
      label: "Units, one row each, over the visible text; Enter colours the text by a unit",
      hint: "Rows are units; click on one to colour the text by it.",
      shape: { rows: 1, columns: 1, rowLabel: (row) => (rows[row] ? `${rows[row].layer + 1}·${rows[row].unit}` : "") },
      fit: true,
      tools: false,
      rowHeight: 16,
      value: (row, column) => shade(rows[row], from + column),
      describe: (row, column) => describeCell(rows[row], from + column),
      pick: (row) => choose(context, { layer: rows[row].layer, unit: rows[row].unit }),
      selected,
    });
    function selected() {
      const now = selection.get();
      return rows.findIndex(({ layer, unit }) => layer === now.layer && unit === now.unit);
    }
    const shade = (row, t) => (row ? planes[row.layer].shade(t, row.unit, selection.get().stretch) : NaN);
    const describeCell = (row, t) =>
      row
        ? `${trace.layers[row.layer].name}, unit ${row.unit}: ${number(planes[row.layer].at(t, row.unit))} at “${visible(trace.tokens[t] ?? "")}”`
        : "";

    function arrange() {
      rows = planes.flatMap((plane, layer) =>
        plane ? plane.units.map((unit) => ({ layer, unit, ...statistics(plane, unit) })) : [],
      );
      if (order !== "number") rows.sort((a, b) => b[order] - a[order]);
      strips.reshape({ rows: rows.length, columns: Math.max(1, to - from) });
      showSelected();
    }
    function showSelected() {
      strips.draw();
      if (selected() >= 0) strips.reveal(selected(), 0);
    }
    async function load({ plane: name }) {
      if (name === shown) return showSelected();
      shown = name;
      const loaded = await Promise.all(
        trace.layers.map((layer, i) => (layer.planes[name] ? source.plane(trace, i, name) : null)),
      );
      if (shown !== name) return;
      planes = loaded;
      arrange();
    }
    function setRange(first, end) {
      [from, to] = [first, end];
      if (rows.length) strips.reshape({ columns: Math.max(1, to - from) });
    }
    selection.follow(load);
    load(selection.get());
    const sorted = select("Order by", ORDERS, order, (value) => {
      order = value;
      arrange();
    });
    return {
      element: make("div", { class: "browser" }, make("h3", {}, "Units"), bar(sorted.element), strips.element),
      setRange,
    };
  }

  function open(context) {
    const { trace, selection } = context;
    let plane = null;
    const units = browser(context);
    const selected = () => selection.get();
    const pane = textPane({
      label: "The text, coloured by one unit",
      text: trace,
      colour: (t) => (plane ? plane.shade(t, selected().unit, selected().stretch) : NaN),
      describe: (t) =>
        `${stepName(trace.axis)} ${t}, “${visible(trace.tokens[t])}”: ${selected().plane}[${selected().unit}] = ${number(plane?.at(t, selected().unit))}`,
      scrolled: (from, to) => units.setRange(from, to),
    });
    withPlane(context, (loaded) => {
      plane = loaded;
      pane.recolour();
    });
    let shownStep = selected().step;
    selection.follow(({ step }) => {
      pane.recolour();
      if (step !== shownStep) pane.reveal(step);
      shownStep = step;
    });
    return make(
      "div",
      {},
      unitControls(context),
      refrain.legend(context),
      make("div", { class: "beside" }, pane.element, units.element),
    );
  }

  views.push({
    id: "text",
    title: "Text",
    heading: "The activation of one unit",
    note: "Every token is coloured by the activation of one unit after that step. Look for units that respond to something recognisable: quotes, newlines, brackets, the middle of a word. Most units have no such meaning.",
    formula: "states from −1 (blue) to 1 (orange), c as tanh(c); gates from closed (blue) to open (orange)",
    offered: (trace) => isText(trace) && hasUnits(trace),
    open,
  });
})(window.refrain);
