// The page: what is asked for, what runs, what is looked at, and what was accepted, kept through every reload.
import { bitmap, fresh, get, listen, post, remove, send, view } from "./api.js";
import { cost, history, methods, pictured, queue } from "./dialogs.js";
import { fill, find, make, open, say, told } from "./dom.js";
import { about, help, modes } from "./look.js";
import { form, values } from "./options.js";
import { Stage } from "./stage.js";
import { bare, show as showWords } from "./words.js";

const SCREEN = 2048, KEPT = "overpaint", OVER = ["done", "failed", "cancelled"];
const HELP = { all: "The whole picture may change.", paint: "Paint over what may change; all else stays, to the pixel.", words: "The model looks for these words in the picture.", diff: "Where the two sentences disagree about the picture." };
const FRESH = { original: null, root: "", path: [], at: 0, source: "", target: "", where: "all", maskWords: "", ops: [], grow: 0, feather: 0, context: "", method: "p2p", options: {}, grid: {}, seed: 0, model: "", base: "auto", maps: false, pending: null, running: null, looking: null };

let state = { ...structuredClone(FRESH), ...read(KEPT, {}) };
let all = [], models = [], results = {}, stop = null, work = null, cell = 0, held = false, mode = "slider", running = null;

function read(name, usual) {
  try { return JSON.parse(localStorage.getItem(name)) ?? usual; } catch { return usual; }
}
function keep() {
  try { localStorage.setItem(KEPT, JSON.stringify(state)); } catch { say("This browser keeps nothing: a reload would lose what you typed.", true); }
}

const stage = new Stage(find("canvas"), find("slider"), () => { state.ops = stage.mask.ops; keep(); priced(); });
const method = () => all.find((one) => one.name === state.method) ?? all[0];
const model = () => models.find((one) => one.name === state.model) ?? models[0];
const now = () => (state.at ? state.path[state.at - 1] : { picture: state.original?.id, target: state.root });

// Asking ----------------------------------------------------------------------------------------------------

/** What an edit is made from: the original, so that the tenth is as clean as the first, unless a mask keeps
    what was accepted to the pixel anyway, or what was painted before would be lost. */
function base() {
  if (!state.at || state.base === "original") return "original";
  if (state.base === "accepted" || state.where !== "all") return "accepted";
  return state.path.slice(0, state.at).some((one) => one.masked) ? "accepted" : "original";
}

function asked(name = state.method) {
  const original = base() === "original", at = now(), kind = all.find((one) => one.name === name);
  const said = { image: original ? state.original.id : at.picture, source: original ? state.root || state.source : state.source, target: state.target, method: name,
    options: name === state.method ? { ...state.options } : shared(kind), seed: state.seed, model: state.model, maps: state.maps, grow: state.grow, feather: state.feather };
  if (!state.at) said.source = state.source;
  if (state.context !== "") said.context = Number(state.context);
  if (state.where === "words") said.mask_words = state.maskWords;
  if (state.where === "diff") said.mask_diff = true;
  if (state.where === "all") { said.grow = 0; said.feather = 0; delete said.context; }
  if (state.at) said.parent = state.path[state.at - 1].work;
  return said;
}

/** Options that another method has too. */
function shared(kind) {
  const known = new Set(kind?.settings.map((one) => one.name));
  return Object.fromEntries(Object.entries(state.options).filter(([name]) => name === "steps" && known.has(name)));
}

async function run(comparing = null) {
  if (running) return;
  if (!state.original) { await begin("/api/generate", { target: state.target, seed: state.seed, model: state.model }); return; }
  const said = asked(), grid = Object.fromEntries(Object.entries(state.grid).map(([name, text]) => [name, values(String(text))]).filter(([, list]) => list.length));
  if (state.where === "paint") {
    if (stage.mask.empty) throw new Error("Nothing is painted yet; paint over what may change, or choose Anywhere.");
    said.mask = (await send(await stage.mask.file())).id;
  }
  if (!comparing && !Object.keys(grid).length) { await begin("/api/edits", said); return; }
  if (said.mask_words || said.mask_diff) throw new Error("Methods are compared anywhere or inside what is painted; choose one of these.");
  if (Object.keys(grid).length > 2) throw new Error("A grid has two options at most; set the others back to one value.");
  const { image, source, target, seed, feather, mask } = said, options = comparing ? ("steps" in said.options ? { steps: said.options.steps } : {}) : said.options;
  await begin("/api/compare", { image, source, target, seed, feather, model: said.model, options, grid, methods: comparing ?? [state.method], ...(mask ? { mask } : {}) });
}

