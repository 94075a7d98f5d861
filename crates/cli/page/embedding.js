// Map of the embeddings.
((refrain) => {
  "use strict";
  const { views, visible, number, percent, chart } = refrain;

  function open({
    trace: {
      embedding: { labels, points, explained },
    },
  }) {
    const map = chart({
      label: "Embeddings in two dimensions",
      x: { label: explained ? `component 1 (${percent(explained[0])})` : "component 1" },
      y: { label: explained ? `component 2 (${percent(explained[1])})` : "component 2" },
      height: 520,
      describe: ({ names, x, y }, i) => `“${names[i]}” at ${number(x[i])}, ${number(y[i])}`,
    });
    map.update([{ kind: "names", names: labels.map(visible), x: points.map(([x]) => x), y: points.map(([, y]) => y) }]);
    return map.element;
  }

  views.push({
    id: "embedding",
    title: "Embedding",
    heading: "Which tokens are similar?",
    note: "The embeddings of the tokens, projected onto their two principal components. Tokens that the model uses similarly are close together: vowels, capitals, digits, punctuation.",
    offered: ({ embedding }) => embedding?.points.length,
    open,
  });
})(window.refrain);
