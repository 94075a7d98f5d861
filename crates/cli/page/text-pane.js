// A text whose characters are coloured by numbers in -1..1.
((refrain) => {
  "use strict";
  const { make, inText, columns, lines, colour, apart } = refrain;

  /** `colour(step)` in -1..1 or NaN; the other options as in `lines`. */
  function textPane({ text: { tokens, axis }, colour: value, ...options }) {
    const gap = apart({ tokens, axis }) ? 1 : 0;
    let shown = tokens;
    const pane = lines({
      height: 24,
      tokens,
      width: (t) => columns(shown[t]) + gap,
      cell: (t) => make("span", { class: token(shown[t], gap) }, inText(shown[t])),
      paint: (element, t) => colour.paint(element, value(t)),
      ...options,
    });
    pane.element.classList.add("text");
    return {
      ...pane,
      setTokens(next) {
        shown = next;
        pane.setTokens(next);
      },
    };
  }

  const token = (text, gap) => `token${gap ? " apart" : ""}${text.includes("\n") ? " newline" : ""}`;

  Object.assign(refrain, { textPane });
})(window.refrain);