/** Ask with a key that is kept first: a reload in between asks for the same work, not for more. */
async function begin(path, said) {
  state.looking = null;
  state.pending = { path, said, key: fresh() };
  keep();
  await ask();
}

async function ask() {
  const { path, said, key } = state.pending;
  busy({ progress: 0 });
  try {
    const found = await post(path, said, key);
    state.running = found.id;
  } catch (error) {
    busy(null);
    if (error.status) state.pending = null;
    keep();
    throw error;
  }
  state.pending = null;
  keep();
  watch(state.running);
}

function watch(id) {
  stop?.();
  running = id;
  let seen = null;
  stop = listen(id, told(async (kind, facts) => {
    if (kind === "gone") { ended(); say("This edit was deleted."); }
    else if (kind === "step") busy({ progress: facts.share, left: facts.left, rows: facts.rows, total: facts.total });
    else if (kind === "preview") {
      seen = facts.image;
      const image = await bitmap(seen);
      if (running !== id || seen !== facts.image) return;
      if (!state.original) return;
      if (state.context === "" || state.where === "all") { stage.preview = image; stage.draw(); }
    } else if (!OVER.includes(facts.state)) busy({ progress: facts.progress, before: facts.state === "queued" ? facts.before : null });
    else { ended(); await over(facts); }
  }));
}

function ended() {
  stop?.();
  stop = running = null;
  state.running = null;
  stage.preview = null;
  stage.draw();
  busy(null);
  keep();
}

async function over(found) {
  if (found.state === "failed") throw new Error(found.error || "The edit failed.");
  if (found.state === "cancelled") { say("Cancelled."); return; }
  if (found.kind === "generate") { await take(found); return; }
  if (found.method) results[found.method] = found.result.picture;
  await look(found);
  say("Done.");
}

function busy(how) {
  for (const [id, shown] of [["progress", how], ["cancel", how], ["run", !how]]) find(id).hidden = !shown;
  find("cost").hidden = false;
  if (!how) { priced(); document.title = "overpaint"; return; }
  find("progress").value = how.progress ?? 0;
  const left = how.left > 1 ? `, ${Math.round(how.left)} s left` : "";
  find("cost").textContent = how.before > 0 ? `Waits for ${how.before} before it.` : how.rows ? `${how.rows} of ${how.total} rows${left}` : "Beginning.";
  document.title = `${Math.round(100 * (how.progress ?? 0))} % · overpaint`;
}

// Pictures --------------------------------------------------------------------------------------------------

async function bring(file) {
  say("Reading the picture.");
  const found = await send(file);
  const before = { method: state.method, options: state.options, seed: state.seed, model: state.model, maps: state.maps };
  leave();
  state = { ...structuredClone(FRESH), ...before, original: { id: found.id, width: found.width, height: found.height }, root: found.says, source: found.says, target: found.says };
  const recipe = found.recipe, made = recipe?.method && all.some((one) => one.name === recipe.method) && !["generate", "invert"].includes(recipe.method);
  if (made) Object.assign(state, { method: recipe.method, options: plainly(recipe.options, recipe.method), seed: Number(recipe.request.seed ?? 0) });
  notes(found, recipe);
  await shown();
  say(recipe ? "A picture of overpaint: its words and settings came along." : "Now say what it shows, and what it should show.");
  find(found.says ? "target" : "source").focus();
  known(found, recipe);
}

/** Say before the edit that the model does not know such pictures. */
async function known(found, recipe, tries = 5) {
  const look = await get(`/api/pictures/${found.id}/look?model=${encodeURIComponent(state.model)}`).catch(() => ({}));
  if (state.original?.id !== found.id) return;
  if (look.words) notes({ notes: [look.words, ...found.notes] }, recipe);
  else if (look.busy && tries) setTimeout(() => known(found, recipe, tries - 1), 3000);
}

/** Options of a recipe that are not as published. */
function plainly(options, name) {
  const settings = all.find((one) => one.name === name).settings, found = {};
  for (const one of settings) {
    const said = options?.[one.name];
    if (said === undefined || JSON.stringify(said) === JSON.stringify(one.default)) continue;
    if (one.kind === "component") { if (said?.name && said.name !== one.part) found[one.name] = said.name; }
    else found[one.name] = said;
  }
  return found;
}

