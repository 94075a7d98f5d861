// A text with rows of probabilities below every token.
((refrain) => {
  "use strict";
  const { make, inText, visible, columns, lines, colour, apart, percent } = refrain;
  const ROWS = 5,
    ROW = 18,
    TOKEN = 22,
    MAX_WIDTH = 12;

  /**
   * `below(step)` returns up to five [name, share] pairs, best first; `right(step)` is the correct name;
   * `value(step)` in -1..1 colours the token itself.
   */
  function stackPane({ text: { tokens, axis }, below, right, value, describe, ...options }) {
    const gap = apart({ tokens, axis }) ? 1 : 0.4;
    const widths = new Map();
    function widthOf(name) {
      if (!widths.has(name)) widths.set(name, Math.min(columns(visible(name)), MAX_WIDTH));
      return widths.get(name);
    }
    const width = (t) =>
      (below(t) ?? []).reduce((max, [name]) => Math.max(max, widthOf(name)), widthOf(tokens[t])) + gap;
    const row = ([name, share], truth) => {
      const cell = make("span", { class: name === truth ? "guess right" : "guess" }, visible(name));
      colour.paint(cell, share);
      return cell;
    };
    const cell = (t) => {
      const token = make("b", { class: tokens[t].includes("\n") ? "newline" : "" }, inText(tokens[t]));
      const stack = make(
        "span",
        { class: "stack" },
        token,
        ...(below(t) ?? []).slice(0, ROWS).map((pair) => row(pair, right(t))),
      );
      stack.style.width = `${width(t)}ch`;
      return stack;
    };
    const describeStep = (t) => {
      const guesses = (below(t) ?? []).map(
        ([name, share]) => `${visible(name)}  ${percent(share)}${name === right(t) ? "  ✓" : ""}`,
      );
      return [describe(t), ...guesses].join("\n");
    };
    const pane = lines({
      height: TOKEN + ROWS * ROW + 12,
      tokens,
      width,
      cell,
      describe: describeStep,
      paint: (element, t) => colour.paint(element.firstChild, value(t)),
      ...options,
    });
    pane.element.classList.add("stacks");
    return pane;
  }

  Object.assign(refrain, { stackPane });
})(window.refrain);
