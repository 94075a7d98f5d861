// A list of tabs; a panel is created when it is first opened.
((refrain) => {
  "use strict";
  const { make } = refrain;

  /** `items` are `{ id, title, open() }`, `changed(id)` is called for every selected tab. */
  function tabs(label, items, selected, changed) {
    const buttons = items.map(({ id, title }, index) =>
      make(
        "button",
        { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `panel-${id}`, click: () => choose(index) },
        title,
      ),
    );
    const panels = items.map(({ id }) =>
      make("section", { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}`, tabindex: -1 }),
    );
    const list = make("div", { role: "tablist", "aria-label": label, keydown: byKey }, ...buttons);

    function choose(index) {
      buttons.forEach((button, i) => {
        button.setAttribute("aria-selected", i === index);
        button.tabIndex = i === index ? 0 : -1;
        panels[i].hidden = i !== index;
      });
      if (!panels[index].hasChildNodes()) panels[index].append(items[index].open());
      changed?.(items[index].id);
    }
    function byKey(event) {
      const now = buttons.indexOf(event.target),
        last = buttons.length - 1;
      const next = {
        ArrowRight: now === last ? 0 : now + 1,
        ArrowLeft: now === 0 ? last : now - 1,
        Home: 0,
        End: last,
      }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      buttons[next].focus();
      choose(next);
    }
    const go = (id) =>
      choose(
        Math.max(
          0,
          items.findIndex((item) => item.id === id),
        ),
      );
    const element = make("div", { class: "tabs" }, list, ...panels);
    go(selected);
    return { element, go };
  }

  Object.assign(refrain, { tabs });
})(window.refrain);
