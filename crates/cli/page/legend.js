// Legend of the colours of the selected plane.
((refrain) => {
  "use strict";
  const { make } = refrain;

  const ENDS = {
    h: ["−1", "0", "1"],
    g: ["−1", "0", "1"],
    n: ["−1", "0", "1"],
    c: ["far below 0", "0", "far above 0"],
  };

  const scale = (low, middle, high) =>
    make(
      "div",
      { class: "scale" },
      make("span", {}, low),
      make("i", {}),
      make("span", {}, high),
      make("small", {}, `middle: ${middle}`),
    );

  function legend({ selection }) {
    const holder = make("div", {});
    const show = ({ plane, stretch }) => {
      const ends = stretch ? ["minimum of this unit", "0", "maximum"] : (ENDS[plane] ?? ["0, closed", "½", "1, open"]);
      holder.replaceChildren(scale(...ends));
    };
    selection.follow(show);
    show(selection.get());
    return holder;
  }

  Object.assign(refrain, { legend });
})(window.refrain);
