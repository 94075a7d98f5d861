// Attention of the decoder over the source.
((refrain) => {
  "use strict";
  const { make, views, visible, percent, grid } = refrain;

  function open({
    trace: {
      attention: { sources, targets, weights, text },
      model,
    },
  }) {
    const largest = Math.max(...weights.flat()) || 1;
    const matrix = grid({
      label: "Attention: generated tokens by source tokens",
      name: `${model.name} attention`,
      zoom: 11,
      rowHeight: 22,
      shape: {
        rows: targets.length,
        columns: sources.length,
        rowLabel: (row) => visible(targets[row]),
        columnLabel: (column) => visible(sources[column]),
      },
      value: (row, column) => weights[row][column] / largest,
      describe: (row, column) =>
        `generating “${visible(targets[row])}”: ${percent(weights[row][column])} on “${visible(sources[column])}”`,
    });
    return make("div", {}, make("p", { class: "context" }, text), matrix.element);
  }

  views.push({
    id: "attention",
    title: "Attention",
    heading: "Which source tokens does the decoder use?",
    note: "Rows are generated tokens, columns source tokens. Darker orange is a larger weight, relative to the largest one. The weights of a row sum to 1. A diagonal means the same order on both sides.",
    formula: "αₜₛ = softmaxₛ(score(hₜ, hₛ))",
    offered: ({ attention }) => attention?.weights.length,
    open,
  });
})(window.refrain);