function notes(found, recipe) {
  const said = [...(found?.notes ?? [])];
  if (recipe) said.unshift(`Made by overpaint with ${recipe.method}; its exact noise is found again by its recipe.`);
  find("note").textContent = said.join(" ");
  find("note").hidden = !said.length;
}

/** Show where we are: the picture, the words, the form. */
async function shown() {
  keep();
  const there = Boolean(state.original);
  find("empty").hidden = there;
  find("work").hidden = !there;
  if (there) {
    const { picture } = now(), size = [state.original.width, state.original.height];
    for (const op of state.ops.filter((one) => one.kind === "picture" && !stage.mask.loaded.has(one.id))) {
      try { await stage.mask.load(op.id, await bitmap(view(op.id))); } catch { /* the mask is gone: the strokes stay */ }
    }
    stage.show(await bitmap(view(picture, SCREEN)), size, state.ops);
    stage.first = state.at ? await bitmap(view(state.original.id, SCREEN)) : stage.before;
    stage.canvas.setAttribute("aria-label", `The picture: ${state.source || "not described yet"}`);
  } else await recent();
  look(null);
  fields();
}

async function recent() {
  const found = await get("/api/edits?limit=12&state=done");
  fill(find("recent-list"), ...found.items.filter(pictured).map((one) => make("button", { class: "thumb", onclick: told(() => take(one)), title: one.request.target },
    make("img", { src: view(pictured(one), 256), alt: "", loading: "lazy" }), make("span", { text: one.request.target || one.kind }))));
  find("recent").hidden = !found.items.length;
}

function leave() {
  stop?.();
  stop = running = work = null;
  busy(null);
}

/** Go on from something that was made before, with the whole way to it. */
async function take(one) {
  leave();
  if (one.kind === "generate") {
    const { picture, width, height } = one.result, target = one.request.target;
    state = { ...structuredClone(FRESH), method: state.method, original: { id: picture, width, height }, root: target, source: target, target };
    notes();
    await shown();
    return;
  }
  const way = [one];
  while (way[0].parent) {
    try { way.unshift(await get(`/api/edits/${way[0].parent}`)); } catch { break; }
  }
  const picture = await get(`/api/pictures/${way[0].image}`), done = one.kind === "edit", path = way.slice(0, done ? undefined : -1).map(step);
  const source = way[0].request.source ?? "";
  state = { ...structuredClone(FRESH), original: { id: picture.id, width: picture.width, height: picture.height }, root: source, path, at: path.length,
    source: path.at(-1)?.target ?? source, target: one.request.target ?? "", method: one.method || state.method, options: done ? one.options : {}, seed: one.request.seed ?? 0, model: one.model };
  notes();
  await shown();
  if (one.kind === "compare" || one.kind === "invert") await look(one);
}

const step = (one, k = -1) => ({ work: one.id, picture: one.result.cells?.[k]?.picture ?? one.result.picture, source: one.request.source, target: one.request.target,
  masked: Boolean(one.mask || one.result.mask), method: one.result.cells?.[k]?.title ?? one.method });

// Looking ---------------------------------------------------------------------------------------------------

async function look(found, at = 0) {
  work = found;
  cell = at;
  state.looking = found ? found.id : null;
  keep();
  const cells = found?.result?.cells ?? [], done = cells.filter((one) => one.picture);
  for (const id of ["accept", "discard", "modes"]) find(id).hidden = !found;
  find("looks").hidden = !found && !state.at;
  find("save").hidden = !found && !state.at;
  find("tools").hidden = Boolean(found) || state.where !== "paint";
  find("cells").hidden = !cells.length;
  if (!found) {
    find("about").hidden = true;
    stage.after = stage.extra = null;
    looking("edit");
    trail();
    return;
  }
  fill(find("cells"), ...cells.map((one) => make("button", { type: "button", class: "thumb", "aria-current": done[cell] === one ? "true" : null, disabled: !one.picture, title: one.error || one.title,
    onclick: told(() => look(found, done.indexOf(one))) }, one.picture ? make("img", { src: view(one.picture, 256), alt: "" }) : null, make("span", { text: one.error ? `${one.title}: ${one.error}` : one.title }))));
  const picture = cells.length ? done[cell]?.picture : found.result.picture;
  if (!picture) throw new Error(cells[0]?.error || "No method could do it.");
  stage.after = await bitmap(view(picture, SCREEN));
  stage.preview = null;
  about(find("about"), found, cells.length ? done[cell] : null);
  fill(find("modes"), ...modes(found.result, cells.length).map(([name, text]) => make("button", { type: "button", text, "data-mode": name, onclick: told(() => looking(name)) })));
  await looking(mode);
  trail();
}

