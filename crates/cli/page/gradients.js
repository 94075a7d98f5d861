// Norm of the gradient through time.
((refrain) => {
  "use strict";
  const { make, views, number, chart, table } = refrain;

  /** The first lag at which the median is below a tenth of that at the first lag. */
  function tenth({ median }, lags) {
    const i = median.findIndex((norm) => norm < median[0] / 10);
    return i < 0 ? `more than ${lags[lags.length - 1]} steps` : `${lags[i]} steps`;
  }

  function open({
    trace: {
      gradients: { series, lags },
    },
  }) {
    const picture = chart({
      label: "Norm of the gradient against steps back",
      x: { label: "k, steps back" },
      y: { label: "norm of ∂Lₜ/∂hₜ₋ₖ", log: true },
      height: 400,
      describe: ({ name, y, low, high }, i) =>
        `${name}, ${lags[i]} steps back: ${number(y[i])}${low ? ` (${number(low[i])} to ${number(high[i])})` : ""}`,
    });
    picture.update(
      series.map(({ name, model, median, low, high }) => ({
        name: model && model !== name ? `${name} (${model})` : name,
        x: lags,
        y: median,
        low,
        high,
      })),
    );
    const rows = series.map((one) => [one.name, tenth(one, lags), number(one.median[0]), number(one.median.at(-1))]);
    return make(
      "div",
      {},
      picture.element,
      table(["model", "falls to a tenth within", `${lags[0]} step back`, `${lags.at(-1)} steps back`], rows),
    );
  }

  views.push({
    id: "gradients",
    title: "Gradient",
    heading: "How far back do gradients reach?",
    note: "Norm of the gradient of the loss at step t with respect to the state k steps earlier: the median over positions of the text, and a band from the 10th to the 90th percentile. On this logarithmic scale a straight line is an exponential decay, the vanishing gradient. The flatter the curve, the longer the dependencies that can be learned.",
    formula: "‖∂Lₜ/∂hₜ₋ₖ‖, where ∂hₜ/∂hₛ = Jₜ Jₜ₋₁ ⋯ Jₛ₊₁",
    offered: ({ gradients }) => gradients?.series.length,
    open,
  });
})(window.refrain);
