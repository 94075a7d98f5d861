// Labelled controls, tables, and a player.
((refrain) => {
  "use strict";
  const { make, clamp } = refrain;

  const labelled = (label, control) => make("label", { class: "control" }, make("span", {}, label), control);

  const button = (label, click, properties = {}) => make("button", { type: "button", click, ...properties }, label);

  /** A choice among [value, name] pairs. */
  function select(label, options, value, change) {
    const control = make("select", { change: () => change(control.value) });
    const setOptions = (pairs, selected) => {
      control.replaceChildren(...pairs.map(([key, name]) => make("option", { value: key }, name)));
      control.value = selected;
    };
    setOptions(options, value);
    return { element: labelled(label, control), control, setOptions };
  }

  function input(label, properties, change = () => {}) {
    const control = make("input", { input: () => change(control.value), ...properties });
    return { element: labelled(label, control), control };
  }

  function checkbox(label, checked, change) {
    const control = make("input", { type: "checkbox", checked, change: () => change(control.checked) });
    const element = labelled(label, control);
    element.classList.add("tick");
    return { element, control };
  }

  const bar = (...children) => make("div", { class: "bar" }, ...children);

  /** A table of headings and rows of texts or elements. */
  function table(headings, rows) {
    const body = rows.map((row) => make("tr", {}, ...row.map((content) => make("td", {}, content))));
    const head = make("tr", {}, ...headings.map((heading) => make("th", { scope: "col" }, heading)));
    return make("div", { class: "wide" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
  }

  /** A slider over 0..count-1 with buttons for steps and playback; `show` gets the position. */
  function player(label, show, { wait = 700 } = {}) {
    let timer = null;
    const slide = make("input", {
      type: "range",
      min: 0,
      max: 0,
      value: 0,
      "aria-label": label,
      input: () => go(+slide.value),
    });
    const play = button("Play", () => (timer ? pause() : start()), { class: "play" });
    const place = () => +slide.value;
    const last = () => +slide.max;

    function pause() {
      clearInterval(timer);
      timer = null;
      play.textContent = "Play";
    }
    function start() {
      if (place() === last()) go(0);
      play.textContent = "Pause";
      timer = setInterval(() => {
        if (!play.isConnected || place() >= last()) pause();
        else go(place() + 1);
      }, wait);
    }
    function go(index) {
      slide.value = clamp(index, 0, last());
      show(place());
    }
    function setCount(count) {
      slide.max = Math.max(0, count - 1);
    }
    const step = (by) => () => (pause(), go(place() + by));
    const element = make(
      "div",
      { class: "player" },
      button("◀", step(-1), { "aria-label": `${label}: back` }),
      play,
      button("▶", step(1), { "aria-label": `${label}: forward` }),
      slide,
    );
    return { element, go, step, setCount, place, last };
  }

  Object.assign(refrain, { button, select, input, checkbox, bar, table, player });
})(window.refrain);
