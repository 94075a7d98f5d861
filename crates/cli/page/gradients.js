// How far back a loss can teach.
((refrain) => {
  "use strict";
  const { make, views, number, chart, table } = refrain;

  /** The first lag at which the median is below a tenth of what it is at the nearest. */
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
    heading: "How far back can a loss teach?",
    note: "The loss at step t, followed back to the state k steps earlier. The line is the median over many places of the text, the band from low to high. A straight fall on this scale is exponential: that is the vanishing gradient. The flatter a curve, the longer the memory that can be learned.",
    formula: "‖∂Lₜ/∂hₜ₋ₖ‖, where ∂hₜ/∂hₛ = Jₜ Jₜ₋₁ ⋯ Jₛ₊₁",
    offered: ({ gradients }) => gradients?.series.length,
    open,
  });
})(window.refrain);
