// How often each unit's gates are fully open and fully shut.
((refrain) => {
  "use strict";
  const { make, views, percent, chart, choose, planeTitle, colour } = refrain;

  function gateChart(context, gate) {
    const { trace, go } = context;
    const title = planeTitle(trace, gate);
    const picture = chart({
      label: `${title}: share of time open against share of time shut; Enter colours the text by a unit`,
      x: { label: "share of time open (> 0.9)", range: [0, 1] },
      y: { label: "share of time shut (< 0.1)", range: [0, 1] },
      square: true,
      describe: ({ name, x, y }, i) => `${name}, unit ${i}: open ${percent(x[i])}, shut ${percent(y[i])} of the time`,
      pick(series, unit) {
        choose(context, { layer: series.layer, plane: gate, unit });
        go("text");
      },
    });
    const points = trace.saturation
      .filter((entry) => entry.gate === gate)
      .map(({ layer, left, right }) => ({
        name: trace.layers[layer].name,
        layer,
        x: right,
        y: left,
        kind: "points",
        colour: colour.series(layer),
      }));
    const edge = { x: [0, 1], y: [1, 0], size: 1, colour: colour.named("line"), silent: true };
    picture.update([...points, edge]);
    return make("div", {}, make("h3", {}, title), picture.element);
  }

  views.push({
    id: "gates",
    title: "Gates",
    heading: "Open or shut?",
    note: "A dot is a unit. Far right: a gate that is nearly always open (a forget gate there never forgets). High up: nearly always shut. At the origin: a gate that is never fully either. No unit can be above the diagonal. A click colours the text by that unit's gate. (After Karpathy, Johnson & Li 2015, figure 2.)",
    offered: ({ saturation }) => saturation?.length,
    open: (context) =>
      make(
        "div",
        { class: "chart-row" },
        ...[...new Set(context.trace.saturation.map(({ gate }) => gate))].map((gate) => gateChart(context, gate)),
      ),
  });
})(window.refrain);
