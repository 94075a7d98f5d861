// The activations for a fixed text at every validation of a run.
((refrain) => {
  "use strict";
  const {
    make,
    views,
    visible,
    number,
    bar,
    player,
    textPane,
    grid,
    selection,
    firstUnit,
    unitControls,
    choose,
    legend,
    source,
  } = refrain;

  /** The fixed text as a trace. */
  function asTrace(probe) {
    const all = (units) => Array.from({ length: units }, (_, unit) => unit);
    const layers = probe.layers.map(({ name, units, planes }) => ({
      name,
      planes: Object.fromEntries(planes.map((plane) => [plane, { units: all(units) }])),
    }));
    return { axis: "characters", ...probe, layers };
  }

  function show(run, probe) {
    const trace = asTrace(probe),
      context = { trace, selection: selection(firstUnit(trace)) };
    const { tokens } = trace;
    let points = [],
      planes = [],
      requests = 0;
    const selected = () => context.selection.get();
    const plane = () => planes[play.place()];
    const value = (of, unit, t) => (of ? of.shade(t, unit, selected().stretch) : NaN);
    const describe = (t) =>
      `“${visible(tokens[t])}”: ${selected().plane}[${selected().unit}] = ${number(plane()?.at(t, selected().unit))}`;
    const pane = textPane({
      label: "The fixed text, coloured by one unit",
      text: trace,
      colour: (t) => value(plane(), selected().unit, t),
      describe,
    });
    const columnLabel = (t) => visible(tokens[t]);
    const units = grid({
      label: "Units by characters at this validation; Enter selects a unit",
      name: "validation",
      shape: { rows: probe.layers[selected().layer].units, columns: tokens.length, rowLabel: String, columnLabel },
      value: (unit, t) => value(plane(), unit, t),
      describe: (unit, t) => `unit ${unit} at “${visible(tokens[t])}”: ${number(plane()?.at(t, unit))}`,
      pick: (unit) => choose(context, { unit }),
      selected: () => selected().unit,
    });
    const history = grid({
      label: "The selected unit: validations by characters",
      name: "unit over training",
      shape: { rows: 1, columns: tokens.length, rowLabel: (row) => String(points[row]?.step ?? ""), columnLabel },
      value: (row, t) => value(planes[row], selected().unit, t),
      describe: (row, t) =>
        `after update ${points[row].step}, “${visible(tokens[t])}”: ${number(planes[row]?.at(t, selected().unit))}`,
      pick: (row) => play.go(row),
      selected: () => play.place(),
    });
    const when = make("b", {}),
      trouble = make("p", { class: "failure", role: "alert" });
    function draw() {
      when.textContent = points.length ? `after update ${points[play.place()].step.toLocaleString("en")}` : "";
      pane.recolour();
      units.draw();
      history.draw();
    }
    /** Fetches the missing planes one by one, until another plane is selected. */
    async function load() {
      const ticket = ++requests,
        { layer, plane: name } = selected();
      try {
        for (let i = points.length - 1; i >= 0; i--) {
          if (planes[i]) continue;
          const loaded = await source.probed(probe, points[i].index, layer, name);
          if (ticket !== requests) return;
          planes[i] = loaded;
          draw();
        }
        trouble.textContent = "";
      } catch (error) {
        trouble.textContent = `Cannot fetch activations: ${error.message}`;
      }
    }
    const play = player("Validation", draw, { wait: 400 });
    let before = "";
    context.selection.follow(({ layer, plane }) => {
      if (before === `${layer} ${plane}`) return draw();
      before = `${layer} ${plane}`;
      planes = [];
      units.reshape({ rows: probe.layers[layer].units });
      load();
    });
    run.follow(({ probe: probes }) => {
      if (probes.length === points.length) return;
      const atEnd = play.place() === play.last();
      points = [...probes];
      play.setCount(points.length);
      history.reshape({ rows: Math.max(1, points.length) });
      if (atEnd) play.go(points.length - 1);
      load();
    });
    return make(
      "div",
      {},
      bar(play.element, when),
      unitControls(context),
      legend(context),
      trouble,
      pane.element,
      make("h3", {}, "This unit at every validation"),
      history.element,
      make("h3", {}, "All units at this validation"),
      units.element,
    );
  }

  function open({ run }) {
    const holder = make("div", {}, make("p", { class: "soft" }, "Waiting for the first validation."));
    let started = false;
    run.follow(async ({ probe }) => {
      if (started || probe.length === 0) return;
      started = true;
      try {
        holder.replaceChildren(show(run, await source.probe()));
      } catch (error) {
        started = false;
        holder.replaceChildren(
          make("p", { class: "failure", role: "alert" }, `Cannot fetch the fixed text: ${error.message}`),
        );
      }
    });
    return holder;
  }

  views.push({
    id: "units",
    title: "Units over training",
    host: "live",
    open,
    heading: "How a unit develops",
    note: "The activations for one fixed text at every validation. Select a validation with the slider, or play all of them. In the second figure each row is a validation, the latest at the bottom: a unit that learns to count brackets starts as noise and ends as stripes.",
  });
})(window.refrain);
