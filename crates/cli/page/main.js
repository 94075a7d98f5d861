// Builds the page for its host: a report, a server, or a training run.
((refrain) => {
  "use strict";
  const { make, source, views, tabs, selection, hasUnits, firstUnit, button, bar } = refrain;
  const { host, version } = source.boot;
  const main = document.getElementById("main");
  const head = document.getElementById("head");

  const failure = (error) => make("p", { class: "failure", role: "alert" }, `Error: ${error.message}`);

  function setHeader(model, details) {
    head.replaceChildren(
      make("h1", {}, "refrain"),
      make("p", {}, make("b", {}, model?.name ?? ""), ` ${model?.summary ?? ""}`),
    );
    if (details) head.append(make("p", { class: "soft" }, details));
    head.append(make("small", {}, `refrain ${version}`));
    if (model?.name) document.title = `${model.name} – refrain`;
  }

  /** The panel of a view: heading, note, formula and the view. */
  function panel(view, context) {
    const text = [make("h2", {}, view.heading), make("p", { class: "note" }, view.note)];
    if (view.formula) text.push(make("p", { class: "formula" }, view.formula));
    const section = make("div", {}, ...text);
    try {
      section.append(make("div", { class: "view" }, view.open(context)));
    } catch (error) {
      console.error(error);
      section.append(failure(error));
    }
    return section;
  }

  /** Tabs for the views; the open one is stored in the URL. */
  function show(offered, context, label, selected = location.hash.slice(1)) {
    const shared = { ...context, go: (id) => list?.go(id) };
    const items = offered.map((view) => ({
      id: view.id,
      title: view.title,
      open: () => (view.panel ?? ((context) => panel(view, context)))(shared),
    }));
    const list = tabs(label, items, selected, (id) => history.replaceState(null, "", `#${id}`));
    return list.element;
  }

  const ofTrace = (trace) => views.filter((view) => !view.host && view.offered(trace));

  const contextOf = (trace) => ({ trace, selection: selection(hasUnits(trace) ? firstUnit(trace) : {}) });

  const length = (trace) => `${trace.tokens.length.toLocaleString("en")} ${trace.axis}`;

  function report() {
    const trace = source.trace();
    setHeader(trace.model, [length(trace), trace.truncated].filter(Boolean).join("; "));
    main.replaceChildren(show(ofTrace(trace), contextOf(trace), "Views"));
  }

  async function serve() {
    const info = await source.info();
    setHeader(info.model);
    const placeholder = info.sample_text ? "" : "Type or paste a text";
    const text = make("textarea", { id: "text-to-read", rows: 3, spellcheck: "false", placeholder });
    text.value = info.sample_text ?? "";
    const status = make("p", { class: "soft", role: "status" });
    const holder = make("div", {});
    const panels = new Map();
    let latest = 0;
    /** A view of the host does not depend on the text: its panel is created once. */
    const lasting = (view) => ({
      ...view,
      panel(context) {
        if (!panels.has(view)) panels.set(view, panel(view, context));
        return panels.get(view);
      },
    });
    const lasts = views.filter((view) => view.host === "serve" && view.offered(info)).map(lasting);
    const submit = (event) => (event.preventDefault(), read(text.value));

    /** Only the latest of several requests is shown. */
    async function read(input, view) {
      const own = ++latest;
      text.value = input;
      status.replaceChildren("Analysing …");
      try {
        const trace = await source.read(input);
        if (own !== latest) return;
        status.replaceChildren([`Analysed ${length(trace)}`, trace.truncated].filter(Boolean).join("; "), ".");
        const context = { ...contextOf(trace), info, read };
        const fill = (view) => holder.replaceChildren(show([...ofTrace(trace), ...lasts], context, "Views", view));
        fill(view);
        const more = await source.more(trace);
        Object.assign(trace, more);
        if (own === latest && Object.keys(more).length > 0) fill();
      } catch (error) {
        if (own === latest) status.replaceChildren(failure(error));
      }
    }
    const form = make(
      "form",
      { class: "read", submit },
      make("label", { for: "text-to-read" }, "Text"),
      text,
      bar(
        button("Analyse", () => {}, { type: "submit", class: "main" }),
        status,
      ),
    );
    main.replaceChildren(form, holder);
    if (text.value) await read(text.value);
    else text.focus();
  }

  function live() {
    const run = refrain.followRun();
    setHeader(source.boot.model ?? { name: source.boot.name, summary: "a training run" });
    main.replaceChildren(
      ...run.elements,
      show(
        views.filter((view) => view.host === "live"),
        { run },
        "The run",
      ),
    );
  }

  /** Shows later errors, too, such as a plane that cannot be fetched. */
  addEventListener("unhandledrejection", ({ reason }) => main.prepend(failure(reason)));

  const start = { report, serve, live }[host];
  Promise.resolve()
    .then(start)
    .catch((error) => {
      console.error(error);
      main.replaceChildren(failure(error));
    });
})(window.refrain);
