// Where the data come from: elements of this page (a report), or the program that serves it.
((refrain) => {
  "use strict";
  const boot = JSON.parse(document.getElementById("boot").textContent);
  const planes = new WeakMap();

  /** The values of one layer, one plane: int8 with a scale for each unit, all steps of a unit side by side. */
  class Plane {
    constructor(name, { units, scale, steps: [from, to] }, bytes) {
      this.values = new Int8Array(bytes);
      if (this.values.length !== units.length * (to - from)) throw new Error(`the plane ${name} is not whole`);
      Object.assign(this, { name, units, scale, from, to, rows: new Map(units.map((unit, row) => [unit, row])) });
      this.bounded = name !== "c" && Math.max(...scale) * 127 < 1.02;
      this.gate = this.bounded && !["h", "g", "n"].includes(name);
    }

    at(step, unit) {
      const row = this.rows.get(unit);
      if (row === undefined || step < this.from || step >= this.to) return NaN;
      return this.values[row * (this.to - this.from) + step - this.from] * this.scale[row];
    }

    /** A value's place on the colour scale: gates from shut to open, what has no bounds through tanh. */
    shade(step, unit, stretch) {
      const value = this.at(step, unit);
      const full = stretch ? value / (127 * this.scale[this.rows.get(unit)] || 1) : value;
      if (this.gate) return 2 * full - 1;
      return this.bounded || stretch ? full : Math.tanh(full);
    }

    column(unit) {
      return Float32Array.from({ length: this.to - this.from }, (_, i) => this.at(this.from + i, unit));
    }
  }

  async function inflate(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }

  const fromBase64 = (text) => Uint8Array.from(atob(text.trim()), (c) => c.charCodeAt(0));

  /** A response that is well, or an error with the program's own words. */
  async function ask(path, body, options = {}) {
    const json = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(path, { ...json, ...options });
    if (response.ok) return response;
    const message = await response.json().then(({ error }) => error.message, () => response.statusText);
    throw new Error(message);
  }

  const embedded = (layer, name) => fromBase64(document.getElementById(`plane-${layer}-${name}`).textContent);

  async function served(id, layer, name) {
    const query = new URLSearchParams({ layer, name });
    return new Uint8Array(await (await ask(`/api/trace/${encodeURIComponent(id)}/plane?${query}`)).arrayBuffer());
  }

  async function load(trace, layer, name) {
    const bytes = boot.host === "report" ? embedded(layer, name) : await served(trace.id, layer, name);
    return new Plane(name, trace.layers[layer].planes[name], await inflate(bytes));
  }

  /** Calls `make` once for a key of an object, and gives the same promise ever after; a failure is not kept. */
  function once(owner, key, make) {
    if (!planes.has(owner)) planes.set(owner, new Map());
    const kept = planes.get(owner);
    if (!kept.has(key)) kept.set(key, make().catch((error) => (kept.delete(key), Promise.reject(error))));
    return kept.get(key);
  }

  const source = {
    boot,
    trace: () => JSON.parse(document.getElementById("trace").textContent),
    info: async () => (await ask("/api/info")).json(),
    read: async (text) => (await ask("/api/trace", { text })).json(),
    plane: (trace, layer, name) => once(trace, `${layer} ${name}`, () => load(trace, layer, name)),
    probe: async () => (await ask("/api/live/probe")).json(),
    /** A plane of the fixed text at one checkpoint of a run. */
    probed: (probe, index, layer, name) =>
      once(probe, `${index} ${layer} ${name}`, async () => {
        const query = new URLSearchParams({ layer, name });
        const { scale, data } = await (await ask(`/api/live/probe/${index}?${query}`)).json();
        const form = { units: scale.map((_, unit) => unit), scale, steps: [0, probe.tokens.length] };
        return new Plane(name, form, await inflate(fromBase64(data)));
      }),
  };

  Object.assign(refrain, { source, ask });
})(window.refrain);
