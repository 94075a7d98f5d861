// Piano roll: actual notes and predicted probabilities.
((refrain) => {
  "use strict";
  const { views, percent, grid } = refrain;
  const LOWEST = 21,
    KEYS = 88;
  const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

  const pitchName = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;

  /** The lowest and highest relevant keys, with a margin. */
  function range({ frames, probability }) {
    const pitches = frames.flat();
    probability?.forEach((row) => row.forEach((share, key) => share > 0.2 && pitches.push(key + LOWEST)));
    const low = pitches.reduce((min, pitch) => Math.min(min, pitch), 108),
      high = pitches.reduce((max, pitch) => Math.max(max, pitch), LOWEST);
    return [Math.max(LOWEST, low - 2), Math.min(LOWEST + KEYS - 1, high + 2)];
  }

  function open({ trace: { roll, model } }) {
    const [low, high] = range(roll);
    const sounds = roll.frames.map((frame) => new Set(frame));
    const pitch = (row) => high - row;
    const expected = (row, t) => roll.probability?.[t]?.[pitch(row) - LOWEST];
    return grid({
      label: "Piano roll: keys by time",
      name: `${model.name} roll`,
      shape: { rows: high - low + 1, columns: roll.frames.length, rowLabel: (row) => pitchName(pitch(row)) },
      rowHeight: 12,
      value: (row, t) => expected(row, t) ?? (sounds[t].has(pitch(row)) ? 1 : 0),
      mark: (row, t) => sounds[t].has(pitch(row)),
      describe: (row, t) =>
        `${pitchName(pitch(row))} at ${t}: ${sounds[t].has(pitch(row)) ? "sounds" : "is silent"}${roll.probability ? `, probability ${percent(expected(row, t))}` : ""}`,
    }).element;
  }

  views.push({
    id: "roll",
    title: "Piano roll",
    heading: "Actual and predicted notes",
    note: "Rows are keys, columns are frames. Darker orange is a higher predicted probability; a dot is an actual note. Dots on orange were predicted, dots on the background were not.",
    offered: ({ roll }) => roll?.frames.length,
    open,
  });
})(window.refrain);
