// All units of a layer over all steps.
((refrain) => {
  "use strict";
  const { make, views, visible, number, grid, unitControls, withPlane, choose, legend, stepName, isText, hasUnits } =
    refrain;

  function open(context) {
    const { trace, selection, go } = context;
    const { layer, plane: name } = selection.get();
    let plane = null,
      units = trace.layers[layer].planes[name].units;
    const matrix = grid({
      label: "Units by steps; Enter colours the text by a unit",
      name: `${trace.model.name} units`,
      shape: {
        rows: units.length,
        columns: trace.tokens.length,
        rowLabel: (row) => String(units[row]),
        columnLabel: isText(trace) && ((t) => visible(trace.tokens[t])),
      },
      value: (row, t) => (plane ? plane.shade(t, units[row], selection.get().stretch) : NaN),
      describe: (row, t) =>
        `unit ${units[row]} at ${stepName(trace.axis)} ${t}, “${visible(trace.tokens[t])}”: ${selection.get().plane} = ${number(plane?.at(t, units[row]))}`,
      selected: () => units.indexOf(selection.get().unit),
      pick(row, step) {
        go("text");
        choose(context, { unit: units[row], step });
      },
    });
    withPlane(context, (loaded) => {
      plane = loaded;
      units = loaded.units;
      matrix.reshape({ rows: units.length });
    });
    selection.follow(matrix.draw);
    return make("div", {}, unitControls(context, { unit: false }), legend(context), matrix.element);
  }

  views.push({
    id: "matrix",
    title: "Matrix",
    heading: "All units over time",
    note: "Rows are units, columns are steps. Long stripes are units that keep a value over many steps; in some columns many units change at once. Click on a cell to colour the text by its unit.",
    offered: hasUnits,
    open,
  });
})(window.refrain);
