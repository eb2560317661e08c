// Looking at a result: the ways to look, and what the figures mean.
import { duration, fill, find, make } from "./dom.js";

export function modes(result, cells) {
  const found = [["slider", "Slider"], ["side", "Side by side"], ["before", "Before"], ["after", "After"], ["difference", "Difference"]];
  if (result.mask) found.push(["mask", "Mask"]);
  if (result.words?.length) found.push(["word", "Words"]);
  return cells ? found.filter(([name]) => name !== "mask" && name !== "word") : found;
}

/** What is shown of a comparison: title, what it means, figures behind the point. What is not here is for tables. */
const FIGURES = {
  clip: ["Fits the words", "of 100, by CLIP; more is better", 1], direction: ["Changes as the words do", "from -1 to 1, by CLIP; more is better", 2],
  structure: ["Structure moved", "less is nearer to the picture", 2], psnr_outside: ["Outside the mask", "dB; above 30 the eye sees no difference", 1],
  strayed: ["Lost on the way to noise and back", "less is better", 2], unasked: ["Asked for nothing, it keeps", "dB; above 30 the eye sees no difference", 1], rows: ["Rows through the network", "", 0], seconds: ["Seconds", "", 1],
};

/** What came out, in words. */
export function about(place, work, cell) {
  const figures = cell?.figures ?? work.result.figures ?? {}, lines = [];
  const line = (title, value) => value && lines.push(make("dt", { text: title }), make("dd", { text: value }));
  for (const warning of cell?.warnings ?? work.result.warnings ?? []) line("Note", warning);
  if (cell) {
    line("Method", cell.title);
    line("Not taken", cell.dropped);
    if (cell.score !== null && cell.score !== undefined) line("Likely came off", `${Math.round(100 * cell.score)} %`);
    for (const [name, [title, means, digits]] of Object.entries(FIGURES)) if (name in figures) line(title, `${Number(figures[name]).toFixed(digits)}${means && ` (${means})`}`);
  } else {
    line("Chosen", work.result.chosen);
    for (const one of work.result.notes ?? []) line("Not made", one);
    if (figures.seconds) line("Time", `${duration(figures.seconds)}, ${figures.rows} rows through the network${figures.backwards ? `, ${figures.backwards} backward passes` : ""}`);
    if (figures.reconstruction) line("Turned to noise", (work.result.warnings ?? []).includes(figures.reconstruction) ? figures.quality : `${figures.quality}: ${figures.reconstruction}`);
    if (figures.distance !== null && figures.distance !== undefined) line("Known to the model", `${figures.distance.toFixed(1)} standard deviations from the pictures it knows${figures.distance > 2 ? ": it does not know such pictures" : ""}`);
    if (figures.psnr) line("Back from noise", `${figures.psnr.toFixed(1)} dB; above 30 the eye sees no difference`);
  }
  fill(place, make("dl", {}, ...lines));
  place.hidden = !lines.length;
}

export const KEYS = [
  ["Ctrl Enter", "run"], ["Escape", "cancel what runs"], ["Enter", "accept the result"], ["Delete", "discard it"],
  ["Ctrl Z, Ctrl Shift Z", "undo and redo accepted edits"], ["O (hold)", "see the original"], ["1 to 6", "slider, side by side, before, after, difference, mask"],
  ["← →", "flip through several results"], ["B, E, R, L, F, H", "brush, eraser, box, lasso, fill, move"], ["[ and ]", "smaller, larger brush"],
  ["Z", "undo the stroke"], ["I", "invert the mask"], ["Alt", "erase with box and lasso"], ["Wheel, two fingers", "zoom; space and drag moves"],
  ["0, +, −", "fit, larger, smaller"], ["M", "methods"], ["S", "save"], ["?", "these keys"],
];

export function help() {
  fill(find("keys"), ...KEYS.flatMap(([keys, does]) => [make("dt", {}, make("kbd", { text: keys })), make("dd", { text: does })]));
}
