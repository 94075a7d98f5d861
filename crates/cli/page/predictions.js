// Predictions and surprisal at every step.
((refrain) => {
  "use strict";
  const { make, views, visible, number, select, bar, stackPane, unitControls, withPlane, hasUnits, legend, stepName } =
    refrain;

  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;

  function summary({ predictions: { surprise }, axis }) {
    const nats = mean(surprise.filter((value) => value != null));
    const step = stepName(axis);
    return `Mean loss ${number(nats)} nats per ${step} (${number(nats / Math.LN2)} bits), perplexity ${number(Math.exp(nats))}.`;
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
        label: "The text, with the five most probable candidates below every step",
        text: trace,
        below: guesses,
        right: (t) => tokens[t + 1 - shift],
        value: shade,
        describe: (t) =>
          `${stepName(axis)} ${t}, “${visible(tokens[t])}”: surprisal ${number(surprise[t])} nats; predicted ${shift ? "here" : "next"}:`,
      });
    let pane = build();
    const holder = make("div", {}, pane.element);
    const rebuild = () => {
      pane = build();
      holder.replaceChildren(pane.element);
    };
    const choices = make("div", {});
    const options = [["surprise", "surprisal"], ...(hasUnits(trace) ? [["unit", "the selected unit"]] : [])];
    const colours = select("Colour", options, by, (value) => {
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
        [0, "for the next step"],
        [1, "for this step"],
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
    heading: "What does the model predict?",
    note: "Below every character are the five most probable next ones; darker orange is more probable, and the correct one is underlined. The character itself is coloured by its surprisal. The predictions usually become more certain within a word, and less certain after it.",
    formula: "surprisal = −ln p(character | all previous characters), in nats",
    offered: ({ predictions }) => predictions,
    open,
  });
})(window.refrain);
