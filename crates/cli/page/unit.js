// The selected unit, shared by all views of a trace, and its controls.
((refrain) => {
  "use strict";
  const { make, select, input, checkbox, button, bar, clamp, source } = refrain;

  /** A selection with listeners. */
  function selection(value) {
    const listeners = [];
    return {
      get: () => value,
      set(change) {
        value = { ...value, ...change };
        for (const listener of listeners) listener(value);
      },
      follow: (listener) => listeners.push(listener),
    };
  }

  const hasUnits = ({ layers }) => (layers ?? []).some(({ planes }) => Object.keys(planes).length > 0);

  const planeNames = (trace, layer) => Object.keys(trace.layers[layer].planes);

  const planeTitle = (trace, name) => {
    const title = trace.gates?.[name] ?? { h: "hidden state", c: "cell state" }[name];
    return title ? `${name}: ${title}` : name;
  };

  /** The initial unit: the one with the best correlation in the unit finder, or else a cell state. */
  function firstUnit(trace) {
    const known = (trace.finder?.properties ?? []).flatMap(({ units }) => units.slice(0, 1));
    const exists = ({ layer, plane, unit }) => trace.layers[layer]?.planes[plane]?.units.includes(unit);
    const best = known.find(exists);
    if (best) return { layer: best.layer, plane: best.plane, unit: best.unit, stretch: false };
    const layer = trace.layers.length - 1,
      names = planeNames(trace, layer);
    const plane = names.includes("c") ? "c" : names[0];
    return { layer, plane, unit: trace.layers[layer].planes[plane].units[0], stretch: false };
  }

  /** Changes the selection, to a plane and a unit that exist in the layer. */
  function choose({ trace, selection }, change) {
    const next = { ...selection.get(), ...change };
    const names = planeNames(trace, next.layer);
    if (!names.includes(next.plane)) next.plane = names[0];
    const { units } = trace.layers[next.layer].planes[next.plane];
    if (!units.includes(next.unit)) next.unit = units.find((unit) => unit > next.unit) ?? units[units.length - 1];
    selection.set(next);
  }

  /** A bar of controls for layer, plane and, optionally, the unit. */
  function unitControls(context, { unit: withUnit = true } = {}) {
    const { trace, selection } = context;
    const { layer, plane, unit, stretch } = selection.get();
    const layers = select(
      "Layer",
      trace.layers.map(({ name }, i) => [i, name]),
      layer,
      (value) => choose(context, { layer: +value }),
    );
    const titles = (layer) => planeNames(trace, layer).map((name) => [name, planeTitle(trace, name)]);
    const planes = select("Plane", titles(layer), plane, (value) => choose(context, { plane: value }));
    const units = input(
      "Unit",
      { type: "number", min: 0, value: unit },
      (value) => value !== "" && choose(context, { unit: +value }),
    );
    const stretched = checkbox("Full contrast", stretch, (value) => selection.set({ stretch: value }));
    const step = (by) => () => {
      const { layer, plane, unit } = selection.get();
      const all = trace.layers[layer].planes[plane].units;
      choose(context, { unit: all[clamp(all.indexOf(unit) + by, 0, all.length - 1)] });
    };
    selection.follow(({ layer, plane, unit, stretch }) => {
      layers.control.value = layer;
      planes.setOptions(titles(layer), plane);
      units.control.value = unit;
      stretched.control.checked = stretch;
    });
    const chooser = make(
      "span",
      { class: "joined" },
      units.element,
      button("◀", step(-1), { "aria-label": "Previous unit" }),
      button("▶", step(1), { "aria-label": "Next unit" }),
    );
    return bar(layers.element, planes.element, ...(withUnit ? [chooser] : []), stretched.element);
  }

  /** Calls `use(plane)` with the selected plane, now and after every change; outdated responses are ignored. */
  function withPlane({ trace, selection }, use) {
    let latest = 0;
    const load = async ({ layer, plane }) => {
      const ticket = ++latest;
      const loaded = await source.plane(trace, layer, plane);
      if (ticket === latest) use(loaded);
    };
    selection.follow(load);
    return load(selection.get());
  }

  Object.assign(refrain, { selection, hasUnits, firstUnit, choose, unitControls, withPlane, planeTitle });
})(window.refrain);
