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
      speed = curve("Throughput", "targets a second");
    run.follow(({ step, valid }) => {
      losses.update([
        { name: "training", ...columns(step, "loss"), size: 1, colour: colour.series(1) },
        { name: "validation", ...columns(valid, "loss"), size: 2.5, colour: colour.series(0) },
      ]);
      norms.update([{ name: "norm", ...columns(step, "grad_norm"), size: 1 }]);
      speed.update([{ name: "targets a second", ...columns(step, "targets_per_s"), size: 1 }]);
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
              { name: `layer ${layer + 1} shut`, ...columns(line, "left") },
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
      heading: "Is it learning?",
      note: "The loss on what it learns from (thin) and on text held back (thick). While both fall, it learns; when the second rises, it learns by heart. A norm that jumps is what clipping is for.",
    },
    {
      id: "samples",
      title: "Samples",
      host: "live",
      open: openSamples,
      heading: "What it writes",
      note: "The newest first. First come the common letters, then words' lengths, then words, then the form of lines.",
    },
    {
      id: "saturation",
      title: "Saturation",
      host: "live",
      open: openSaturation,
      heading: "Gates, over training",
      note: "How much of the time gates are open (> 0.9) or shut (< 0.1), a mean over units. Gates begin half open; as units find their work, they learn to decide.",
    },
  );
})(window.refrain);
