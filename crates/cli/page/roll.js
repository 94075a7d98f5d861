// Music: what sounded, on what was expected.
((refrain) => {
  "use strict";
  const { views, percent, grid } = refrain;
  const LOWEST = 21,
    KEYS = 88;
  const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

  const pitchName = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;

  /** The lowest and highest keys that matter, with a little room. */
  function range({ frames, probability }) {
    const pitches = frames.flat();
    probability?.forEach((row) => row.forEach((share, key) => share > 0.2 && pitches.push(key + LOWEST)));
    const low = pitches.reduce((least, pitch) => Math.min(least, pitch), 108),
      high = pitches.reduce((most, pitch) => Math.max(most, pitch), LOWEST);
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
        `${pitchName(pitch(row))} at ${t}: ${sounds[t].has(pitch(row)) ? "sounds" : "is silent"}${roll.probability ? `, expected with ${percent(expected(row, t))}` : ""}`,
    }).element;
  }

  views.push({
    id: "roll",
    title: "Piano roll",
    heading: "What sounded, and what was expected",
    note: "A row is a key, a column a moment. The more orange, the more the model expected the note; a dot is a note that sounded. Dots on orange were foreseen, dots on nothing were surprises.",
    offered: ({ roll }) => roll?.frames.length,
    open,
  });
})(window.refrain);
