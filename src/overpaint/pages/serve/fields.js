// The form: words, where, how, and what it would cost.
import { asked, base } from "./asking.js";
import { controlsShown, planShown } from "./beside.js";
import { cost } from "./dialogs.js";
import { fill, find, make, released } from "./dom.js";
import { trail } from "./looking.js";
import { form } from "./options.js";
import { keep, method, model, page, read, stage, state } from "./state.js";
import { bare, show as showWords } from "./words.js";

const HELP = { all: "The whole picture may change.", paint: "Paint over what may change; all else stays, to the pixel.", words: "The model looks for these words in the picture.", diff: "Where the two sentences disagree about the picture.", map: "Paint what is to be where; the picture may change where the map does." };

export function fields() {
  find("source").value = state.source;
  find("source").readOnly = state.at > 0;
  find("source-label").textContent = state.at ? "What it shows now" : "What it shows";
  find("target").value = state.target;
  find("source").disabled = !state.original;
  find("mask-words").value = state.maskWords;
  for (const name of ["grow", "feather", "context", "seed"]) find(name).value = state[name];
  find("maps").checked = state.maps;
  find("base").value = state.base === "accepted" ? "accepted" : "original";
  find("where").hidden = !state.original;
  for (const id of ["source", "source-label", "method", "preset-row", "usual", "more", "base-row"]) find(id).hidden = !state.original;
  fill(find("model"), ...page.models.map((one) => make("option", { value: one.name, text: one.error ? `${one.name} (cannot be used)` : one.name })));
  find("model").value = model()?.name ?? "";
  find("model-row").hidden = page.models.length < 2;
  find("run").textContent = state.original ? (Object.keys(state.grid).length ? "Run the grid" : "Run") : "Make a picture";
  whereShown();
  if (state.original) methodShown();
  controlsShown();
  wordsShown();
  priced();
  trail();
}

export function whereShown() {
  for (const one of find("places").children) one.setAttribute("aria-pressed", String(one.dataset.where === state.where));
  find("where-help").textContent = HELP[state.where];
  find("mask-words-row").hidden = state.where !== "words";
  find("where-more").hidden = state.where === "all";
  find("mask-kept").disabled = !page.work?.result?.mask;
  planShown();
  stage.painting = state.where === "paint" || stage.mapping;
  if (!stage.painting) tool("hand"); else if (stage.tool === "hand") tool("brush");
  for (const one of [...find("tools").querySelectorAll('[data-tool="erase"], [data-tool="fill"]'), find("mask-invert")]) one.hidden = stage.mapping;
  if (stage.mapping && ["erase", "fill"].includes(stage.tool)) tool("brush");
  find("tools").hidden = Boolean(page.work) || !stage.painting;
  stage.draw();
}

export function tool(name) {
  stage.tool = name;
  for (const one of find("tools").querySelectorAll("[data-tool]")) one.setAttribute("aria-pressed", String(one.dataset.tool === name));
  stage.canvas.classList.toggle("draws", name !== "hand");
}

/** How wide the brush is, for the picture that is shown. */
export function brush(by = 0) {
  find("size").value = String(Number(find("size").value) + by);
  const share = Number(find("size").value) / 100;
  stage.radius = Math.max(0.5, 0.25 * share * share * Math.max(...stage.size));
  stage.draw();
}

function methodShown() {
  const one = method();
  if (!one) return;
  find("method-name").textContent = one.name;
  find("method-idea").textContent = one.idea;
  form(one, state.options, state.grid, (name, value, kind = "options") => {
    if (kind === "grid") { if (value === null) delete state.grid[name]; else state.grid[name] = kind === "grid" ? String(value).split(",").map((each) => each.trim()) : value; }
    else {
      if (value === undefined) delete state.options[name]; else state.options[name] = value;
      for (const inner of Object.keys(state.options)) if (inner.startsWith(`${name}.`)) delete state.options[inner]; // another part has other options
    }
    keep();
    fields();
  });
  const saved = read("overpaint-presets", {})[one.name] ?? {};
  fill(find("preset"), make("option", { value: "", text: "as it comes" }), one.settings.some((each) => each.name === "steps") && make("option", { value: "quick", text: "quick (10 steps)" }),
    ...Object.keys(saved).map((name) => make("option", { value: `own ${name}`, text: name })), make("option", { value: "mine", text: "changed", hidden: true }));
  const same = (options) => JSON.stringify(options) === JSON.stringify(state.options), own = Object.keys(saved).find((name) => same(saved[name]));
  find("preset").value = same({}) ? "" : same({ steps: 10 }) ? "quick" : own ? `own ${own}` : "mine";
}

export function wordsShown() {
  const weigh = method()?.settings.some((one) => one.name === "reweight");
  showWords(find("words"), { before: state.source, after: state.target, known: model()?.words ?? [], weights: weigh ? state.options.reweight : undefined,
    weigh: weigh && ((name, value) => {
      const found = { ...state.options.reweight, [name]: value };
      if (value === 1) delete found[name];
      if (Object.keys(found).length) state.options.reweight = found; else delete state.options.reweight;
      keep();
      fields();
      [...find("words").querySelectorAll("button")].find((one) => bare(one.firstChild.textContent) === name)?.focus();
    }),
    replace: (text) => { state.target = text; find("target").value = state.target; keep(); wordsShown(); } });
}

let pricing = 0;
export function priced() {
  clearTimeout(pricing);
  if (page.running || !page.all.length) return;
  pricing = setTimeout(async () => {
    const name = state.original ? state.method : "generate";
    const share = state.original && state.where === "paint" && !stage.strokes.empty ? { share: stage.strokes.share(state.context === "" ? null : Number(state.context)) } : {};
    const words = await cost(state.original ? { ...asked(), ...share } : { method: "generate", target: state.target });
    await released();
    if (page.running || name !== (state.original ? state.method : "generate")) return;
    const from = state.at ? (base() === "original" ? ` Made from the original${state.where === "all" ? "" : " inside the mask"}, so nothing is lost on the way.` : " Made from the accepted picture.") : "";
    find("cost").textContent = words.length ? `About ${words.join(" · ")}.${from}` : from.trim();
    fill(find("method-chips"), ...words.map((text) => make("span", { class: "chip", text })));
  }, 250);
}
