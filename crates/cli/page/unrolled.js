// A short text, unrolled: every step a column, forward through time and back again, with the numbers themselves.
((refrain) => {
  "use strict";
  const { make, views, visible, number, percent, clamp, colour, select, player, bar, planeTitle, kindOf, onScale } =
    refrain;
  const SHOWN = 16;

  const norm = (vector) => Math.hypot(...vector);

  /** What kind of values a plane has, by its name and its greatest. */
  const kind = (layer, name) => kindOf(name, Math.max(...layer.planes[name].flat().map(Math.abs)));

  /** An equation with one unit's numbers in it; sums over weights have too many, so only what comes of them. */
  function worked(equation, value) {
    const [left, right] = equation.split(" = ");
    const result = value(left.trim());
    if (result === undefined) return "";
    if (/[WU]/.test(right)) return `${left} = ${number(result)}`;
    const put = right.replace(/(?<![a-z_])([a-z])(′)?(?![a-z_(])/g, (all, name, before) =>
      number(value(name, before) ?? NaN).replace("–", all),
    );
    return `${left} = ${put} = ${number(result)}`;
  }

  /** The picture: what is on it is made once, and then only filled and coloured. */
  function diagram({ tokens, layers }, from, count, pick) {
    const cells = [],
      heads = [],
      edges = [],
      tops = [];
    const columns = tokens.map((token, t) => {
      const boxes = layers.map((layer, l) => {
        const units = Array.from({ length: count }, (_, i) =>
          make("span", { class: "value moves", click: () => pick(l, from + i) }),
        );
        const head = make("small", {});
        (cells[t] ??= [])[l] = units;
        (heads[t] ??= [])[l] = head;
        return make("div", { class: "box" }, head, make("div", { class: "values" }, ...units));
      });
      tops[t] = make("div", { class: "outcome" });
      edges[t] = make("div", { class: "edge" });
      const step = make(
        "div",
        { class: "step moves" },
        tops[t],
        ...boxes.reverse(),
        make("b", { class: "token-box" }, visible(token)),
        make("small", {}, `step ${t + 1}`),
      );
      return [step, edges[t]];
    });
    return { elements: columns.flat(), steps: columns.map(([step]) => step), cells, heads, edges, tops };
  }

  function open({ trace }) {
    const { unrolled } = trace;
    const { tokens, layers, losses, targets, probabilities, top, equations } = unrolled;
    const truncations = unrolled.truncations ?? [];
    const steps = tokens.length,
      names = Object.keys(layers[0].planes);
    let plane = names.includes("h") ? "h" : names[0],
      cut = 0,
      chosen = { layer: layers.length - 1, unit: 0 },
      from = 0,
      picture;
    const kinds = layers.map((layer) => Object.fromEntries(names.map((name) => [name, kind(layer, name)])));
    const sizes = layers.map(({ units }) => units),
      most = Math.max(...sizes);
    const board = make("div", {
      class: "board",
      tabindex: 0,
      role: "application",
      "aria-label": "The unrolled network; arrow keys step through time",
    });
    const status = make("p", { class: "context", role: "status" });
    const working = make("div", { class: "working" });

    const value = (layer, name, t, unit) => (t < 0 ? 0 : layers[layer].planes[name]?.[t]?.[unit]);
    const gradient = (layer, t) => truncations[cut]?.d_h[layer]?.[t];
    const largest = () => Math.max(...truncations[cut].d_h.flat(2).map(Math.abs)) || 1;
    const reach = () => truncations[cut]?.k ?? steps;
    const stopsAfter = (t) => (t + 1) % reach() === 0 && t + 1 < steps;

    function fill(t, l, backward, greatest) {
      const slope = backward && gradient(l, t);
      picture.heads[t][l].textContent = slope ? `‖∂L/∂h‖ ${number(norm(slope))}` : `${layers[l].name}, ${plane}`;
      picture.cells[t][l].forEach((cell, i) => {
        const unit = from + i,
          known = slope ? slope[unit] : value(l, plane, t, unit);
        cell.textContent = known == null ? "" : number(known, 2);
        cell.title = `${layers[l].name}, unit ${unit}`;
        colour.paint(cell, known == null ? NaN : slope ? known / greatest : onScale(kinds[l][plane], known));
        cell.classList.toggle("cursor", l === chosen.layer && unit === chosen.unit);
      });
    }
    function outcome(t) {
      const guesses = (top?.[t] ?? [])
        .slice(0, 3)
        .map(([name, share]) =>
          make("span", { class: name === targets[t] ? "right" : "" }, `${visible(name)} ${percent(+share.toFixed(2))}`),
        );
      const loss = losses?.[t] == null ? [] : [make("b", {}, `loss ${number(losses[t])}`)];
      picture.tops[t].replaceChildren(...guesses, ...loss);
    }
    function edge(t, now, back) {
      const stop = back && stopsAfter(t);
      picture.edges[t].className = `edge${stop ? " stop" : ""}`;
      picture.edges[t].textContent = stop ? "✂" : back ? "←" : "→";
      picture.edges[t].title = stop ? "The gradient stops here; the value goes on." : "";
      picture.edges[t].style.opacity = (back ? t >= now : t < now) ? 1 : 0.2;
    }
    function show(place) {
      const back = place >= steps,
        now = back ? 2 * steps - 1 - place : place;
      board.classList.toggle("back", back);
      const greatest = back ? largest() : 1;
      tokens.forEach((_, t) => {
        const reached = back || t <= now,
          passed = back && t >= now;
        picture.steps[t].classList.toggle("ahead", back ? t < now : t > now);
        picture.steps[t].classList.toggle("now", t === now);
        layers.forEach((_, l) => fill(t, l, passed, greatest));
        if (reached) outcome(t);
        else picture.tops[t].replaceChildren();
        edge(t, now, back);
      });
      const step = picture.steps[now];
      board.scrollLeft = step.offsetLeft - (board.clientWidth - step.offsetWidth) / 2;
      status.textContent = back ? wordsBack(now) : wordsForward(now);
      working.replaceChildren(...(back ? workBack(now) : work(now)));
    }
    const wordsForward = (t) =>
      `Forward, step ${t + 1} of ${steps}: reads “${visible(tokens[t])}”. ` +
      (probabilities?.[t] == null
        ? ""
        : `What follows is “${visible(targets[t])}”, which it gave ${percent(+probabilities[t].toPrecision(3))}: a loss of ${number(losses[t])} nats.`);
    const wordsBack = (t) =>
      `Back, at step ${t + 1}: the gradient is the sum of what this step's own loss teaches and what comes from step ${t + 2}. ` +
      (stopsAfter(t)
        ? `Here a window of ${reach()} ends: nothing comes from step ${t + 2}.`
        : t + 1 === steps
          ? "This is the last step: nothing comes from later ones."
          : "");

    const line = (...children) => make("p", { class: "formula" }, ...children);
    function work(t) {
      const { layer, unit } = chosen;
      const known = (name, before) => value(layer, name, before ? t - 1 : t, unit);
      return [
        make("h3", {}, `${layers[layer].name}, unit ${unit}, step ${t + 1}`),
        ...equations.map((equation) => line(equation, make("b", {}, worked(equation, known)))),
        make("small", {}, "A ′ means: of the step before. ⊙ multiplies unit by unit."),
      ];
    }
    function workBack(t) {
      const { layer, unit } = chosen;
      const later = t + 1 < steps && !stopsAfter(t) ? number(gradient(layer, t + 1)?.[unit]) : "0";
      return [
        make("h3", {}, `${layers[layer].name}, unit ${unit}, step ${t + 1}`),
        line("∂L/∂hₜ = ∂ℓₜ/∂hₜ + (∂hₜ₊₁/∂hₜ)ᵀ ∂L/∂hₜ₊₁"),
        line(make("b", {}, `∂L/∂hₜ[${unit}] = ${number(gradient(layer, t)?.[unit])}`)),
        line(`∂L/∂hₜ₊₁[${unit}] = ${later}`),
        make(
          "small",
          {},
          "The second term is what comes back through time. At the edge of a window it is dropped: the value goes on, the gradient does not.",
        ),
      ];
    }
    const play = player("Step", show, { wait: 900 });
    play.setCount(truncations.length ? 2 * steps : steps);
    function build() {
      picture = diagram(unrolled, from, Math.min(SHOWN, most - from), pick);
      board.replaceChildren(...picture.elements);
      show(play.place());
    }
    function pick(layer, unit) {
      chosen = { layer, unit: clamp(unit, 0, sizes[layer] - 1) };
      units.control.value = chosen.unit;
      inLayer.control.value = layer;
      show(play.place());
    }
    const shown = select(
      "In the boxes",
      names.map((name) => [name, planeTitle(trace, name)]),
      plane,
      (name) => ((plane = name), show(play.place())),
    );
    const windows = select(
      "Gradient over",
      truncations.map(({ k }, i) => [i, k >= steps ? `all ${steps} steps` : `windows of ${k}`]),
      cut,
      (i) => {
        cut = +i;
        play.go(Math.max(play.place(), steps));
      },
    );
    const inLayer = select(
      "Equations of",
      layers.map(({ name }, l) => [l, name]),
      chosen.layer,
      (l) => pick(+l, chosen.unit),
    );
    const units = select(
      "unit",
      Array.from({ length: most }, (_, unit) => [unit, unit]),
      0,
      (unit) => pick(chosen.layer, +unit),
    );
    const pages = Array.from({ length: Math.ceil(most / SHOWN) }, (_, i) => [
      i * SHOWN,
      `${i * SHOWN} to ${Math.min(most, (i + 1) * SHOWN) - 1}`,
    ]);
    const range = select("Units", pages, 0, (first) => ((from = +first), build()));
    range.element.hidden = most <= SHOWN;
    windows.element.hidden = truncations.length === 0;
    board.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      play.step(by)();
    });
    build();
    return make(
      "div",
      {},
      bar(play.element),
      bar(shown.element, range.element, windows.element, inLayer.element, units.element),
      status,
      make("div", { class: "beside" }, board, working),
    );
  }

  views.push({
    id: "unrolled",
    title: "Unrolled",
    heading: "Step by step, there and back",
    note: "The same network at every step, beside itself. Going forward, each step reads one symbol and the state of the step before, and guesses the next. Going back, each step hands the blame to the one before it. Choose shorter windows, and see where the blame stops: what lies before cannot be learned from.",
    offered: ({ unrolled }) => unrolled?.tokens.length,
    open,
  });
})(window.refrain);
