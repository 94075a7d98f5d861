// What the model expected after every character, and how surprised it was.
((refrain) => {
  "use strict";
  const { make, views, visible, number, select, bar, stackPane, unitControls, withPlane, hasUnits, legend, stepName } =
    refrain;

  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;

  function summary({ predictions: { surprise }, axis }) {
    const nats = mean(surprise.filter((value) => value != null));
    const step = stepName(axis);
    return `On average ${number(nats)} nats a ${step} (${number(nats / Math.LN2)} bits): as unsure as among ${number(Math.exp(nats))} equally likely ${axis}.`;
  }

  function open(context) {
    const { trace, selection } = context;
    const {
      tokens,
      axis,
      predictions: { surprise, top },
    } = trace;
    let plane = null,
      by = "surprise",
      shift = 0;
    const guesses = (t) => top[t - shift];
    const shade = (t) => {
      if (by === "surprise") return surprise[t] == null ? NaN : Math.tanh(surprise[t] / 4);
      return plane ? plane.shade(t, selection.get().unit, selection.get().stretch) : NaN;
    };
    const build = () =>
      stackPane({
        label: "The text, with the five best candidates under every character",
        text: trace,
        below: guesses,
        right: (t) => tokens[t + 1 - shift],
        value: shade,
        describe: (t) =>
          `${stepName(axis)} ${t}, “${visible(tokens[t])}”: surprise ${number(surprise[t])} nats; expected ${shift ? "here" : "next"}:`,
      });
    let pane = build();
    const holder = make("div", {}, pane.element);
    const rebuild = () => {
      pane = build();
      holder.replaceChildren(pane.element);
    };
    const choices = make("div", {});
    const ways = [["surprise", "surprise"], ...(hasUnits(trace) ? [["unit", "the chosen unit"]] : [])];
    const colours = select("Colour", ways, by, (value) => {
      by = value;
      choices.hidden = by === "surprise";
      if (by === "unit" && !plane) useUnits();
      pane.recolour();
    });
    function useUnits() {
      choices.append(unitControls(context), legend(context));
      withPlane(context, (loaded) => ((plane = loaded), pane.recolour()));
    }
    const places = select(
      "Candidates",
      [
        [0, "for what comes next"],
        [1, "for this place"],
      ],
      0,
      (value) => {
        shift = +value;
        rebuild();
      },
    );
    selection.follow(() => pane.recolour());
    return make("div", {}, make("p", {}, summary(trace)), bar(colours.element, places.element), choices, holder);
  }

  views.push({
    id: "predictions",
    title: "Predictions",
    heading: "What comes next?",
    note: "Under every character stand the five that the model held most likely to follow, the more orange the likelier; the one that did follow is underlined. The character itself is coloured by the surprise it was. Look at how the candidates narrow down within a word, and open up after it.",
    formula: "surprise = −ln p(character | all before it), in nats",
    offered: ({ predictions }) => predictions,
    open,
  });
})(window.refrain);
