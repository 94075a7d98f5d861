// A series of numbers, and beneath it what the units do.
((refrain) => {
  "use strict";
  const { make, views, number, chart, grid, unitControls, withPlane, legend, choose } = refrain;

  function open(context) {
    const {
      trace: {
        series: { columns, values },
        tokens,
      },
      selection,
    } = context;
    const steps = values.map((_, t) => t);
    const curves = chart({
      label: "The series over time",
      x: { label: "step", range: [0, steps.length] },
      y: { label: "value" },
      height: 240,
      describe: ({ name, y }, t) => `${name}, step ${t}: ${number(y[t])}`,
    });
    curves.update(columns.map((name, column) => ({ name, x: steps, y: values.map((row) => row[column]) })));
    let plane = null,
      units = [];
    const strips = grid({
      label: "Units over time",
      hint: "A row is a unit, under the same time as the curves.",
      shape: { rows: 1, columns: tokens.length, rowLabel: (row) => String(units[row] ?? "") },
      fit: true,
      tools: false,
      gutter: 58,
      margin: 14,
      value: (row, t) => (plane ? plane.shade(t, units[row], selection.get().stretch) : NaN),
      describe: (row, t) => `unit ${units[row]}, step ${t}: ${number(plane?.at(t, units[row]))}`,
      pick: (row) => choose(context, { unit: units[row] }),
      chosen: () => units.indexOf(selection.get().unit),
    });
    withPlane(context, (loaded) => {
      plane = loaded;
      units = loaded.units;
      strips.reshape({ rows: units.length });
    });
    selection.follow(strips.draw);
    return make("div", {}, curves.element, unitControls(context, { unit: false }), legend(context), strips.element);
  }

  views.push({
    id: "series",
    title: "Series",
    heading: "The series and the units",
    note: "Above, the numbers that were read; beneath, under the same time, what each unit did. Look for units that follow the level, the slope or the season.",
    offered: ({ series }) => series?.values.length,
    open,
  });
})(window.refrain);