async function looking(name) {
  if (work && !find("modes").querySelector(`[data-mode="${name}"]`)) name = "slider";
  if (work) mode = name;
  if (name === "difference") stage.difference();
  if (name === "mask") await stage.outside(await bitmap(view(work.result.mask, SCREEN)));
  if (name === "word") await wordShown();
  find("slider").hidden = name !== "slider";
  find("tag-left").hidden = !["slider", "side", "before"].includes(name);
  find("tag-right").hidden = !["slider", "side", "after"].includes(name);
  find("tag-left").textContent = "Before";
  find("tag-right").textContent = "After";
  for (const one of find("modes").children) one.setAttribute("aria-pressed", String(one.dataset.mode === name));
  document.getElementById("word-pick")?.toggleAttribute("hidden", name !== "word");
  stage.set(name);
}

async function wordShown() {
  let pick = document.getElementById("word-pick");
  if (!pick || pick.dataset.work !== work.id) {
    pick?.remove();
    pick = make("select", { id: "word-pick", "aria-label": "The word whose attention is shown", "data-work": work.id }, ...work.result.words.map((one) => make("option", { value: one.picture, text: one.word })));
    pick.addEventListener("change", told(wordShown));
    find("modes").append(pick);
  }
  stage.extra = await bitmap(view(pick.value));
  stage.draw();
}

function hold(down) {
  if (held === down || !state.original) return;
  held = down;
  stage.set(down ? "first" : work ? mode : "edit");
}

async function accept() {
  if (!work) return;
  const cells = work.result.cells ?? [], done = cells.filter((one) => one.picture), one = step(work, cells.length ? cells.indexOf(done[cell]) : -1);
  state.path = [...state.path.slice(0, state.at), one];
  state.at = state.path.length;
  state.source = state.target = one.target;
  say("Accepted. The next edit goes on from here.");
  await shown();
}

async function discard() {
  if (!work) return;
  await look(null);
  say("Discarded; it stays in the history.");
}

async function travel(at) {
  if (at < 0 || at > state.path.length || !state.original || running) return;
  const undone = at < state.at ? state.path[at] : null;
  state.at = at;
  state.source = now().target ?? "";
  state.target = undone ? undone.target : state.source;
  await shown();
}

function trail() {
  find("undo").disabled = !state.at || Boolean(work);
  find("redo").disabled = state.at >= state.path.length || Boolean(work);
  const one = (picture, text, k) => make("button", { type: "button", class: "thumb", "aria-current": k === state.at ? "true" : null, title: text, onclick: told(() => travel(k)) },
    make("img", { src: view(picture, 256), alt: "" }), make("span", { text }));
  const shown = state.original && state.path.length;
  find("trail").hidden = !shown;
  fill(find("trail"), ...(shown ? [one(state.original.id, "Original", 0), ...state.path.map((each, k) => one(each.picture, each.target || each.method, k + 1))] : []));
}

async function saving() {
  const id = work?.id ?? now().work, cells = work?.result.cells?.filter((one) => one.picture), picture = cells?.length ? cells[cell].picture : work?.result.picture ?? now().picture;
  if (!id) return;
  const again = cells?.length ? { command: cells[cell].command, python: "" } : await get(`/api/edits/${id}/again`);
  find("keep-png").href = cells?.length ? view(picture) : `/api/edits/${id}/image`;
  find("keep-png").download = find("keep-plain").download = `overpaint-${id}.png`;
  find("keep-plain").href = view(picture);
  find("keep-report").hidden = !cells?.length;
  find("keep-report").href = `/api/edits/${id}/report`;
  find("keep-command").textContent = again.command;
  find("keep-python").textContent = again.python || "Accept this result first; its edit then has a text of its own.";
  find("forget").onclick = told(async () => {
    if (!confirm("Delete this edit and its pictures for good?")) return;
    await remove(`/api/edits/${id}`);
    find("keep").close();
    state.path = state.path.filter((one) => one.work !== id);
    state.at = Math.min(state.at, state.path.length);
    await shown();
    say("Deleted for good.");
  });
  open(find("keep"));
}

// The form --------------------------------------------------------------------------------------------------

