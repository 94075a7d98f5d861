// Where the decoder looks.
((refrain) => {
  "use strict";
  const { make, views, visible, percent, grid } = refrain;

  function open({
    trace: {
      attention: { sources, targets, weights, text },
      model,
    },
  }) {
    const most = Math.max(...weights.flat()) || 1;
    const matrix = grid({
      label: "Attention: what was written by what was read",
      name: `${model.name} attention`,
      zoom: 11,
      rowHeight: 22,
      shape: {
        rows: targets.length,
        columns: sources.length,
        rowLabel: (row) => visible(targets[row]),
        columnLabel: (column) => visible(sources[column]),
      },
      value: (row, column) => weights[row][column] / most,
      describe: (row, column) =>
        `writing “${visible(targets[row])}”: ${percent(weights[row][column])} on “${visible(sources[column])}”`,
    });
    return make("div", {}, make("p", { class: "context" }, text), matrix.element);
  }

  views.push({
    id: "attention",
    title: "Attention",
    heading: "Where does it look?",
    note: "A row is a symbol that was written, a column one that was read; the more orange, the more weight (the fullest colour is the largest of all). Each row adds up to 1. A diagonal means the same order in both languages; look where it bends.",
    formula: "αₜₛ = softmaxₛ(score(hₜ, hₛ))",
    offered: ({ attention }) => attention?.weights.length,
    open,
  });
})(window.refrain);
