// The one global, and what every file needs to make elements and to write values down.
window.refrain = { views: [] };
((refrain) => {
  "use strict";

  const SIGNS = new Map([
    [" ", "␣"],
    ["\n", "⏎"],
    ["\t", "⇥"],
    ["\r", "␍"],
  ]);

  /** An element with listeners (properties that are functions), attributes (all others but false) and children. */
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

  /** A token on an axis: what cannot be seen, or would turn its neighbours, gets a sign. */
  const visible = (token) => Array.from(token, sign).join("") || "∅";

  /** A token within a text: blanks stay blanks. */
  const inText = (token) => Array.from(token, (c) => (c === " " ? c : sign(c))).join("");

  /** A number in three digits, or as many as are asked for. */
  function number(value, digits = 3) {
    if (value == null || Number.isNaN(value)) return "–";
    const size = Math.abs(value);
    const text =
      size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(digits - 2) : String(+value.toPrecision(digits));
    return text.replaceAll("-", "−");
  }

  const percent = (share) => (share > 0 && share < 1e-4 ? "< 0.01 %" : `${number(100 * share)} %`);

  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  /** Whether tokens have to be set apart: words without the blanks between them, numbers of frames. */
  const apart = ({ axis, tokens }) =>
    !["characters", "bytes"].includes(axis) && !tokens.slice(0, 500).some((token) => /\s/.test(token));

  /** What one step is called, of the axis' name in the plural. */
  const stepName = (axis) => axis.replace(/s$/, "");

  /** Whether the steps can be read as a text; frames and steps of numbers cannot. */
  const isText = ({ axis }) => axis !== "steps" && axis !== "frames";

  Object.assign(refrain, { make, visible, inText, number, percent, clamp, apart, stepName, isText });
})(window.refrain);
