// The global object, and helpers for elements and values.
window.refrain = { views: [] };
((refrain) => {
  "use strict";

  const SIGNS = new Map([
    [" ", "␣"],
    ["\n", "⏎"],
    ["\t", "⇥"],
    ["\r", "␍"],
  ]);

  /** An element with listeners (properties that are functions), attributes (all others except false) and children. */
  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  const sign = (c) => SIGNS.get(c) ?? (/\p{C}/u.test(c) ? "▯" : c);

  /** A token as a label: spaces and control characters are replaced by visible signs. */
  const visible = (token) => Array.from(token, sign).join("") || "∅";

  /** A token within a text: the same, but spaces remain. */
  const inText = (token) => Array.from(token, (c) => (c === " " ? c : sign(c))).join("");

  /** A number with this many significant digits. */
  function number(value, digits = 3) {
    if (value == null || Number.isNaN(value)) return "–";
    const size = Math.abs(value);
    const text =
      size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(digits - 2) : String(+value.toPrecision(digits));
    return text.replaceAll("-", "−");
  }

  const percent = (share) => (share > 0 && share < 1e-4 ? "< 0.01 %" : `${number(100 * share)} %`);

  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  /** Whether tokens need gaps: words without spaces, numbers of frames. */
  const apart = ({ axis, tokens }) =>
    !["characters", "bytes"].includes(axis) && !tokens.slice(0, 500).some((token) => /\s/.test(token));

  /** Name of a step: the singular of the axis' name. */
  const stepName = (axis) => axis.replace(/s$/, "");

  /** Whether the steps are a text, not frames or numbers. */
  const isText = ({ axis }) => axis !== "steps" && axis !== "frames";

  Object.assign(refrain, { make, visible, inText, number, percent, clamp, apart, stepName, isText });
})(window.refrain);
