// Which words made a classifier decide as it did.
((refrain) => {
  "use strict";
  const { make, views, visible, number, percent, select, bar, textPane, table } = refrain;
  const WAYS = [
    ["gradient_x_input", "gradient × input"],
    ["occlusion", "occlusion"],
  ];

  function shares(labels) {
    const meter = (share) => {
      const fill = make("i", {});
      fill.style.width = `${100 * share}%`;
      return make("span", { class: "meter" }, fill);
    };
    return make(
      "ul",
      { class: "shares" },
      ...labels.map(([name, share]) => make("li", {}, make("span", {}, visible(name)), meter(share), percent(share))),
    );
  }

  function open({ trace }) {
    const { contributions, tokens } = trace;
    const offered = WAYS.filter(([way]) => contributions[way]);
    let values, most;
    const ranking = make("div", {});
    function take(way) {
      values = contributions[way];
      most = Math.max(...values.map(Math.abs)) || 1;
      const order = values
        .map((_, t) => t)
        .sort((a, b) => Math.abs(values[b]) - Math.abs(values[a]))
        .slice(0, 10);
      ranking.replaceChildren(
        table(
          ["strongest", "contribution"],
          order.map((t) => [visible(tokens[t]), number(values[t])]),
        ),
      );
    }
    take(offered[0][0]);
    const pane = textPane({
      label: "The text, coloured by what each place contributed",
      text: trace,
      colour: (t) => values[t] / most,
      describe: (t) => `“${visible(tokens[t])}”: ${number(values[t])} for “${contributions.label}”`,
    });
    const ways = select("Measured by", offered, offered[0][0], (way) => {
      take(way);
      pane.recolour();
    });
    return make("div", {}, shares(contributions.labels), bar(ways.element), pane.element, ranking);
  }

  views.push({
    id: "contributions",
    title: "Contributions",
    heading: "Why this label?",
    note: "Orange speaks for the label that was given, blue against it. Gradient × input follows the label's log-probability back to what was read at each place; occlusion takes each place out, to see what becomes of the label.",
    formula: "xₜ · ∂ ln p(label) / ∂xₜ        ln p(label | text) − ln p(label | text without t)",
    offered: ({ contributions }) => contributions,
    open,
  });
})(window.refrain);
