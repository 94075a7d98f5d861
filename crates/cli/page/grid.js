// A matrix of numbers in -1..1 on a canvas, of any size; only the visible part is drawn.
((refrain) => {
  "use strict";
  const { make, clamp, colour, follow, explore, button, bar, saveGrid } = refrain;
  const ZOOMS = [1 / 256, 1 / 64, 1 / 16, 1 / 4, 1 / 2, 1, 2, 4, 8, 12, 16, 24, 36];
  const LABEL = 11;

  /**
   * `value(row, column)` is the colour of a cell, `describe(row, column)` its text, `mark(row, column)` whether it has a
   * dot; `pick(row, column)` handles clicks; `selected()` is the outlined row. With `fit` all columns share the width.
   */
  function grid(options) {
    const { label, value, describe, pick, mark, selected, fit, name = "matrix", tools = true } = options;
    const canvas = make("canvas", { "aria-hidden": "true" });
    const sheet = make("div", { class: "grid-sheet" }, canvas);
    const scroller = make(
      "div",
      { class: "grid-scroll", tabindex: 0, role: "application", "aria-label": label },
      sheet,
    );
    const zoomBar = bar(
      button("−", () => zoomBy(-1), { "aria-label": "Zoom out" }),
      button("+", () => zoomBy(1), { "aria-label": "Zoom in" }),
      button("Save PNG", () => saveGrid.png(canvas, name)),
      button("Save SVG", () => saveGrid.svg(view(), name)),
    );
    const element = make("div", { class: "grid" }, ...(tools ? [zoomBar] : []), scroller);
    let shape = options.shape,
      zoom = options.zoom ?? 9,
      cursor = null,
      gutter = 0,
      head = 0;

    const size = () =>
      fit ? Math.max(1e-3, (scroller.clientWidth - gutter - (options.margin ?? 0)) / shape.columns) : ZOOMS[zoom];
    const rowHeight = () => options.rowHeight ?? clamp(Math.floor(460 / shape.rows), 6, 18);

    function measure(context) {
      const labels = Array.from({ length: Math.min(shape.rows, 400) }, (_, row) => shape.rowLabel(row));
      gutter = Math.ceil(Math.max(...labels.map((text) => context.measureText(text).width), 8)) + 8;
      gutter = options.gutter ?? Math.min(gutter, 90);
      head = fit ? 0 : size() >= 10 && isLong() ? 76 : 18;
    }
    const isLong = () =>
      shape.columnLabel &&
      Array.from({ length: Math.min(shape.columns, 200) }, (_, c) => shape.columnLabel(c)).some(
        (text) => [...text].length > 2,
      );

    /** The visible part: positions, sizes and labels, for drawing and saving. */
    function view() {
      const width = scroller.clientWidth,
        cell = size(),
        high = rowHeight();
      const height = Math.min(scroller.clientHeight, head + shape.rows * high);
      const stride = Math.max(1, Math.round(1 / cell));
      const first = Math.floor(scroller.scrollLeft / cell / stride) * stride;
      const end = Math.min(shape.columns, Math.ceil((scroller.scrollLeft + width - gutter) / cell));
      const top = Math.floor(scroller.scrollTop / high);
      const bottom = Math.min(shape.rows, Math.ceil((scroller.scrollTop + height - head) / high));
      return {
        ...shape,
        width,
        height,
        cell,
        high,
        stride,
        first,
        end,
        top,
        bottom,
        gutter,
        head,
        mark,
        level,
        left: gutter + first * cell - scroller.scrollLeft,
        above: head + top * high - scroller.scrollTop,
        long: head > 18,
        columnsEvery: shape.columnLabel && (cell >= 8 || head > 18) ? 1 : Math.max(1, Math.ceil(64 / cell)),
        rowsEvery: Math.max(1, Math.ceil(LABEL / high)),
      };
    }
    /** The level of a cell, or the mean over (a sample of) the steps that share a pixel. */
    function level(row, column, stride) {
      if (stride === 1) return colour.level(value(row, column));
      const end = Math.min(shape.columns, column + stride),
        hop = Math.max(1, stride >> 3);
      let sum = 0,
        count = 0;
      for (let c = column; c < end; c += hop, count++) sum += value(row, c);
      return colour.level(sum / count);
    }

    function pixels({ first, end, stride, top, bottom }) {
      const wide = Math.ceil((end - first) / stride),
        high = bottom - top;
      if (wide < 1 || high < 1) return null;
      const image = new ImageData(wide, high);
      const out = new Uint32Array(image.data.buffer);
      const { packed } = colour.tables();
      for (let row = 0; row < high; row++)
        for (let x = 0; x < wide; x++) out[row * wide + x] = packed[level(top + row, first + x * stride, stride)];
      const small = make("canvas", { width: wide, height: high });
      small.getContext("2d").putImageData(image, 0, 0);
      return small;
    }

    function draw() {
      if (scroller.clientWidth === 0) return;
      const context = canvas.getContext("2d");
      context.font = `${LABEL}px ${getComputedStyle(scroller).fontFamily}`;
      measure(context);
      sheet.style.width = fit ? "100%" : `${gutter + shape.columns * size()}px`;
      sheet.style.height = `${head + shape.rows * rowHeight()}px`;
      const area = view(),
        ratio = devicePixelRatio || 1;
      canvas.width = Math.round(area.width * ratio);
      canvas.height = Math.round(area.height * ratio);
      canvas.style.width = `${area.width}px`;
      canvas.style.height = `${area.height}px`;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.fillStyle = colour.named("paper");
      context.fillRect(0, 0, area.width, area.height);
      drawCells(context, area);
      drawLabels(context, area);
    }
    function drawCells(context, area) {
      const small = pixels(area);
      if (!small) return;
      const { cell, high, stride, left, above, first, top } = area;
      context.save();
      context.beginPath();
      context.rect(area.gutter, area.head, area.width, area.height);
      context.clip();
      context.imageSmoothingEnabled = false;
      context.drawImage(small, left, above, small.width * cell * stride, small.height * high);
      if (mark) drawMarks(context, area);
      context.lineWidth = 2;
      context.strokeStyle = colour.named("accent");
      const row = selected?.() ?? -1;
      if (row >= 0) context.strokeRect(area.gutter + 1, above + (row - top) * high, area.width - area.gutter - 2, high);
      context.strokeStyle = colour.named("ink");
      if (cursor)
        context.strokeRect(
          left + (cursor[1] - first) * cell,
          above + (cursor[0] - top) * high,
          Math.max(cell, 3),
          high,
        );
      context.restore();
    }
    function drawMarks(context, { cell, high, left, above, first, end, top, bottom }) {
      context.fillStyle = colour.named("ink");
      const wide = clamp(cell * 0.4, 1.5, 6),
        tall = clamp(high * 0.4, 1.5, 6);
      for (let r = top; r < bottom; r++)
        for (let c = first; c < end; c++)
          if (mark(r, c))
            context.fillRect(
              left + (c - first + 0.5) * cell - wide / 2,
              above + (r - top + 0.5) * high - tall / 2,
              wide,
              tall,
            );
    }
    function drawLabels(context, area) {
      context.font = `${LABEL}px ${getComputedStyle(scroller).fontFamily}`;
      context.textBaseline = "middle";
      context.fillStyle = colour.named("soft");
      for (const { text, x, y, turned } of saveGrid.labels(area)) {
        context.save();
        context.translate(x, y);
        if (turned) context.rotate(-Math.PI / 2);
        context.textAlign = turned ? "left" : x < area.gutter ? "right" : "center";
        context.fillText(text, 0, 0);
        context.restore();
      }
    }

    function zoomBy(by) {
      const middle = (scroller.scrollLeft + (scroller.clientWidth - gutter) / 2) / size();
      zoom = clamp(zoom + by, 0, ZOOMS.length - 1);
      draw();
      scroller.scrollLeft = middle * size() - (scroller.clientWidth - gutter) / 2;
      draw();
    }
    function cellAt(event) {
      const box = canvas.getBoundingClientRect(),
        area = view();
      const x = event.clientX - box.left,
        y = event.clientY - box.top;
      const row = Math.floor((y - area.above) / area.high) + area.top;
      const column = Math.floor((x - area.left) / area.cell) + area.first;
      const inside = x >= gutter && y >= head && row >= 0 && row < shape.rows && column >= 0 && column < shape.columns;
      return inside ? [row, column] : null;
    }
    function reveal(row, column) {
      const cell = size(),
        high = rowHeight();
      const wide = scroller.clientWidth - gutter,
        tall = scroller.clientHeight - head;
      if (!fit) scroller.scrollLeft = clamp(scroller.scrollLeft, (column + 1) * cell - wide, column * cell);
      scroller.scrollTop = clamp(scroller.scrollTop, (row + 1) * high - tall, row * high);
    }
    const MOVES = {
      ArrowLeft: ([r, c]) => [r, c - 1],
      ArrowRight: ([r, c]) => [r, c + 1],
      ArrowUp: ([r, c]) => [r - 1, c],
      ArrowDown: ([r, c]) => [r + 1, c],
      PageUp: ([r, c]) => [r - 10, c],
      PageDown: ([r, c]) => [r + 10, c],
      Home: ([r]) => [r, 0],
      End: ([r]) => [r, shape.columns - 1],
    };
    function move(key, place) {
      if (!fit && (key === "+" || key === "-")) return (zoomBy(key === "+" ? 1 : -1), null);
      if (!MOVES[key]) return undefined;
      const [row, column] = MOVES[key](place ?? [0, -1]);
      return [clamp(row, 0, shape.rows - 1), clamp(column, 0, shape.columns - 1)];
    }
    element.append(
      explore(scroller, {
        at: cellAt,
        move,
        select(place, event) {
          cursor = place;
          if (!event) reveal(...place);
          draw();
        },
        describe: (place) => describe(...place),
        pick: (place) => pick?.(...place),
        hint: options.hint ?? "Point at a cell, or use the arrow keys; + and − zoom.",
      }),
    );
    scroller.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey || fit) return;
        event.preventDefault();
        zoomBy(event.deltaY < 0 ? 1 : -1);
      },
      { passive: false },
    );
    scroller.addEventListener("scroll", draw);
    follow(scroller, draw);

    function reshape(next) {
      shape = { ...shape, ...next };
      cursor = null;
      draw();
    }
    return { element, draw, reshape, reveal };
  }

  Object.assign(refrain, { grid });
})(window.refrain);
