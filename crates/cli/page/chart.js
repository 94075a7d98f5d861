// Charts of lines, bands, points and names over two axes.
((refrain) => {
  "use strict";
  const { make, colour, follow, explore, axis, clamp } = refrain;
  const MARGIN = { left: 58, right: 14, top: 12, bottom: 40 };

  /**
   * Series are `{ name, x, y, kind: "line" | "points" | "names", low, high, names, colour, size }`.
   * `describe(series, i)` is the text of a point, `pick(series, i)` handles clicks. `marked()` returns points to highlight, as [series, i].
   */
  function chart({ label, x: xAxis, y: yAxis, height = 320, square, describe, pick, marked }) {
    const canvas = make("canvas", { tabindex: 0, role: "application", "aria-label": label });
    const key = make("div", { class: "legend" });
    const holder = make("div", { class: "chart-area" }, canvas);
    const element = make("div", { class: "chart" }, key, holder);
    let series = [],
      places = null,
      cursor = null;

    const ink = (index) => series[index].colour ?? colour.series(index);

    function scales(width, tall) {
      const { left, right, top, bottom } = MARGIN;
      const xs = series.map((one) => one.x),
        ys = series.flatMap((one) => [one.y, one.low ?? [], one.high ?? []]);
      return {
        x: axis(xAxis, xs, left, width - right, width / 90),
        y: axis(yAxis, ys, tall - bottom, top, tall / 50),
        left,
        top,
        right: width - right,
        bottom: tall - bottom,
      };
    }
    function prepare() {
      const width = holder.clientWidth,
        tall = square ? Math.min(width, height) : height,
        ratio = devicePixelRatio || 1;
      const wide = square ? tall : width;
      canvas.width = Math.round(wide * ratio);
      canvas.height = Math.round(tall * ratio);
      canvas.style.width = `${wide}px`;
      canvas.style.height = `${tall}px`;
      const context = canvas.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.font = `11px ${getComputedStyle(element).fontFamily}`;
      return [context, wide, tall];
    }
    function draw() {
      if (holder.clientWidth === 0) return;
      const [context, width, tall] = prepare();
      places = scales(width, tall);
      drawAxes(context, places, tall);
      context.save();
      context.beginPath();
      context.rect(places.left - 6, places.top - 6, places.right - places.left + 12, places.bottom - places.top + 12);
      context.clip();
      series.forEach((one, index) => drawSeries(context, one, ink(index)));
      for (const [index, i] of marked?.() ?? []) ring(context, series[index], i, colour.named("accent"), 7);
      if (cursor && series[cursor[0]]?.x.length > cursor[1])
        ring(context, series[cursor[0]], cursor[1], colour.named("ink"), 5);
      context.restore();
    }
    function drawAxes(context, { x, y, left, right, top, bottom }, tall) {
      context.strokeStyle = colour.named("line");
      context.fillStyle = colour.named("soft");
      context.beginPath();
      context.textAlign = "center";
      context.textBaseline = "top";
      for (const { at, text } of x.ticks) {
        context.moveTo(at, top);
        context.lineTo(at, bottom);
        context.fillText(text, at, bottom + 6);
      }
      context.textAlign = "right";
      context.textBaseline = "middle";
      for (const { at, text } of y.ticks) {
        context.moveTo(left, at);
        context.lineTo(right, at);
        context.fillText(text, left - 6, at);
      }
      context.stroke();
      context.textAlign = "center";
      context.textBaseline = "bottom";
      context.fillText(xAxis.label, (left + right) / 2, tall - 2);
      context.translate(2, (top + bottom) / 2);
      context.rotate(-Math.PI / 2);
      context.textBaseline = "top";
      context.fillText(yAxis.label, 0, 0);
      context.rotate(Math.PI / 2);
      context.translate(-2, -(top + bottom) / 2);
    }
    const at = (one, i) => [places.x.place(one.x[i]), places.y.place(one.y[i])];
    const present = (value) => value != null && Number.isFinite(value) && !(yAxis.log && value <= 0);

    function drawSeries(context, one, ink) {
      context.fillStyle = context.strokeStyle = ink;
      if (one.low) drawBand(context, one);
      if (one.kind === "points") return drawPoints(context, one);
      if (one.kind === "names") return drawNames(context, one);
      context.lineWidth = one.size ?? 1.8;
      context.lineJoin = "round";
      context.beginPath();
      let open = false;
      for (let i = 0; i < one.x.length; i++) {
        if (present(one.y[i])) context[open ? "lineTo" : "moveTo"](...at(one, i));
        open = present(one.y[i]);
      }
      context.stroke();
    }
    function drawBand(context, { x, low, high }) {
      context.globalAlpha = 0.16;
      context.beginPath();
      x.forEach((value, i) => context.lineTo(places.x.place(value), places.y.place(high[i])));
      for (let i = x.length - 1; i >= 0; i--) context.lineTo(places.x.place(x[i]), places.y.place(low[i]));
      context.fill();
      context.globalAlpha = 1;
    }
    function drawPoints(context, one) {
      context.globalAlpha = one.alpha ?? 0.75;
      for (let i = 0; i < one.x.length; i++) {
        const [x, y] = at(one, i),
          size = one.size ?? 3.5;
        context.beginPath();
        context.arc(x, y, size, 0, 7);
        context.fill();
      }
      context.globalAlpha = 1;
    }
    function drawNames(context, one) {
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.font = `13px ${getComputedStyle(element).getPropertyValue("--mono")}`;
      for (let i = 0; i < one.x.length; i++) context.fillText(one.names[i], ...at(one, i));
    }
    function ring(context, one, i, ink, size) {
      context.strokeStyle = ink;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(...at(one, i), size, 0, 7);
      context.stroke();
    }

    /** The nearest point; for lines, x has more weight than y. */
    function nearest(px, py) {
      let best = null,
        least = Infinity;
      series.forEach((one, index) => {
        const weight = one.kind ? 1 : 0.05;
        if (one.silent) return;
        for (let i = 0; i < one.x.length; i++) {
          if (!present(one.y[i])) continue;
          const [x, y] = at(one, i);
          const distance = (x - px) ** 2 + weight * (y - py) ** 2;
          if (distance < least) [least, best] = [distance, [index, i]];
        }
      });
      return best;
    }
    function move(key, place) {
      const along = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[key];
      const across = { ArrowUp: -1, ArrowDown: 1 }[key];
      if (!(along || across) || series.length === 0) return undefined;
      const [index, i] = place ?? [0, -1];
      const next = (index + (across ?? 0) + series.length) % series.length;
      return [next, clamp(i + (along ?? 0), 0, series[next].x.length - 1)];
    }
    element.append(
      explore(canvas, {
        at(event) {
          const box = canvas.getBoundingClientRect();
          return places && nearest(event.clientX - box.left, event.clientY - box.top);
        },
        move,
        select(place) {
          cursor = place;
          draw();
        },
        describe: ([index, i]) => describe(series[index], i),
        pick: ([index, i]) => pick?.(series[index], i),
      }),
    );

    function update(next) {
      series = next;
      if (cursor && !(series[cursor[0]]?.x.length > cursor[1])) cursor = null;
      const named = series.map((one, index) => [one.name, ink(index)]).filter(([name]) => name);
      key.replaceChildren(...(named.length > 1 ? named.map(([name, ink]) => entry(name, ink)) : []));
      draw();
    }
    function entry(name, ink) {
      const swatch = make("i", {});
      swatch.style.backgroundColor = ink;
      return make("span", {}, swatch, name);
    }
    follow(holder, () => update(series));
    return { element, update, draw };
  }

  Object.assign(refrain, { chart });
})(window.refrain);
