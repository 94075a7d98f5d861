// Axes of charts: positions and ticks.
((refrain) => {
  "use strict";
  const { number, clamp } = refrain;

  function steps(low, high, count) {
    const rough = (high - low) / count || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    const size = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
    const ticks = [];
    for (let tick = Math.ceil(low / size) * size; tick <= high + size * 1e-6; tick += size)
      ticks.push(+tick.toPrecision(10));
    return ticks;
  }

  const within = (low, high) => (value, i, all) => value >= low && value <= high && all.indexOf(value) === i;

  function decades(low, high) {
    const from = Math.ceil(Math.log10(low) - 1e-9),
      to = Math.floor(Math.log10(high) + 1e-9);
    const every = Math.max(1, Math.ceil((to - from) / 8));
    const ticks = [];
    for (let power = from; power <= to; power += every) ticks.push(10 ** power);
    return ticks.length > 2
      ? ticks
      : [1, 2, 5]
          .flatMap((digit) => [from - 1, from, to].map((power) => digit * 10 ** power))
          .filter(within(low, high));
  }

  /** Minimum and maximum of the values that can be shown. */
  function extent(lists, log) {
    let low = Infinity,
      high = -Infinity;
    for (const list of lists)
      for (const value of list) {
        if (value == null || !Number.isFinite(value) || (log && value <= 0)) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    if (low > high) return log ? [0.1, 1] : [0, 1];
    if (low === high) return log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
    return [low, high];
  }

  const SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const power = (value) => {
    const exponent = Math.round(Math.log10(value));
    if (Math.abs(exponent) < 4 || Math.abs(10 ** exponent / value - 1) > 1e-6) return number(value);
    return `10${exponent < 0 ? "⁻" : ""}${Array.from(String(Math.abs(exponent)), (digit) => SUPERSCRIPT[digit]).join("")}`;
  };

  /** A scale from values in `lists` to positions between `from` and `to`. */
  function axis({ log = false, range }, lists, from, to, count) {
    const [low, high] = range ?? extent(lists, log);
    const turn = log ? Math.log10 : (value) => value;
    const [a, b] = [turn(low), turn(high)];
    const place = (value) =>
      from + ((clamp(turn(log ? Math.max(value, low) : value), a - 9, Infinity) - a) / (b - a)) * (to - from);
    const ticks = (log ? decades(low, high) : steps(low, high, count)).map((value) => ({
      at: place(value),
      text: log ? power(value) : number(value),
    }));
    return { place: log ? place : (value) => from + ((value - a) / (b - a)) * (to - from), ticks };
  }

  Object.assign(refrain, { axis });
})(window.refrain);
