// The unrolled network on a short text: one column per step, forward and backward pass, with all numbers.
((refrain) => {
  "use strict";
  const { make, views, visible, number, percent, clamp, colour, select, player, bar, planeTitle, kindOf, onScale } =
    refrain;
  const SHOWN = 16;

  const norm = (vector) => Math.hypot(...vector);

  /** Range of the values of a plane. */
  const kind = (layer, name) => kindOf(name, Math.max(...layer.planes[name].flat().map(Math.abs)));

  /** An equation with the values of one unit; for sums over weights only the result. */
  function withValues(equation, value) {
    const [left, right] = equation.split(" = ");
    const result = value(left.trim());
    if (result === undefined) return "";
    if (/[WU]/.test(right)) return `${left} = ${number(result)}`;
    const substituted = right.replace(/(?<![a-z_])([a-z])(′)?(?![a-z_(])/g, (all, name, before) =>
      number(value(name, before) ?? NaN).replace("–", all),
    );
    return `${left} = ${substituted} = ${number(result)}`;
  }

  /** The figure; its elements are created once, then only filled and coloured. */
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
      truncation = 0,
      selected = { layer: layers.length - 1, unit: 0 },
      from = 0,
      picture;
    const kinds = layers.map((layer) => Object.fromEntries(names.map((name) => [name, kind(layer, name)])));
    const sizes = layers.map(({ units }) => units),
      maxUnits = Math.max(...sizes);
    const board = make("div", {
      class: "board",
      tabindex: 0,
      role: "application",
      "aria-label": "The unrolled network; arrow keys step through time",
    });
    const status = make("p", { class: "context", role: "status" });
    const working = make("div", { class: "working" });

    const value = (layer, name, t, unit) => (t < 0 ? 0 : layers[layer].planes[name]?.[t]?.[unit]);
    const gradient = (layer, t) => truncations[truncation]?.d_h[layer]?.[t];
    const largest = () => Math.max(...truncations[truncation].d_h.flat(2).map(Math.abs)) || 1;
    const reach = () => truncations[truncation]?.k ?? steps;
    const stopsAfter = (t) => (t + 1) % reach() === 0 && t + 1 < steps;

    function fill(t, l, backward, largestGradient) {
      const slope = backward && gradient(l, t);
      picture.heads[t][l].textContent = slope ? `‖∂L/∂h‖ ${number(norm(slope))}` : `${layers[l].name}, ${plane}`;
      picture.cells[t][l].forEach((cell, i) => {
        const unit = from + i,
          known = slope ? slope[unit] : value(l, plane, t, unit);
        cell.textContent = known == null ? "" : number(known, 2);
        cell.title = `${layers[l].name}, unit ${unit}`;
        colour.paint(cell, known == null ? NaN : slope ? known / largestGradient : onScale(kinds[l][plane], known));
        cell.classList.toggle("cursor", l === selected.layer && unit === selected.unit);
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
      picture.edges[t].title = stop ? "The gradient is truncated here; the state is carried on." : "";
      picture.edges[t].style.opacity = (back ? t >= now : t < now) ? 1 : 0.2;
    }
    function show(place) {
      const back = place >= steps,
        now = back ? 2 * steps - 1 - place : place;
      board.classList.toggle("back", back);
      const largestGradient = back ? largest() : 1;
      tokens.forEach((_, t) => {
        const reached = back || t <= now,
          passed = back && t >= now;
        picture.steps[t].classList.toggle("ahead", back ? t < now : t > now);
        picture.steps[t].classList.toggle("now", t === now);
        layers.forEach((_, l) => fill(t, l, passed, largestGradient));
        if (reached) outcome(t);
        else picture.tops[t].replaceChildren();
        edge(t, now, back);
      });
      const step = picture.steps[now];
      board.scrollLeft = step.offsetLeft - (board.clientWidth - step.offsetWidth) / 2;
      status.textContent = back ? describeBackward(now) : describeForward(now);
      working.replaceChildren(...(back ? backwardEquations(now) : forwardEquations(now)));
    }
    const describeForward = (t) =>
      `Forward pass, step ${t + 1} of ${steps}: input “${visible(tokens[t])}”. ` +
      (probabilities?.[t] == null
        ? ""
        : `Target “${visible(targets[t])}” with probability ${percent(+probabilities[t].toPrecision(3))}: loss ${number(losses[t])} nats.`);
    const describeBackward = (t) =>
      `Backward pass, step ${t + 1}: the gradient is the sum of that of this step's loss and that from step ${t + 2}. ` +
      (stopsAfter(t)
        ? `A window of ${reach()} steps ends here: no gradient comes from step ${t + 2}.`
        : t + 1 === steps
          ? "This is the last step: there are no later ones."
          : "");

    const line = (...children) => make("p", { class: "formula" }, ...children);
    function forwardEquations(t) {
      const { layer, unit } = selected;
      const known = (name, before) => value(layer, name, before ? t - 1 : t, unit);
      return [
        make("h3", {}, `${layers[layer].name}, unit ${unit}, step ${t + 1}`),
        ...equations.map((equation) => line(equation, make("b", {}, withValues(equation, known)))),
        make("small", {}, "′ is the value at the previous step, ⊙ the elementwise product."),
      ];
    }
    function backwardEquations(t) {
      const { layer, unit } = selected;
      const later = t + 1 < steps && !stopsAfter(t) ? number(gradient(layer, t + 1)?.[unit]) : "0";
      return [
        make("h3", {}, `${layers[layer].name}, unit ${unit}, step ${t + 1}`),
        line("∂L/∂hₜ = ∂ℓₜ/∂hₜ + (∂hₜ₊₁/∂hₜ)ᵀ ∂L/∂hₜ₊₁"),
        line(make("b", {}, `∂L/∂hₜ[${unit}] = ${number(gradient(layer, t)?.[unit])}`)),
        line(`∂L/∂hₜ₊₁[${unit}] = ${later}`),
        make(
          "small",
          {},
          "The second term is the gradient through time. At the end of a window it is dropped: the state is carried on, the gradient is not.",
        ),
      ];
    }
    const play = player("Step", show, { wait: 900 });
    play.setCount(truncations.length ? 2 * steps : steps);
    function build() {
      picture = diagram(unrolled, from, Math.min(SHOWN, maxUnits - from), pick);
      board.replaceChildren(...picture.elements);
      show(play.place());
    }
    function pick(layer, unit) {
      selected = { layer, unit: clamp(unit, 0, sizes[layer] - 1) };
      units.control.value = selected.unit;
      inLayer.control.value = layer;
      show(play.place());
    }
    const shown = select(
      "Values",
      names.map((name) => [name, planeTitle(trace, name)]),
      plane,
      (name) => ((plane = name), show(play.place())),
    );
    const windows = select(
      "Gradient over",
      truncations.map(({ k }, i) => [i, k >= steps ? `all ${steps} steps` : `windows of ${k}`]),
      truncation,
      (i) => {
        truncation = +i;
        play.go(Math.max(play.place(), steps));
      },
    );
    const inLayer = select(
      "Equations of",
      layers.map(({ name }, l) => [l, name]),
      selected.layer,
      (l) => pick(+l, selected.unit),
    );
    const units = select(
      "unit",
      Array.from({ length: maxUnits }, (_, unit) => [unit, unit]),
      0,
      (unit) => pick(selected.layer, +unit),
    );
    const pages = Array.from({ length: Math.ceil(maxUnits / SHOWN) }, (_, i) => [
      i * SHOWN,
      `${i * SHOWN} to ${Math.min(maxUnits, (i + 1) * SHOWN) - 1}`,
    ]);
    const range = select("Units", pages, 0, (first) => ((from = +first), build()));
    range.element.hidden = maxUnits <= SHOWN;
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
    heading: "Forward and backward pass, step by step",
    note: "One column per step, with the same weights. In the forward pass each step takes a token and the previous state, and predicts the next token. In the backward pass the gradient is propagated from each step to the previous one. Select shorter windows to see where truncation stops the gradient.",
    offered: ({ unrolled }) => unrolled?.tokens.length,
    open,
  });
})(window.refrain);
