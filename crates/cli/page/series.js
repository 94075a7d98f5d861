// A series of numbers with its forecast, and the units below.
((refrain) => {
  "use strict";
  const { make, views, number, colour, chart, grid, unitControls, withPlane, legend, choose } = refrain;

  /** Input and forecast of each column, in the same colour. */
  function curvesOf({ columns, values, expected, lowest, highest }, first) {
    const last = values.length - 1;
    const after = expected.map((_, i) => first + last + i);
    const steps = [...after, first + last + expected.length];
    return columns.flatMap((name, column) => {
      const of = (rows) => [values[last][column], ...rows.map((row) => row[column])];
      const shared = { column: name, get colour() { return colour.series(column); } };
      return [
        { ...shared, name, x: values.map((_, t) => first + t), y: values.map((row) => row[column]) },
        { ...shared, isForecast: true, x: steps, y: of(expected), low: of(lowest), high: of(highest), size: 1 },
      ];
    });
  }

  function open(context) {
    const {
      trace: { series, tokens },
      selection,
    } = context;
    const first = Number(tokens[0]),
      columns = tokens.length + series.expected.length;
    const describe = ({ column, isForecast, x, y, low, high }, i) => {
      const value = `${column}, step ${x[i]}: ${number(y[i])}`;
      return isForecast && i > 0 ? `${value} forecast, between ${number(low[i])} and ${number(high[i])}` : value;
    };
    const curves = chart({
      label: "The series over time",
      x: { label: "step", range: [first, first + columns] },
      y: { label: "value" },
      height: 240,
      describe,
    });
    curves.update(curvesOf(series, first));
    let plane = null,
      units = [];
    const strips = grid({
      label: "Units over time",
      hint: "Rows are units, over the same time as the curves.",
      shape: { rows: 1, columns, rowLabel: (row) => String(units[row] ?? "") },
      fit: true,
      tools: false,
      gutter: 58,
      margin: 14,
      value: (row, t) => (plane ? plane.shade(t, units[row], selection.get().stretch) : NaN),
      describe: (row, t) => `unit ${units[row]}, step ${first + t}: ${number(plane?.at(t, units[row]))}`,
      pick: (row) => choose(context, { unit: units[row] }),
      selected: () => units.indexOf(selection.get().unit),
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
    note: "At the top are the input and the forecast with its interval, below are the units over the same time. Look for units that follow the level, the slope or the season.",
    offered: ({ series }) => series?.values.length,
    open,
  });
})(window.refrain);