function fields() {
  find("source").value = state.source;
  find("source").readOnly = state.at > 0;
  find("source-label").textContent = state.at ? "What it shows now" : "What it shows";
  find("target").value = state.target;
  find("source").disabled = !state.original;
  find("mask-words").value = state.maskWords;
  for (const name of ["grow", "feather", "context", "seed"]) find(name).value = state[name];
  find("maps").checked = state.maps;
  find("base").value = state.base;
  find("where").hidden = !state.original;
  fill(find("model"), ...models.map((one) => make("option", { value: one.name, text: one.error ? `${one.name} (cannot be used)` : one.name })));
  find("model").value = model()?.name ?? "";
  find("model-row").hidden = models.length < 2;
  find("run").textContent = state.original ? (Object.keys(state.grid).length ? "Run the grid" : "Run") : "Make a picture";
  whereShown();
  methodShown();
  wordsShown();
  priced();
  trail();
}

function whereShown() {
  for (const one of find("places").children) one.setAttribute("aria-pressed", String(one.dataset.where === state.where));
  find("where-help").textContent = HELP[state.where];
  find("mask-words-row").hidden = state.where !== "words";
  find("where-more").hidden = state.where === "all";
  find("mask-kept").disabled = !work?.result?.mask;
  stage.painting = state.where === "paint";
  if (!stage.painting) tool("hand"); else if (stage.tool === "hand") tool("brush");
  find("tools").hidden = Boolean(work) || !stage.painting;
  stage.draw();
}

function tool(name) {
  stage.tool = name;
  for (const one of find("tools").querySelectorAll("[data-tool]")) one.setAttribute("aria-pressed", String(one.dataset.tool === name));
  stage.canvas.classList.toggle("draws", name !== "hand");
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
  fill(find("preset"), make("option", { value: "", text: "as published" }), one.settings.some((each) => each.name === "steps") && make("option", { value: "quick", text: "quick (10 steps)" }),
    ...Object.keys(saved).map((name) => make("option", { value: `own ${name}`, text: name })), make("option", { value: "mine", text: "changed", hidden: true }));
  const same = (options) => JSON.stringify(options) === JSON.stringify(state.options), own = Object.keys(saved).find((name) => same(saved[name]));
  find("preset").value = same({}) ? "" : same({ steps: 10 }) ? "quick" : own ? `own ${own}` : "mine";
}

function wordsShown() {
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
    replace: (word, other) => { state.target = state.target.replace(word, other); find("target").value = state.target; keep(); wordsShown(); } });
}

let pricing = 0;
function priced() {
  clearTimeout(pricing);
  if (running || !all.length) return;
  pricing = setTimeout(async () => {
    const name = state.original ? state.method : "generate";
    const words = await cost(state.original ? asked() : { method: "generate", target: state.target });
    if (running || name !== (state.original ? state.method : "generate")) return;
    const from = state.at ? (base() === "original" ? " Made from the original, so nothing is lost on the way." : " Made from the accepted picture.") : "";
    find("cost").textContent = words.length ? `About ${words.join(" · ")}.${from}` : from.trim();
    fill(find("method-chips"), ...words.map((text) => make("span", { class: "chip", text })));
  }, 250);
}

// What is heard ---------------------------------------------------------------------------------------------

const on = (id, kind, work) => find(id).addEventListener(kind, told(work));
const typed = (id, name, value = (text) => text, then = () => {}) => on(id, "input", () => { state[name] = value(find(id).value); keep(); then(); priced(); });

