// The tooltip, and exploration of figures: the pointer or the arrow keys select a position, whose values are displayed; a
// click or Enter picks it.
((refrain) => {
  "use strict";
  const { make, clamp } = refrain;
  const tip = make("div", { class: "tooltip", "aria-hidden": "true" });
  document.body.append(tip);

  function showTip(text, x, y) {
    tip.textContent = text;
    tip.classList.add("shown");
    const { width, height } = tip.getBoundingClientRect();
    const below = y + 18 + height < innerHeight ? y + 18 : y - height - 10;
    tip.style.left = `${clamp(x + 12, 4, innerWidth - width - 8)}px`;
    tip.style.top = `${Math.max(4, below)}px`;
  }
  const hideTip = () => tip.classList.remove("shown");
  addEventListener("scroll", hideTip, { capture: true, passive: true });

  /**
   * `at(event)` is the position under the pointer, or null; `move(key, place)` the one that a key leads to, or undefined
   * for other keys; `select(place, event)` shows the cursor (without an event if it was moved by a key). `describe` is the
   * text of a position. Returns the line with the values.
   */
  function explore(
    element,
    { at, move, select, describe, pick, quiet, hint = "Point at a position, or use the arrow keys." },
  ) {
    const readout = make("output", { class: "readout", "aria-live": "polite" }, hint);
    let place = null;
    function go(next, event) {
      place = next;
      select(place, event);
      readout.textContent = describe(place);
      if (event && !quiet) showTip(readout.textContent, event.clientX, event.clientY);
    }
    function point(event) {
      const next = at(event);
      if (next === null) hideTip();
      else go(next, event);
      return next;
    }
    element.addEventListener("pointermove", point);
    element.addEventListener("pointerleave", hideTip);
    element.addEventListener("click", (event) => {
      if (point(event) === null || !pick) return;
      hideTip();
      pick(place);
    });
    element.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const next = event.key === "Enter" && place !== null ? (pick?.(place), null) : move(event.key, place);
      if (next === undefined) return;
      if (next !== null) go(next);
      event.preventDefault();
    });
    return readout;
  }

  refrain.explore = explore;
})(window.refrain);
