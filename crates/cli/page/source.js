// Source of the data: elements of this page (a report), or the server.
((refrain) => {
  "use strict";
  const boot = JSON.parse(document.getElementById("boot").textContent);
  const planes = new WeakMap();

  /** Range of the values of a plane: gates are in 0..1, some states in -1..1, others are unbounded. */
  function kindOf(name, max) {
    if (name === "c" || max > 1.02) return "unbounded";
    return ["h", "g", "n"].includes(name) ? "signed" : "gate";
  }

  /** Position of a value on the colour scale: gates from closed to open, unbounded values through tanh. */
  const onScale = (kind, value) => (kind === "gate" ? 2 * value - 1 : kind === "signed" ? value : Math.tanh(value));

  /** The values of a plane of a layer: int8 with a scale per unit, the steps of a unit contiguous. */
  class Plane {
    constructor(name, { units, scale, steps: [from, to] }, bytes) {
      this.values = new Int8Array(bytes);
      if (this.values.length !== units.length * (to - from)) throw new Error(`the plane ${name} is incomplete`);
      Object.assign(this, { name, units, scale, from, to, rows: new Map(units.map((unit, row) => [unit, row])) });
      this.kind = kindOf(name, Math.max(...scale) * 127);
    }

    at(step, unit) {
      const row = this.rows.get(unit);
      if (row === undefined || step < this.from || step >= this.to) return NaN;
      return this.values[row * (this.to - this.from) + step - this.from] * this.scale[row];
    }

    /** Position of a value on the colour scale; if stretched, relative to the unit's largest value. */
    shade(step, unit, stretch) {
      const value = this.at(step, unit);
      if (!stretch) return onScale(this.kind, value);
      const share = value / (127 * this.scale[this.rows.get(unit)] || 1);
      return this.kind === "gate" ? onScale("gate", share) : share;
    }
  }

  async function inflate(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }

  function fromBase64(text) {
    const binary = atob(text.trim());
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  }

  /** A successful response, or an error with the message of the server. */
  async function ask(path, body, options = {}) {
    const json = body && {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    };
    const response = await fetch(path, { ...json, ...options });
    if (response.ok) return response;
    const message = await response.json().then(
      ({ error }) => error.message,
      () => response.statusText,
    );
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

  /** Calls `make` once per key of an object, and then returns the same promise; failures are not cached. */
  function once(owner, key, make) {
    if (!planes.has(owner)) planes.set(owner, new Map());
    const kept = planes.get(owner);
    if (!kept.has(key))
      kept.set(
        key,
        make().catch((error) => (kept.delete(key), Promise.reject(error))),
      );
    return kept.get(key);
  }

  const source = {
    boot,
    trace: () => JSON.parse(document.getElementById("trace").textContent),
    info: async () => (await ask("/api/info")).json(),
    read: async (text) => (await ask("/api/trace", { text })).json(),
    /** The slow parts of a trace: unit finder, gradients, maps. */
    more: async ({ id }) => (await ask(`/api/trace/${encodeURIComponent(id)}/more`)).json(),
    plane: (trace, layer, name) => once(trace, `${layer} ${name}`, () => load(trace, layer, name)),
    probe: async () => (await ask("/api/live/probe")).json(),
    /** A plane of the fixed text at one validation of a run. */
    probed: (probe, index, layer, name) =>
      once(probe, `${index} ${layer} ${name}`, async () => {
        const query = new URLSearchParams({ layer, name });
        const { scale, data } = await (await ask(`/api/live/probe/${index}?${query}`)).json();
        const form = { units: scale.map((_, unit) => unit), scale, steps: [0, probe.tokens.length] };
        return new Plane(name, form, await inflate(fromBase64(data)));
      }),
  };

  Object.assign(refrain, { source, ask, kindOf, onScale });
})(window.refrain);
