// Contributions of tokens to the decision of a classifier.
((refrain) => {
  "use strict";
  const { make, views, visible, number, percent, select, bar, textPane, table } = refrain;
  const METHODS = [
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
    const offered = METHODS.filter(([method]) => contributions[method]);
    let values, largest;
    const ranking = make("div", {});
    function setMethod(method) {
      values = contributions[method];
      largest = Math.max(...values.map(Math.abs)) || 1;
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
    setMethod(offered[0][0]);
    const pane = textPane({
      label: "The text, coloured by contribution",
      text: trace,
      colour: (t) => values[t] / largest,
      describe: (t) => `“${visible(tokens[t])}”: ${number(values[t])} for “${contributions.label}”`,
    });
    const methods = select("Measured by", offered, offered[0][0], (method) => {
      setMethod(method);
      pane.recolour();
    });
    return make("div", {}, shares(contributions.labels), bar(methods.element), pane.element, ranking);
  }

  views.push({
    id: "contributions",
    title: "Contributions",
    heading: "Why this label?",
    note: "Orange tokens increase the probability of the predicted label, blue ones decrease it. Gradient × input uses the gradient of the label's log-probability with respect to each input; occlusion is the change of the log-probability when the token is removed.",
    formula: "xₜ · ∂ ln p(label) / ∂xₜ        ln p(label | text) − ln p(label | text without t)",
    offered: ({ contributions }) => contributions,
    open,
  });
})(window.refrain);
