// How often each unit's gates are open and closed.
((refrain) => {
  "use strict";
  const { make, views, percent, chart, choose, planeTitle, colour } = refrain;

  function gateChart(context, gate) {
    const { trace, go } = context;
    const title = planeTitle(trace, gate);
    const picture = chart({
      label: `${title}: share of time closed against share of time open; Enter colours the text by a unit`,
      x: { label: "share of time open (> 0.9)", range: [0, 1] },
      y: { label: "share of time closed (< 0.1)", range: [0, 1] },
      square: true,
      describe: ({ name, x, y }, i) => `${name}, unit ${i}: open ${percent(x[i])}, closed ${percent(y[i])} of the time`,
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
    heading: "How often are gates open or closed?",
    note: "Each dot is a unit. On the right are gates that are almost always open (such a forget gate keeps its state), at the top gates that are almost always closed, at the origin gates that are rarely either. No unit can be above the diagonal. Click on a unit to colour the text by its gate. (After Karpathy, Johnson & Li 2015, figure 2.)",
    offered: ({ saturation }) => saturation?.length,
    open: (context) =>
      make(
        "div",
        { class: "chart-row" },
        ...[...new Set(context.trace.saturation.map(({ gate }) => gate))].map((gate) => gateChart(context, gate)),
      ),
  });
})(window.refrain);
