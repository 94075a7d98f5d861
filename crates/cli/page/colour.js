// The diverging colour scale: blue below zero, the background at zero, orange above. Redraws elements when their size or
// the colour scheme changes.
((refrain) => {
  "use strict";
  const { clamp } = refrain;
  const HALF = 127;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const followed = new Map();
  let scale = null;

  /** The colour of a name in the style sheet. */
  const named = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  const parts = (name) =>
    named(name)
      .match(/[0-9a-f]{2}/gi)
      .map((hex) => parseInt(hex, 16));

  const mix = (from, to, share) => from.map((part, i) => Math.round(part + (to[i] - part) * share));

  function luminance(rgb) {
    const [r, g, b] = rgb.map((part) => ((part / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  /** Black or white, whichever has more contrast: equal at a luminance of 0.18. */
  const inkOn = (rgb) => (luminance(rgb) > 0.18 ? "#141414" : "#ffffff");

  function build() {
    const [paper, below, above] = [parts("paper"), parts("negative"), parts("positive")];
    const css = [],
      ink = [],
      packed = new Uint32Array(2 * HALF + 1);
    for (let level = -HALF; level <= HALF; level++) {
      const rgb = mix(paper, level < 0 ? below : above, Math.abs(level) / HALF);
      css.push(`rgb(${rgb.join(" ")})`);
      ink.push(inkOn(rgb));
      packed[level + HALF] = 0xff000000 | (rgb[2] << 16) | (rgb[1] << 8) | rgb[0];
    }
    return { css, ink, packed };
  }

  const tables = () => (scale ??= build());

  /** The index in the tables of a value in -1..1; for NaN, of the background. */
  const level = (value) => (Number.isNaN(value) ? HALF : HALF + Math.round(HALF * clamp(value, -1, 1)));

  /** Colours an element by a value in -1..1. */
  function paint(element, value) {
    const { css, ink } = tables();
    const blank = value == null || Number.isNaN(value);
    element.style.backgroundColor = blank ? "" : css[level(value)];
    element.style.color = blank ? "" : ink[level(value)];
  }

  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) followed.get(target)?.();
  });

  /** Calls `draw` when the size or the colours of the element change, while it is on the page. */
  function follow(element, draw) {
    followed.set(element, draw);
    observer.observe(element);
  }

  dark.addEventListener("change", () => {
    scale = null;
    for (const [element, draw] of followed) {
      if (element.isConnected) draw();
      else {
        followed.delete(element);
        observer.unobserve(element);
      }
    }
  });

  /** Colours of compared series, and of layers. */
  const series = (index) => named(`series-${index % 5}`);

  Object.assign(refrain, { colour: { named, series, tables, level, paint }, follow });
})(window.refrain);
