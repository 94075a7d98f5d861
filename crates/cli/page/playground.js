// Generates text; at every token another candidate can be selected, from which generation continues.
((refrain) => {
  "use strict";
  const { make, views, visible, number, percent, input, button, bar, textPane, colour, clamp, generate } = refrain;

  const textOf = ({ prompt, pieces }) => prompt + pieces.map(({ text }) => text).join("");
  const optional = (value) => (value === "" ? undefined : +value);

  function settings() {
    const fields = {
      temperature: input("Temperature", { type: "number", min: 0, max: 5, step: 0.1, value: 0.8 }),
      top_k: input("Top-k", { type: "number", min: 0, value: 0 }),
      top_p: input("Top-p", { type: "number", min: 0, max: 1, step: 0.05, value: 1 }),
      seed: input("Seed", { type: "number", min: 0, placeholder: "random" }),
      max_tokens: input("Length", { type: "number", min: 1, value: 200 }),
      stop: input("Stop sequence", { type: "text", placeholder: "\\n", size: 6 }),
    };
    const request = () => {
      const { stop, ...numbers } = Object.fromEntries(
        Object.entries(fields).map(([name, { control }]) => [name, control.value]),
      );
      const given = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, optional(value)]));
      return stop === "" ? given : { ...given, stop: [stop.replaceAll("\\n", "\n")] };
    };
    return { elements: Object.values(fields).map(({ element }) => element), request };
  }

  /** The candidates of a token, below it. */
  function popup(choose) {
    const element = make("div", {
      class: "popup",
      role: "group",
      "aria-label": "Candidates",
      pointerenter: stay,
      pointerleave: leave,
      keydown: byKey,
    });
    element.hidden = true;
    let timer, home;
    function stay() {
      clearTimeout(timer);
    }
    function leave() {
      stay();
      timer = setTimeout(() => (element.hidden = true), 300);
    }
    function byKey(event) {
      const buttons = [...element.children],
        at = buttons.indexOf(event.target);
      const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (by) buttons[clamp(at + by, 0, buttons.length - 1)].focus();
      else if (event.key === "Escape") {
        element.hidden = true;
        home.focus();
      } else return;
      event.preventDefault();
    }
    function show({ top, text }, index, box, scroller) {
      stay();
      home = scroller;
      element.replaceChildren(
        ...top.map(([token, share]) => {
          const one = button(
            `${visible(token)}  ${percent(+share.toPrecision(2))}`,
            () => choose(index, [token, share]),
            { class: token === text ? "taken" : "" },
          );
          colour.paint(one, share);
          return one;
        }),
      );
      element.hidden = top.length === 0;
      const frame = element.offsetParent?.getBoundingClientRect();
      if (!frame) return;
      element.style.left = `${clamp(box.left - frame.left, 0, Math.max(0, frame.width - element.offsetWidth))}px`;
      element.style.top = `${box.bottom - frame.top}px`;
    }
    return { element, show, leave, hide: () => (element.hidden = true), focus: () => element.firstChild?.focus() };
  }

  function open({ info, read }) {
    const branches = [];
    let current = null,
      running = null,
      letters = [],
      due = null;
    const prompt = make("textarea", { id: "prompt", rows: 2, spellcheck: "false" });
    prompt.value = (info.sample_text ?? "").slice(0, 40);
    const { elements, request } = settings();
    const status = make("p", { class: "soft", role: "status" });
    const list = make("ol", { class: "branches" });
    const generateButton = button("Generate", () => (running ? running.abort() : start()), { class: "main" });
    const piece = (step) => current?.pieces[step - letters.length];
    const candidates = popup((index, choice) => branch(index, choice));
    const pane = textPane({
      label: "Generated text; Enter opens the candidates of a token",
      text: { tokens: [], axis: "characters" },
      colour: (step) => (piece(step) ? Math.tanh(piece(step).nats / 4) : NaN),
      describe: (step) =>
        piece(step)
          ? `“${visible(piece(step).text)}”: surprisal ${number(piece(step).nats)} nats; ${piece(step)
              .top.map(([token, share]) => `${visible(token)} ${percent(+share.toPrecision(2))}`)
              .join(", ")}`
          : "part of the prompt",
      cursor: (step, box) =>
        piece(step) && box
          ? candidates.show(piece(step), step - letters.length, box, pane.scroller)
          : candidates.hide(),
      pick: () => candidates.focus(),
      scrolled: candidates.hide,
    });
    pane.scroller.addEventListener("pointerleave", candidates.leave);
    pane.element.append(candidates.element);

    function show(one) {
      current = one;
      letters = Array.from(one.prompt);
      pane.setTokens([...letters, ...one.pieces.map(({ text }) => text)]);
      candidates.hide();
      updateList();
    }
    function updateList() {
      list.replaceChildren(
        ...branches.map((one) => {
          const from = one.parent
            ? `from ${one.parent.id}, at ${one.at}: “${visible(one.pieces[one.at].text)}” instead of “${visible(one.parent.pieces[one.at].text)}”`
            : `“${visible(one.prompt.slice(-30))}”`;
          return make(
            "li",
            {},
            button(from, () => show(one), { class: "link", "aria-current": one === current && "true" }),
          );
        }),
      );
    }
    const start = () => go({ prompt: prompt.value, pieces: [] });
    function branch(at, [text, share]) {
      const pieces = current.pieces.slice(0, at);
      go({
        prompt: current.prompt,
        pieces: [...pieces, { text, nats: -Math.log(share), top: current.pieces[at].top }],
        parent: current,
        at,
      });
      pane.scroller.focus();
    }
    /** Shows all tokens so far. */
    function draw() {
      cancelAnimationFrame(due);
      due = null;
      pane.setTokens([...letters, ...current.pieces.map(({ text }) => text)]);
    }
    /** The same, at most once per frame. */
    function refresh() {
      due ??= requestAnimationFrame(draw);
    }
    async function go(one) {
      running?.abort();
      const mine = (running = new AbortController());
      branches.push(Object.assign(one, { id: branches.length + 1 }));
      show(one);
      generateButton.textContent = "Stop";
      status.textContent = `Generating branch ${one.id} …`;
      try {
        const { max_tokens: length = 200, ...rest } = request();
        const left = Math.max(1, length - one.pieces.length);
        for await (const next of generate(
          { ...rest, model: info.model.name, max_tokens: left, prompt: textOf(one) },
          mine.signal,
        )) {
          one.pieces.push(next);
          if (current === one) refresh();
        }
        if (current === one) draw();
        status.textContent = `Branch ${one.id} has ${one.pieces.length} tokens.`;
      } catch (error) {
        status.textContent = mine.signal.aborted
          ? `Branch ${one.id} was stopped.`
          : `Error: ${error.message}`;
      }
      if (running !== mine) return;
      running = null;
      generateButton.textContent = "Generate";
    }
    return make(
      "div",
      {},
      make("label", { for: "prompt" }, "Prompt"),
      prompt,
      bar(...elements),
      bar(
        generateButton,
        button("Analyse this text in the other views", () => current && read(textOf(current), "text")),
      ),
      status,
      make("div", { class: "beside" }, pane.element, make("div", {}, make("h3", {}, "Branches"), list)),
    );
  }

  views.push({
    id: "playground",
    title: "Playground",
    heading: "Generate text, and select alternatives",
    note: "The model continues your prompt; tokens with a high surprisal are orange. Point at a token, or use the arrow keys, to see its five most probable alternatives. Select one to continue from there as a new branch.",
    host: "serve",
    offered: ({ model }) => model.task === "language",
    open,
  });
})(window.refrain);