function hear() {
  on("panel", "submit", (event) => { event.preventDefault(); return run(); });
  find("panel").addEventListener("submit", (event) => event.preventDefault());
  on("cancel", "click", async () => { if (running) await remove(`/api/edits/${running}`); });
  typed("source", "source", (text) => { if (!state.at) state.root = text; return text; }, wordsShown);
  typed("target", "target", undefined, wordsShown);
  typed("mask-words", "maskWords");
  for (const name of ["grow", "feather", "seed"]) typed(name, name, (text) => Math.max(0, Math.round(Number(text)) || 0));
  typed("context", "context");
  on("maps", "change", () => { state.maps = find("maps").checked; keep(); });
  on("base", "change", () => { state.base = find("base").value; keep(); priced(); });
  on("model", "change", () => { state.model = find("model").value; keep(); fields(); });
  on("dice", "click", () => { state.seed = crypto.getRandomValues(new Uint32Array(1))[0] % 100000; keep(); fields(); });
  on("preset", "change", () => {
    const name = find("preset").value, saved = read("overpaint-presets", {})[state.method] ?? {};
    state.options = name === "quick" ? { steps: 10 } : name.startsWith("own ") ? { ...saved[name.slice(4)] } : {};
    state.grid = {};
    keep();
    fields();
  });
  on("preset-save", "click", () => {
    const name = prompt("What shall the preset be called?")?.trim();
    if (!name) return;
    const saved = read("overpaint-presets", {});
    saved[state.method] = { ...saved[state.method], [name]: state.options };
    localStorage.setItem("overpaint-presets", JSON.stringify(saved));
    fields();
  });
  for (const one of find("places").children) one.addEventListener("click", told(async () => { if (work) await look(null); state.where = one.dataset.where; keep(); whereShown(); priced(); }));
  for (const one of find("tools").querySelectorAll("[data-tool]")) one.addEventListener("click", () => tool(one.dataset.tool));
  on("size", "input", () => brush());
  on("stroke-undo", "click", () => stage.mask.undo());
  on("mask-invert", "click", () => stage.mask.add({ kind: "invert" }));
  on("mask-clear", "click", () => stage.mask.add({ kind: "clear" }));
  on("mask-load", "click", () => find("mask-file").click());
  on("mask-file", "change", () => masked(find("mask-file").files[0]));
  on("mask-kept", "click", async () => { const id = work.result.mask; await look(null); state.where = "paint"; await maskOf(id); });
  on("mask-save", "click", async () => {
    const address = URL.createObjectURL(await stage.mask.file());
    make("a", { href: address, download: "mask.png" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 9000);
  });
  on("fit", "click", () => stage.fit());
  on("choose", "click", () => find("file").click());
  on("file", "change", async () => { const [one] = find("file").files; find("file").value = ""; if (one) await bring(one); });
  on("imagine", "click", () => { find("target").focus(); say("Say what the picture should show, and press Make a picture."); });
  on("accept", "click", accept);
  on("discard", "click", discard);
  on("save", "click", saving);
  on("undo", "click", () => travel(state.at - 1));
  on("redo", "click", () => travel(state.at + 1));
  on("new", "click", async () => { leave(); state = { ...structuredClone(FRESH), method: state.method, options: state.options, model: state.model }; notes(); await shown(); });
  on("method", "click", choosing);
  on("history-open", "click", () => history(take));
  on("queue-open", "click", () => queue());
  on("help-open", "click", () => open(find("help")));
  on("theme", "click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches, root = document.documentElement;
    root.dataset.theme = (root.dataset.theme ?? (dark ? "dark" : "light")) === "dark" ? "light" : "dark";
    localStorage.setItem("overpaint-theme", root.dataset.theme);
  });
  for (const one of document.querySelectorAll("[data-close]")) one.addEventListener("click", () => one.closest("dialog").close());
  for (const one of document.querySelectorAll("[data-copy]")) one.addEventListener("click", told(async () => { await navigator.clipboard.writeText(find(one.dataset.copy).textContent); say("Copied."); }));
  document.addEventListener("paste", told(async (event) => { const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/")); if (file) { event.preventDefault(); await bring(file); } }));
  let depth = 0;
  document.addEventListener("dragenter", (event) => { event.preventDefault(); depth++; find("over").hidden = false; });
  document.addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); find("over").hidden = depth > 0 ? false : true; });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", told(async (event) => {
    event.preventDefault();
    depth = 0;
    find("over").hidden = true;
    const [file] = event.dataTransfer.files;
    if (!file) throw new Error("That was no file; drop a picture.");
    if (event.shiftKey && state.original) await masked(file); else await bring(file);
  }));
  document.addEventListener("keydown", told(key));
  document.addEventListener("keyup", (event) => { if (event.key === "o" || event.key === "O") hold(false); if (event.key === " ") stage.space = false; });
  window.addEventListener("blur", () => { hold(false); stage.space = false; });
}

function choosing() {
  methods(all.filter((one) => one.needs.includes("image")), state.method, {
    ask: (name) => ({ ...(state.original ? asked(name) : { target: state.target }), method: name, options: name === state.method ? state.options : {} }),
    choose: (name) => { if (name !== state.method) Object.assign(state, { method: name, options: {}, grid: {} }); keep(); fields(); },
    compare: told((names) => { if (!state.original) throw new Error("There is no picture yet; drop one first."); return run(names); }), results });
}

