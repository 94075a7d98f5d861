// Hidden states in two dimensions, as a path through the text.
((refrain) => {
  "use strict";
  const { make, views, visible, inText, percent, chart, player, bar } = refrain;
  const TRAIL = 40,
    CONTEXT = 60;

  const component = (i, explained) => `component ${i + 1} (${percent(explained[i])} of the variance)`;

  function open({
    trace: {
      path: { points, every, explained, layer },
      tokens,
      axis,
      layers,
    },
  }) {
    const xs = points.map(([x]) => x),
      ys = points.map(([, y]) => y);
    const step = (i) => i * every;
    const around = (i) =>
      tokens
        .slice(Math.max(0, step(i) - 20), step(i) + 1)
        .map(visible)
        .join("");
    const picture = chart({
      label: "Hidden states in two dimensions",
      x: { label: component(0, explained) },
      y: { label: component(1, explained) },
      height: 460,
      describe: ({ from }, i) => `after ${axis} ${step(from + i)}: …${around(from + i)}`,
      pick: ({ from }, i) => play.go(from + i),
      marked: () => [[1, Math.min(play.place(), TRAIL)]],
    });
    const line = make("p", { class: "context" });
    const part = (from, to) => tokens.slice(Math.max(0, from), to).map(inText).join("");
    function show(i) {
      const from = Math.max(0, i - TRAIL),
        at = step(i);
      picture.update([
        { kind: "points", size: 1.6, alpha: 0.35, colour: refrain.colour.named("soft"), x: xs, y: ys, from: 0 },
        { x: xs.slice(from, i + 1), y: ys.slice(from, i + 1), from },
      ]);
      line.replaceChildren(
        part(at - CONTEXT, at),
        make("mark", {}, inText(tokens[at] ?? "")),
        make("span", { class: "soft" }, part(at + 1, at + CONTEXT)),
      );
    }
    const play = player("Time", show, { wait: 250 });
    play.setCount(points.length);
    show(0);
    return make(
      "div",
      {},
      make("p", { class: "soft" }, layers[layer]?.name ?? ""),
      bar(play.element),
      line,
      picture.element,
    );
  }

  views.push({
    id: "path",
    title: "Path",
    heading: "Hidden states over time",
    note: `Each dot is the hidden state after a step, projected onto the two principal components. The line connects the last ${TRAIL} steps. Positions with similar states are treated similarly: look for loops, one per word or per line.`,
    offered: ({ path }) => path?.points.length,
    open,
  });
})(window.refrain);
