// The lists: methods to choose from, what was made, what waits.
import { get, post, remove, view } from "./api.js";
import { amount, duration, fill, find, make, open, released, say, span, told } from "./dom.js";

const NEEDS = { mask: "needs a mask", source: "needs what it shows", target: "", image: "", examples: "needs examples" };
const TYPES = { random: "several changes at once", object: "exchanging things", add: "adding", delete: "removing", content: "content", pose: "pose", colour: "colour", material: "material", background: "the background", style: "style" };

/** What a method is good at by measurement, in a sentence. */
const strength = ({ success, cases, best }) => `${Math.round(100 * Number(success.toFixed(2)))} % of ${cases} drawn edits came off${best.length ? `, more at ${best.map((one) => TYPES[one] ?? one).join(", ")}` : ""}.`;

/** Cards of the methods; `ask(name)` gives what would be asked with one, to say what that costs. */
export function methods(all, now, { ask, choose, compare, results }) {
  const picked = new Set();
  const show = () => {
    const words = find("methods-find").value.toLowerCase().split(/\s+/);
    fill(find("cards"), ...all.filter((one) => words.every((word) => `${one.name} ${one.idea}`.toLowerCase().includes(word))).map((one) => card(one)));
    if (!find("cards").children.length) fill(find("cards"), make("p", { class: "faint", text: "No method is called so; take the words away to see all." }));
  };
  function card(one) {
    const chips = make("span", { class: "chips" }, ...one.needs.map((need) => NEEDS[need]).filter(Boolean).map((text) => make("span", { class: "chip want", text })));
    const box = make("input", { type: "checkbox", checked: picked.has(one.name) });
    box.addEventListener("change", () => {
      if (box.checked) picked.add(one.name); else picked.delete(one.name);
      find("compare").disabled = !picked.size;
      find("compare").textContent = picked.size ? `Compare ${picked.size}` : "Compare";
    });
    cost(ask(one.name)).then(async (said) => { await released(); chips.append(...said.map((text) => make("span", { class: "chip", text }))); });
    return make("div", { class: "card", "aria-current": one.name === now ? "true" : null },
      make("button", { type: "button", onclick: () => { find("methods").close(); choose(one.name); } },
        results[one.name] && make("img", { src: view(results[one.name], 320), alt: `what ${one.name} made of your picture`, loading: "lazy" }),
        make("b", { text: one.name }), make("span", { class: "faint", text: one.idea }), one.measured && make("span", { class: "strength", text: strength(one.measured) }), chips),
      one.name !== "auto" && make("label", { class: "check" }, box, "Compare"));
  }
  find("methods-find").value = "";
  find("methods-find").oninput = show;
  find("compare").disabled = true;
  find("compare").textContent = "Compare";
  find("compare").onclick = () => { find("methods").close(); compare([...picked]); };
  show();
  open(find("methods"));
}

/** What an edit costs, in a few words. */
export async function cost(said) {
  try {
    const found = await post("/api/estimate", said), words = [];
    if (found.seconds) words.push(span(...found.seconds, duration));
    words.push(`${span(...found.rows, (n) => String(n))} rows`);
    if (found.memory) words.push(amount(found.memory));
    return words;
  } catch {
    return [];
  }
}

const name = (one) => one.request.target || one.request.source || one.method || one.kind;
const when = (seconds) => new Date(1000 * seconds).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
export const pictured = (one) => one.result?.picture ?? one.result?.cells?.find((cell) => cell.picture)?.picture ?? one.image;
const small = (id) => (id ? make("img", { src: view(id, 128), alt: "", loading: "lazy" }) : make("span", { class: "thumb" }));

/** Edits under those they go on from, newest first. */
export function tree(items) {
  const known = new Map(items.map((one) => [one.id, one])), under = new Map(), roots = [];
  for (const one of items) {
    if (one.parent && known.has(one.parent)) under.set(one.parent, [...(under.get(one.parent) ?? []), one]);
    else roots.push(one);
  }
  const walk = (one, depth) => [[one, depth], ...(under.get(one.id) ?? []).flatMap((next) => walk(next, depth + 1))];
  return roots.flatMap((one) => walk(one, 0));
}

export async function history(take) {
  let items = [], next = null;
  async function load(more) {
    const asked = new URLSearchParams({ words: find("history-find").value, limit: "60" });
    if (find("history-date").value) asked.set("until", String(new Date(`${find("history-date").value}T23:59:59`).getTime() / 1000));
    if (more && next) asked.set("before", String(next));
    const found = await get(`/api/edits?${asked}`);
    items = more ? [...items, ...found.items] : found.items;
    next = found.next;
    show();
  }
  function show() {
    fill(find("history-list"), ...tree(items).map(([one, depth]) => make("div", { class: `item deep${Math.min(3, depth)}` },
      small(pictured(one)),
      make("div", {}, make("b", { text: name(one) }), make("br"), make("span", { class: "faint", text: [one.method || one.kind, one.state, when(one.made), one.error].filter(Boolean).join(" · ") })),
      make("span", { class: "row" },
        one.state === "done" && make("button", { type: "button", class: "small", text: "Open", onclick: told(async () => { await take(one); find("history").close(); }) }),
        ["failed", "cancelled"].includes(one.state) && make("button", { type: "button", class: "small", text: "Try again", onclick: told(async () => { await post(`/api/edits/${one.id}/retry`); await load(false); }) }),
        ["done", "failed", "cancelled"].includes(one.state) && make("button", { type: "button", class: "small danger", text: "Delete", "aria-label": `Delete ${name(one)} for good`,
          onclick: told(async () => { if (!confirm("Delete this edit and its pictures for good?")) return; await remove(`/api/edits/${one.id}`); await load(false); }) })))));
    if (!items.length) fill(find("history-list"), make("p", { class: "faint", text: find("history-find").value ? "Nothing is called so; take the words away to see all." : "Nothing yet: drop a picture on the page, say what it should show, and run." }));
    find("history-more").hidden = !next;
  }
  let timer = 0;
  find("history-find").oninput = find("history-date").oninput = () => { clearTimeout(timer); timer = setTimeout(told(() => load(false)), 250); };
  find("history-more").onclick = told(() => load(true));
  await load(false);
  open(find("history"));
}

export async function queue(look) {
  const found = await get("/api/queue"), work = [...found.running, ...found.waiting];
  find("pause").textContent = found.paused ? "Go on" : "Pause";
  find("pause").onclick = told(async () => { await post(`/api/queue/${found.paused ? "resume" : "pause"}`); await queue(look); });
  fill(find("queue-list"), ...work.map((one, k) => make("div", { class: "item" }, small(one.image),
    make("div", {}, make("b", { text: name(one) }), make("br"), make("span", { class: "faint", text: `${one.method || one.kind} · ${one.state === "running" ? `${Math.round(100 * one.progress)} %` : "waits"}` })),
    make("span", { class: "row" },
      one.state === "queued" && k > found.running.length && make("button", { type: "button", class: "small", text: "First", onclick: told(async () => { await post(`/api/edits/${one.id}/move`, { first: true }); await queue(look); }) }),
      make("button", { type: "button", class: "small", text: "Cancel", onclick: told(async () => { await remove(`/api/edits/${one.id}`); say("Cancelled."); await queue(look); }) })))));
  if (!work.length) fill(find("queue-list"), make("p", { class: "faint", text: found.paused ? "Nothing waits, and the queue is paused." : "Nothing waits." }));
  open(find("queue"));
}
