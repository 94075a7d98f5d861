// Tags of words and their probabilities.
((refrain) => {
  "use strict";
  const { views, visible, stackPane, stepName } = refrain;

  /** White is certain, orange uncertain. */
  const uncertainty = ([, share]) => 1 - share;

  const open = ({ trace }) =>
    stackPane({
      label: "The text, with the most probable tags below every step",
      text: trace,
      below: (t) => trace.tags.steps[t],
      right: () => undefined,
      value: (t) => uncertainty(trace.tags.steps[t][0]),
      describe: (t) => `${stepName(trace.axis)} ${t}, “${visible(trace.tokens[t])}”:`,
    }).element;

  views.push({
    id: "tags",
    title: "Tags",
    heading: "How probable is each tag?",
    note: "Below every word are its most probable tags; darker orange is more probable. The word itself is orange if the model is uncertain.",
    offered: ({ tags }) => tags?.steps.length,
    open,
  });
})(window.refrain);
