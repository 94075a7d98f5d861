// A fixed text at every checkpoint of a run: watch a unit being born.
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

  /** The fixed text in the form of a trace, so that what shows traces can show it. */
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
      asked = 0;
    const chosen = () => context.selection.get();
    const plane = () => planes[play.place()];
    const value = (of, unit, t) => (of ? of.shade(t, unit, chosen().stretch) : NaN);
    const said = (t) =>
      `“${visible(tokens[t])}”: ${chosen().plane}[${chosen().unit}] = ${number(plane()?.at(t, chosen().unit))}`;
    const pane = textPane({
      label: "The fixed text, coloured by one unit",
      text: trace,
      colour: (t) => value(plane(), chosen().unit, t),
      describe: said,
    });
    const columnLabel = (t) => visible(tokens[t]);
    const units = grid({
      label: "Units by characters at this checkpoint; Enter chooses a unit",
      name: "checkpoint",
      shape: { rows: probe.layers[chosen().layer].units, columns: tokens.length, rowLabel: String, columnLabel },
      value: (unit, t) => value(plane(), unit, t),
      describe: (unit, t) => `unit ${unit} at “${visible(tokens[t])}”: ${number(plane()?.at(t, unit))}`,
      pick: (unit) => choose(context, { unit }),
      chosen: () => chosen().unit,
    });
    const history = grid({
      label: "The chosen unit: checkpoints by characters",
      name: "unit over training",
      shape: { rows: 1, columns: tokens.length, rowLabel: (row) => String(points[row]?.step ?? ""), columnLabel },
      value: (row, t) => value(planes[row], chosen().unit, t),
      describe: (row, t) =>
        `after update ${points[row].step}, “${visible(tokens[t])}”: ${number(planes[row]?.at(t, chosen().unit))}`,
      pick: (row) => play.go(row),
      chosen: () => play.place(),
    });
    const when = make("b", {}),
      trouble = make("p", { class: "failure", role: "alert" });
    function draw() {
      when.textContent = points.length ? `after update ${points[play.place()].step.toLocaleString("en")}` : "";
      pane.recolour();
      units.draw();
      history.draw();
    }
    /** Fetches what is missing, one checkpoint at a time; a later choice of plane ends it. */
    async function load() {
      const ticket = ++asked,
        { layer, plane: name } = chosen();
      try {
        for (let i = points.length - 1; i >= 0; i--) {
          if (planes[i]) continue;
          const loaded = await source.probed(probe, points[i].index, layer, name);
          if (ticket !== asked) return;
          planes[i] = loaded;
          draw();
        }
        trouble.textContent = "";
      } catch (error) {
        trouble.textContent = `A checkpoint could not be fetched: ${error.message}`;
      }
    }
    const play = player("Checkpoint", draw, { wait: 400 });
    let before = "";
    context.selection.follow(({ layer, plane }) => {
      if (before === `${layer} ${plane}`) return draw();
      before = `${layer} ${plane}`;
      planes = [];
      units.reshape({ rows: probe.layers[layer].units });
      load();
    });
    run.follow(({ probe: seen }) => {
      if (seen.length === points.length) return;
      const atEnd = play.place() === play.last();
      points = [...seen];
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
      make("h3", {}, "This unit at every checkpoint"),
      history.element,
      make("h3", {}, "All units at this checkpoint"),
      units.element,
    );
  }

  function open({ run }) {
    const holder = make("div", {}, make("p", { class: "soft" }, "The first checkpoint has not come yet."));
    let begun = false;
    run.follow(async ({ probe }) => {
      if (begun || probe.length === 0) return;
      begun = true;
      try {
        holder.replaceChildren(show(run, await source.probe()));
      } catch (error) {
        begun = false;
        holder.replaceChildren(
          make("p", { class: "failure", role: "alert" }, `The fixed text could not be fetched: ${error.message}`),
        );
      }
    });
    return holder;
  }

  views.push({
    id: "birth",
    title: "Birth of a unit",
    host: "live",
    open,
    heading: "Watch a unit being born",
    note: "One text, read again at every checkpoint. Move through the training with the slider, or play it. In the second picture each row is a checkpoint, the newest lowest: a unit that comes to count brackets is noise above and stripes beneath.",
  });
})(window.refrain);
