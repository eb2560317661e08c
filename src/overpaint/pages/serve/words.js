// Words: what changed, what the model does not know, and how strongly each counts.
import { fill, make } from "./dom.js";

const split = (text) => text.trim().split(/\s+/).filter(Boolean);
export const bare = (word) => word.toLowerCase().replace(/^[^\p{L}\p{N}<]+|[^\p{L}\p{N}>]+$/gu, "");

/** The words of a change, each kept, new or gone. */
export function change(before, after) {
  const a = split(before), b = split(after), table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i][j] = bare(a[i]) === bare(b[j]) ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
  const found = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && bare(a[i]) === bare(b[j])) { found.push({ kind: "kept", word: b[j] }); i++; j++; }
    else if (i < a.length && (j >= b.length || table[i + 1][j] >= table[i][j + 1])) found.push({ kind: "gone", word: a[i++] });
    else found.push({ kind: "new", word: b[j++] });
  }
  return found;
}

function far(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, k) => k);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] !== b[j - 1]));
    row = next;
  }
  return row[b.length];
}

/** A text with another word in the place of one, which is no part of a longer word. */
export const exchanged = (text, word, other) => text.split(/(\s+)/).map((one) => (one === word ? other : one)).join("");

/** The known word that is nearest, or nothing. */
export function nearest(word, known) {
  let best = null, least = Math.max(2, Math.ceil(word.length / 2)) + 1;
  for (const one of known) {
    const d = far(word, one);
    if (d < least) [best, least] = [one, d];
  }
  return best;
}

/** Show a change: new words coloured, unknown ones underlined; where words have weights, dragging sets them. */
export function show(place, { before, after, known, weights, weigh, replace }) {
  const vocabulary = new Set(known);
  fill(place, ...(after.trim() ? change(before, after) : []).map(({ kind, word }) => {
    if (kind === "gone") return make("del", { text: word });
    const name = bare(word), unknown = vocabulary.size > 0 && name && !vocabulary.has(name);
    const other = unknown ? nearest(name, known) : null, weight = weights?.[name];
    const title = unknown ? `The model was not taught “${name}”${other ? `; click for “${other}”` : ""}`
      : weigh ? "Drag up or down, or use the arrow keys, to make it count more or less" : "";
    const one = make("button", { type: "button", class: `word ${kind === "new" ? "new" : ""} ${unknown ? "unknown" : ""}`, text: word, title,
      "aria-label": title ? `${word}. ${title}` : word });
    if (weight !== undefined) one.append(make("sup", { text: `×${weight}` }));
    if (unknown && other) one.addEventListener("click", () => replace(exchanged(after, word, word.toLowerCase().replace(name, () => other))));
    if (weigh && !unknown) weighing(one, name, weight ?? 1, weigh);
    if (!weigh && !unknown) one.tabIndex = -1;
    return one;
  }));
}

function weighing(one, name, weight, weigh) {
  const set = (value) => weigh(name, Math.round(10 * Math.min(5, Math.max(-2, value))) / 10);
  one.addEventListener("keydown", (event) => {
    const by = { ArrowUp: 0.1, ArrowDown: -0.1, PageUp: 0.5, PageDown: -0.5 }[event.key];
    if (by) { event.preventDefault(); set(weight + by); }
  });
  one.addEventListener("pointerdown", (event) => {
    const from = event.clientY;
    let to = weight;
    one.setPointerCapture(event.pointerId);
    const moved = (at) => {
      to = Math.round(10 * Math.min(5, Math.max(-2, weight + (from - at.clientY) / 40))) / 10;
      one.querySelector("sup")?.remove();
      one.append(make("sup", { text: `×${to}` }));
    };
    one.addEventListener("pointermove", moved);
    one.addEventListener("pointerup", () => { one.removeEventListener("pointermove", moved); if (to !== weight) set(to); }, { once: true });
  });
}
