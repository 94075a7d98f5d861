// Units that correlate with properties of the text.
((refrain) => {
  "use strict";
  const { make, views, visible, number, button, textPane, table, choose, withPlane, bar } = refrain;

  /** The values of a property, scaled to 0..1. */
  function normal({ values }) {
    const known = values.filter((value) => value != null);
    const low = known.reduce((a, b) => Math.min(a, b), Infinity),
      high = known.reduce((a, b) => Math.max(a, b), -Infinity);
    return (t) => (values[t] == null ? NaN : (values[t] - low) / (high - low || 1));
  }

  function open(context) {
    const { trace, selection, go } = context;
    const place = ({ layer, plane, unit }) => `${plane}[${unit}] of ${trace.layers[layer].name}`;
    const { held_out: heldOut } = trace.finder;
    const properties = trace.finder.properties.filter(({ units }) => units.length);
    let property = properties[0],
      scaled = normal(property),
      plane = null,
      sign = 1;
    const selected = () => selection.get();
    /** Synchronises the scrolling of both texts. */
    function synchronise({ scroller: from }, { scroller: to }) {
      if (to.scrollTop !== from.scrollTop) to.scrollTop = from.scrollTop;
    }
    const describe = (t) =>
      `“${visible(trace.tokens[t])}”: ${property.name} ${number(property.values[t])}, ${place(selected())} ${number(plane?.at(t, selected().unit))}`;
    const units = textPane({
      label: "The text, coloured by the unit",
      text: trace,
      describe,
      colour: (t) => (plane ? sign * plane.shade(t, selected().unit, selected().stretch) : NaN),
      scrolled: () => synchronise(units, propertyPane),
    });
    const propertyPane = textPane({
      label: "The text, coloured by the property",
      text: trace,
      describe,
      colour: (t) => scaled(t),
      scrolled: () => synchronise(propertyPane, units),
    });
    const unitTitle = make("h3", {}),
      propertyTitle = make("h3", {});
    const best = make("div", {});

    function use(next, unit = next.units[0]) {
      property = next;
      scaled = normal(next);
      sign = Math.sign(unit.r) || 1;
      propertyTitle.textContent = next.name;
      unitTitle.textContent = `${place(unit)}${sign < 0 ? ", sign inverted (r is negative)" : ""}`;
      best.replaceChildren(make("h3", {}, `The best units for ${next.name}`), ranking(next));
      propertyPane.recolour();
      choose(context, { layer: unit.layer, plane: unit.plane, unit: unit.unit });
    }
    const ranking = (one) =>
      table(
        ["unit", "r", "mutual information, nats", "chance level, r"],
        one.units.map((unit) => [
          button(place(unit), () => use(one, unit), { class: "link" }),
          number(unit.r),
          number(unit.mi),
          number(unit.baseline_r),
        ]),
      );
    const rows = properties.map((one) => {
      const [unit] = one.units;
      return [
        button(one.name, () => use(one), { class: "link" }),
        one.kind,
        place(unit),
        number(unit.r),
        number(unit.mi),
        number(unit.baseline_r),
        number(one.direction?.r),
        number(one.direction?.baseline_r),
      ];
    });
    withPlane(context, (loaded) => {
      plane = loaded;
      units.recolour();
    });
    selection.follow(() => units.recolour());
    use(property);
    return make(
      "div",
      {},
      table(
        ["property", "kind", "best unit", "r", "mutual information", "chance level", "best direction, r", "chance level"],
        rows,
      ),
      make(
        "p",
        { class: "soft" },
        `Units are selected on one part of the text; the metrics are for the held-out part (${number(100 * (heldOut ?? 0))} %). The chance level is r with the same property, shifted along the text. Only correlations well above it are meaningful.`,
      ),
      make(
        "div",
        { class: "beside even" },
        make("div", {}, propertyTitle, propertyPane.element),
        make("div", {}, unitTitle, units.element),
      ),
      bar(button("Open this unit in Text", () => go("text"))),
      best,
    );
  }

  views.push({
    id: "finder",
    title: "Unit finder",
    heading: "Which units track which properties?",
    note: "Each row is a property of every position in the text, with the unit that correlates with it most. Click on a property to colour one text by it and another one by the unit. “Best direction” is the best weighted sum of all units of a layer: information that the layer has even if no single unit does.",
    formula: "r: correlation, −1 to 1; mutual information: Σ p(u, y) ln p(u, y) / p(u) p(y)",
    offered: ({ finder }) => finder?.properties.some(({ units }) => units.length),
    open,
  });
})(window.refrain);
