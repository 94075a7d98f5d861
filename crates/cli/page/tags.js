// The tag of every word, and how sure it is.
((refrain) => {
  "use strict";
  const { views, visible, stackPane, stepName } = refrain;

  /** From white for sure to orange for a guess among two. */
  const doubt = ([, share]) => 1 - share;

  const open = ({ trace }) =>
    stackPane({
      label: "The text, with the likeliest tags under every place",
      text: trace,
      below: (t) => trace.tags.steps[t],
      right: () => undefined,
      value: (t) => doubt(trace.tags.steps[t][0]),
      describe: (t) => `${stepName(trace.axis)} ${t}, “${visible(trace.tokens[t])}”:`,
    }).element;

  views.push({
    id: "tags",
    title: "Tags",
    heading: "How sure is each tag?",
    note: "Under every word stand its likeliest tags, best first, the more orange the likelier. A word that is orange itself is one of which the model is in doubt.",
    offered: ({ tags }) => tags?.steps.length,
    open,
  });
})(window.refrain);
