// Texts as lines: line breaks, and a list with only the visible lines.
((refrain) => {
  "use strict";
  const { make, follow, clamp, explore } = refrain;
  const NARROW = /^[\n -\u02ff]*$/;
  const WIDE =
    /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;

  /** Approximate width of a text in columns of a monospaced font. */
  function columns(text) {
    if (NARROW.test(text)) return text.length;
    let width = 0;
    for (const c of text) width += c < "\u0300" ? 1 : WIDE.test(c) ? 2 : /\p{M}/u.test(c) ? 0 : 1;
    return width;
  }

  /** The first step of each line, and the end. Lines break after a newline, after whitespace if there is some, or anywhere. */
  function breaks(tokens, width, maxWidth) {
    const starts = [0];
    let start = 0,
      used = 0,
      afterSpace = -1;
    const cut = (at) => {
      starts.push(at);
      start = at;
      afterSpace = -1;
    };
    for (let t = 0; t < tokens.length; t++) {
      const own = width(t);
      if (used + own > maxWidth && t > start) {
        cut(afterSpace > start ? afterSpace : t);
        used = 0;
        for (let i = start; i < t; i++) used += width(i);
      }
      used += own;
      if (/\s$/.test(tokens[t])) afterSpace = t + 1;
      if (tokens[t].includes("\n")) {
        cut(t + 1);
        used = 0;
      }
    }
    if (start < tokens.length) starts.push(tokens.length);
    return starts;
  }

  /** The line of a step. */
  function lineOf(starts, step) {
    let low = 0,
      high = starts.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= step) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  /** A scrollable list of rows of equal height, with elements for the visible ones only. */
  function rows(scroller, height, render) {
    const sheet = make("div", { class: "sheet" });
    const shown = new Map();
    let count = 0,
      first = 0,
      end = 0;
    scroller.append(sheet);

    function update() {
      first = clamp(Math.floor(scroller.scrollTop / height), 0, count);
      end = clamp(Math.ceil((scroller.scrollTop + scroller.clientHeight) / height), 0, count);
      for (const [index, row] of shown) {
        if (index >= first && index < end) continue;
        row.remove();
        shown.delete(index);
      }
      for (let index = first; index < end; index++) {
        if (shown.has(index)) continue;
        const row = render(index);
        row.style.top = `${index * height}px`;
        shown.set(index, row);
        sheet.append(row);
      }
    }
    function reset(length) {
      count = length;
      sheet.style.height = `${count * height}px`;
      sheet.replaceChildren();
      shown.clear();
      update();
    }
    /** Scrolls to a row: minimally if it is near, otherwise to the middle. */
    function reveal(index) {
      const top = index * height;
      const above = scroller.scrollTop - top;
      const below = top + height - scroller.scrollTop - scroller.clientHeight;
      if (Math.max(above, below) > 2 * height) scroller.scrollTop = top - scroller.clientHeight / 2;
      else if (above > 0) scroller.scrollTop = top;
      else if (below > 0) scroller.scrollTop += below;
      update();
    }
    return { inSight: () => [first, end], update, reset, reveal, shown };
  }

  /**
   * A text in lines, virtualised, with a cursor. `cell(step)` makes a step's element, `paint(element, step)` colours it,
   * `width(step)` is its width in characters, `describe(step)` its text.
   */
  function lines({ label, height, tokens, cell, paint, width, describe, pick, cursor: onCursor, scrolled }) {
    const scroller = make("div", { class: "lines", tabindex: 0, role: "application", "aria-label": label });
    const element = make("div", { class: "pane" }, scroller);
    let starts = [0],
      text = tokens,
      cursor = -1,
      maxWidth = 0;

    const list = rows(scroller, height, (index) => {
      const row = make("div", { class: "line" });
      for (let t = starts[index]; t < starts[index + 1]; t++) {
        const made = cell(t);
        made.step = t;
        made.classList.toggle("cursor", t === cursor);
        paint?.(made, t);
        row.append(made);
      }
      return row;
    });
    const cells = () => [...list.shown.values()].flatMap((row) => [...row.children]);
    const recolour = () => paint && cells().forEach((made) => paint(made, made.step));
    const visible = () => {
      const [first, end] = list.inSight();
      return [starts[first] ?? 0, starts[end] ?? text.length];
    };
    function layout() {
      if (scroller.clientWidth === 0) return;
      const unit = document.createElement("canvas").getContext("2d");
      unit.font = getComputedStyle(scroller).font;
      const top = maxWidth === 0 && cursor >= 0 ? cursor : visible()[0];
      maxWidth = Math.max(8, Math.floor((scroller.clientWidth - 18) / unit.measureText("0").width));
      starts = breaks(text, width, maxWidth);
      list.reset(starts.length - 1);
      if (top > 0) list.reveal(lineOf(starts, top));
      scrolled?.(...visible());
    }
    function setTokens(next) {
      const atEnd = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 4;
      text = next;
      starts = breaks(text, width, Math.max(8, maxWidth));
      cursor = Math.min(cursor, text.length - 1);
      list.reset(starts.length - 1);
      if (atEnd) scroller.scrollTop = scroller.scrollHeight;
      list.update();
    }
    const place = (step) =>
      cells()
        .find((made) => made.step === step)
        ?.getBoundingClientRect();
    function mark(step) {
      cursor = step;
      for (const made of cells()) made.classList.toggle("cursor", made.step === step);
    }
    function reveal(step) {
      list.reveal(lineOf(starts, step));
      mark(step);
    }
    function byLines(count) {
      const line = lineOf(starts, Math.max(0, cursor));
      const next = clamp(line + count, 0, starts.length - 2);
      return Math.min(starts[next] + Math.max(0, cursor) - starts[line], starts[next + 1] - 1);
    }
    const MOVES = {
      ArrowLeft: () => cursor - 1,
      ArrowRight: () => cursor + 1,
      ArrowUp: () => byLines(-1),
      ArrowDown: () => byLines(1),
      PageUp: () => byLines(-10),
      PageDown: () => byLines(10),
      Home: () => 0,
      End: () => text.length - 1,
    };
    element.append(
      explore(scroller, {
        at: (event) => event.target.closest(".line > *")?.step ?? null,
        move: (key) => (MOVES[key] && text.length ? clamp(MOVES[key](), 0, text.length - 1) : undefined),
        select(step, event) {
          if (!event) reveal(step);
          else if (event.type === "click") mark(step);
          onCursor?.(step, place(step));
        },
        describe,
        pick,
        quiet: onCursor,
      }),
    );
    scroller.addEventListener("scroll", () => {
      list.update();
      scrolled?.(...visible());
    });
    follow(scroller, layout);
    return { element, scroller, recolour, reveal, setTokens };
  }

  Object.assign(refrain, { columns, lines });
})(window.refrain);
