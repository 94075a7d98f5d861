// Labels of a matrix, and export to files.
((refrain) => {
  "use strict";
  const { make, colour } = refrain;
  const SVG = "http://www.w3.org/2000/svg";

  const cut = (text) => (text.length > 12 ? `${text.slice(0, 11)}…` : text);

  /** The labels of the visible part: text and position. */
  function* labels(area) {
    const { cell, high, left, above, first, end, top, bottom, gutter, head, long } = area;
    for (let r = top + ((area.rowsEvery - (top % area.rowsEvery)) % area.rowsEvery); r < bottom; r += area.rowsEvery) {
      const y = above + (r - top + 0.5) * high;
      if (y > head) yield { text: cut(area.rowLabel(r)), x: gutter - 4, y };
    }
    if (!head) return;
    const every = area.columnsEvery;
    for (let c = Math.ceil(first / every) * every; c < end; c += every) {
      const x = left + (c - first + 0.5) * cell;
      if (x < gutter) continue;
      const text = every > 1 ? String(c) : cut(area.columnLabel(c));
      yield { text, x, y: long && every === 1 ? head - 4 : head / 2, turned: long && every === 1 };
    }
  }

  function download(blob, file) {
    const url = URL.createObjectURL(blob);
    make("a", { href: url, download: file }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  const fileName = (name) => name.replace(/[^\p{L}\p{N}]+/gu, "-");

  const png = (canvas, name) => canvas.toBlob((blob) => download(blob, `${fileName(name)}.png`));

  function element(tag, attributes, text) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  /** One path per colour level: a rectangle per cell would make the file ten times as long. */
  function paths(area) {
    const { cell, high, stride, left, above, first, end, top, bottom } = area;
    const wide = cell * stride,
      byLevel = new Map();
    for (let r = top; r < bottom; r++)
      for (let c = first; c < end; c += stride) {
        const level = area.level(r, c, stride);
        const move = `M${(left + (c - first) * cell).toFixed(1)} ${(above + (r - top) * high).toFixed(1)}h${wide}v${high}h-${wide}z`;
        byLevel.set(level, (byLevel.get(level) ?? "") + move);
      }
    const { css } = colour.tables();
    return [...byLevel].map(([level, d]) => element("path", { d, fill: css[level] }));
  }

  function svg(area, name) {
    const { width, height, gutter, head } = area;
    const root = element("svg", {
      xmlns: SVG,
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      "font-size": 11,
      "font-family": "monospace",
    });
    root.append(element("title", {}, name), element("rect", { width, height, fill: colour.named("paper") }));
    const clip = element("clipPath", { id: "cells" });
    clip.append(element("rect", { x: gutter, y: head, width: width - gutter, height: height - head }));
    const cells = element("g", { "clip-path": "url(#cells)" });
    cells.append(...paths(area));
    root.append(clip, cells);
    for (const { text, x, y, turned } of labels(area)) {
      const anchor = turned ? "start" : x < gutter ? "end" : "middle";
      root.append(
        element(
          "text",
          {
            transform: `translate(${x} ${y})${turned ? " rotate(-90)" : ""}`,
            dy: "0.35em",
            "text-anchor": anchor,
            fill: colour.named("soft"),
          },
          text,
        ),
      );
    }
    download(
      new Blob([new XMLSerializer().serializeToString(root)], { type: "image/svg+xml" }),
      `${fileName(name)}.svg`,
    );
  }

  refrain.saveGrid = { labels, png, svg };
})(window.refrain);