async function masked(file) {
  if (!file) return;
  const found = await send(file);
  if (found.width !== state.original.width || found.height !== state.original.height) throw new Error(`The mask has ${found.width} by ${found.height} pixels and the picture ${state.original.width} by ${state.original.height}; make them equal.`);
  state.where = "paint";
  await maskOf(found.id);
}

async function maskOf(id) {
  await stage.mask.load(id, await bitmap(view(id)));
  stage.mask.add({ kind: "picture", id });
  fields();
}

function brush(by = 0) {
  find("size").value = String(Number(find("size").value) + by);
  const share = Number(find("size").value) / 100;
  stage.radius = Math.max(0.5, 0.25 * share * share * Math.max(...stage.size));
  stage.draw();
}

const TOOLS = { b: "brush", e: "erase", r: "box", l: "lasso", f: "fill", h: "hand" };
const MODES = ["slider", "side", "before", "after", "difference", "mask"];

async function key(event) {
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key, typing = event.target.matches("input:not([type=range], [type=checkbox]), textarea, select");
  const steering = event.ctrlKey || event.metaKey, inside = document.querySelector("dialog[open]");
  if (steering && name === "Enter") { event.preventDefault(); await run(); return; }
  if (inside) return;
  if (steering && !typing && (name === "z" || name === "y")) { event.preventDefault(); await travel(state.at + (event.shiftKey || name === "y" ? 1 : -1)); return; }
  if (name === "Escape" && running) { await remove(`/api/edits/${running}`); return; }
  if (typing || steering || event.altKey) return;
  const button = event.target.closest("button, a, summary"), cells = work?.result.cells?.filter((one) => one.picture) ?? [];
  if (name === "Enter" && work && !button) await accept();
  else if (name === "Delete" && work) await discard();
  else if (name === "o") hold(true);
  else if (name === " " && !button) { event.preventDefault(); stage.space = true; }
  else if (name === "?") open(find("help"));
  else if (name === "m") choosing();
  else if (name === "s" && !find("save").hidden) await saving();
  else if (name === "0") stage.fit();
  else if (name === "+" || name === "=" || name === "-") stage.zoom(name === "-" ? 0.8 : 1.25, stage.canvas.clientWidth / 2, stage.canvas.clientHeight / 2);
  else if (work && MODES[Number(name) - 1]) await looking(MODES[Number(name) - 1]);
  else if (cells.length > 1 && (name === "ArrowLeft" || name === "ArrowRight") && event.target.type !== "range") await look(work, (cell + (name === "ArrowLeft" ? -1 : 1) + cells.length) % cells.length);
  else if (stage.painting && !work) {
    if (TOOLS[name]) tool(TOOLS[name]);
    else if (name === "[" || name === "]") brush(name === "[" ? -4 : 4);
    else if (name === "z") stage.mask.undo();
    else if (name === "i") stage.mask.add({ kind: "invert" });
  }
}

async function waiting() {
  if (!document.hidden) {
    try {
      const { counts } = await get("/api/queue"), many = (counts.queued ?? 0) + (counts.running ?? 0);
      find("queue-count").textContent = String(many);
      find("queue-count").hidden = !many;
      if (!model()?.loaded && !model()?.error) { models = await get("/api/models"); wordsShown(); priced(); }
    } catch { /* the next time says more */ }
  }
  setTimeout(waiting, running ? 2500 : 6000);
}

const start = told(async () => {
  const theme = localStorage.getItem("overpaint-theme");
  if (theme) document.documentElement.dataset.theme = theme;
  hear();
  help();
  [all, models] = await Promise.all([get("/api/methods"), get("/api/models")]);
  if (!all.some((one) => one.name === state.method)) state.method = all[0].name;
  const { looking: shownBefore, running: ranBefore, pending } = state;
  try {
    await shown();
  } catch (error) {
    state = structuredClone(FRESH); // its picture was deleted meanwhile
    await shown();
    throw error;
  }
  brush();
  waiting();
  if (pending) await ask();
  else if (ranBefore) { busy({ progress: 0 }); state.running = ranBefore; keep(); watch(ranBefore); }
  else if (shownBefore) {
    const found = await get(`/api/edits/${shownBefore}`).catch(() => null);
    if (found?.state === "done") await look(found);
  }
  document.documentElement.dataset.ready = "yes";
});
start();
