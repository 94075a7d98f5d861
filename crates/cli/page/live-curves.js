// The curves of a run, its samples, and the saturation of its gates.
((refrain) => {
  "use strict";
  const { make, views, number, chart, checkbox, bar, colour } = refrain;

  const columns = (events, name) => ({ x: events.map(({ step }) => step), y: events.map((event) => event[name]) });

  function curve(label, y, log = false) {
    return chart({
      label: `${label} over updates`,
      x: { label: "update" },
      y: { label: y, log },
      height: 240,
      describe: (one, i) => `${one.name}, update ${one.x[i]}: ${number(one.y[i])}`,
    });
  }

  function openCurves({ run }) {
    const axis = { label: "nats" };
    const losses = chart({
      label: "Loss over updates",
      x: { label: "update" },
      y: axis,
      describe: (one, i) =>
        `${one.name}, update ${one.x[i]}: ${number(one.y[i])} nats (${number(one.y[i] / Math.LN2)} bits)`,
    });
    const norms = curve("Norm of the gradient", "norm", true),
      speed = curve("Throughput", "targets per second");
    run.follow(({ step, valid }) => {
      losses.update([
        { name: "training", ...columns(step, "loss"), size: 1, colour: colour.series(1) },
        { name: "validation", ...columns(valid, "loss"), size: 2.5, colour: colour.series(0) },
      ]);
      norms.update([{ name: "norm", ...columns(step, "grad_norm"), size: 1 }]);
      speed.update([{ name: "targets per second", ...columns(step, "targets_per_s"), size: 1 }]);
    });
    const scale = checkbox("Logarithmic", false, (log) => {
      axis.log = log;
      losses.draw();
    });
    const titled = (title, { element }) => make("div", {}, make("h3", {}, title), element);
    return make(
      "div",
      {},
      bar(scale.element),
      losses.element,
      make("div", { class: "chart-row" }, titled("Norm of the gradient", norms), titled("Throughput", speed)),
    );
  }

  function openSamples({ run }) {
    const list = make("ol", { class: "samples" });
    run.follow(({ sample }) => {
      const known = list.childElementCount > sample.length ? (list.replaceChildren(), 0) : list.childElementCount;
      for (const { step, text } of sample.slice(known))
        list.prepend(
          make("li", {}, make("h3", {}, `after update ${step.toLocaleString("en")}`), make("pre", {}, text)),
        );
    });
    return list;
  }

  function openSaturation({ run }) {
    const holder = make("div", { class: "chart-row" }),
      charts = new Map();
    const chartOf = (gate) => {
      if (!charts.has(gate)) {
        const made = chart({
          label: `Saturation of gate ${gate} over updates`,
          x: { label: "update" },
          y: { label: "share of time", range: [0, 1] },
          describe: (one, i) => `${one.name}, update ${one.x[i]}: ${number(one.y[i])}`,
        });
        charts.set(gate, made);
        holder.append(make("div", {}, make("h3", {}, `gate ${gate}`), made.element));
      }
      return charts.get(gate);
    };
    run.follow(({ probe }) => {
      const entries = probe.flatMap(({ step, saturation = [] }) => saturation.map((entry) => ({ step, ...entry })));
      for (const gate of new Set(entries.map((entry) => entry.gate))) {
        const own = entries.filter((entry) => entry.gate === gate);
        chartOf(gate).update(
          [...new Set(own.map(({ layer }) => layer))].flatMap((layer) => {
            const line = own.filter((entry) => entry.layer === layer);
            return [
              { name: `layer ${layer + 1} open`, ...columns(line, "right") },
              { name: `layer ${layer + 1} closed`, ...columns(line, "left") },
            ];
          }),
        );
      }
    });
    return holder;
  }

  views.push(
    {
      id: "curves",
      title: "Curves",
      host: "live",
      open: openCurves,
      heading: "Training and validation loss",
      note: "Training loss (thin) and validation loss (thick). If the validation loss rises while the training loss falls, the model overfits. Gradient clipping limits the effect of jumps of the norm.",
    },
    {
      id: "samples",
      title: "Samples",
      host: "live",
      open: openSamples,
      heading: "Generated text",
      note: "The latest sample is at the top. A model usually learns frequent letters first, then the lengths of words, then words and the structure of lines.",
    },
    {
      id: "saturation",
      title: "Saturation",
      host: "live",
      open: openSaturation,
      heading: "Gate saturation during training",
      note: "Share of time in which gates are open (> 0.9) or closed (< 0.1), averaged over units. Most gates start between the two, and saturate during training.",
    },
  );
})(window.refrain);
