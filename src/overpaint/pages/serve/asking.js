// Asking: what an edit is made from, what is sent, and what is heard of it while it runs.
import { bitmap, fresh, listen, post, send } from "./api.js";
import { controls, sentPlan } from "./beside.js";
import { find, released, say, told } from "./dom.js";
import { priced } from "./fields.js";
import { look } from "./looking.js";
import { values } from "./options.js";
import { shown, take } from "./pictures.js";
import { keep, now, page, stage, state } from "./state.js";

const OVER = ["done", "failed", "cancelled"];

/** What an edit is made from: the original, so that the tenth is as clean as the first. What is inside a mask is
    laid on the accepted picture; below a whole one, edits that had a mask are made again. Methods beside each
    other are single edits, so these go on from the accepted picture where a mask came before. */
export function base(comparing = false) {
  if (!state.at) return "original";
  if (state.base === "accepted") return "accepted";
  return comparing && state.where === "all" && way().some((one) => one.masked) ? "accepted" : "original";
}
const way = () => state.path.slice(0, state.at);

export function asked(name = state.method, comparing = false) {
  const original = base(comparing) === "original", at = now(), kind = page.all.find((one) => one.name === name);
  const said = { image: original ? state.original.id : at.picture, source: original ? state.root || state.source : state.source, target: state.target, method: name,
    options: name === state.method ? { ...state.options } : shared(kind), seed: state.seed, model: state.model, maps: state.maps, grow: state.grow, feather: state.feather };
  if (!state.at) said.source = state.source;
  if (state.context !== "") said.context = Number(state.context);
  if (state.where === "words") said.mask_words = state.maskWords;
  if (state.where === "diff") said.mask_diff = true;
  if (state.where === "all") { said.grow = 0; said.feather = 0; delete said.context; }
  if (Object.keys(state.control).length) said.control = controls();
  if (state.at) Object.assign(said, { parent: at.work }, at.cell >= 0 && { cell: at.cell });
  if (state.at && original && state.where !== "all") said.onto = at.picture;
  if (state.at && original && state.where === "all" && !comparing) said.way = way().map(({ work, cell }) => (cell >= 0 ? { work, cell } : { work }));
  return said;
}

/** Options that another method has too. */
function shared(kind) {
  const known = new Set(kind?.settings.map((one) => one.name));
  return Object.fromEntries(Object.entries(state.options).filter(([name]) => name === "steps" && known.has(name)));
}

export async function run(comparing = null) {
  if (page.running) return;
  if (!state.original) { await begin("/api/generate", { target: state.target, seed: state.seed, model: state.model, control: controls(true) }); return; }
  const grid = Object.fromEntries(Object.entries(state.grid).map(([name, text]) => [name, values(String(text))]).filter(([, list]) => list.length));
  const several = comparing || Object.keys(grid).length > 0, said = asked(state.method, several);
  if (state.where === "paint") {
    if (stage.strokes.empty) throw new Error("Nothing is painted yet; paint over what may change, or choose Anywhere.");
    said.mask = (await send(await stage.strokes.file())).id;
  }
  if (state.where === "map") said.map = await sentPlan();
  if (!several) {
    await begin("/api/edits", said);
    if (state.where === "all" && said.source.trim() === said.target.trim() && !state.options.reweight) say("Both sentences say the same, so next to nothing will change.");
    return;
  }
  if (said.map || said.control) throw new Error("Methods are compared without side networks and maps; switch these off.");
  if (said.mask_words || said.mask_diff) throw new Error("Methods are compared anywhere or inside what is painted; choose one of these.");
  if (Object.keys(grid).length > 2) throw new Error("A grid has two options at most; set the others back to one value.");
  const { image, source, target, seed, feather, mask, onto, parent, cell } = said, options = comparing ? ("steps" in said.options ? { steps: said.options.steps } : {}) : said.options;
  await begin("/api/compare", { image, source, target, seed, feather, model: said.model, options, grid, methods: comparing ?? [state.method], parent, cell, ...(mask ? { mask, ...(onto ? { onto } : {}) } : {}) });
}

/** Ask with a key that is kept first: a reload in between asks for the same work, not for more. */
async function begin(path, said) {
  state.looking = null;
  state.pending = { path, said, key: fresh() };
  keep();
  await ask();
}

export async function ask() {
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

export function watch(id) {
  page.stop?.();
  page.running = id;
  find("stage").scrollIntoView({ block: "nearest", behavior: "smooth" }); // on a phone the form is below it
  document.dispatchEvent(new Event("queued"));
  let seen = null;
  page.stop = listen(id, told(async (kind, facts) => {
    if (kind === "gone") { ended(); say("This edit was deleted."); }
    else if (kind === "step") busy({ progress: facts.share, left: facts.left, rows: facts.rows, total: facts.total });
    else if (kind === "preview") {
      seen = facts.image;
      const image = await bitmap(seen);
      if (page.running !== id || seen !== facts.image) return;
      if (!state.original) return;
      if (state.context === "" || state.where === "all") { stage.preview = image; stage.draw(); }
    } else if (!OVER.includes(facts.state)) busy({ progress: facts.progress, before: facts.state === "queued" ? facts.before : null });
    else { ended(); await over(facts); }
  }));
}

function ended() {
  page.stop?.();
  page.stop = page.running = null;
  state.running = null;
  stage.preview = null;
  stage.draw();
  busy(null);
  keep();
  document.dispatchEvent(new Event("queued"));
}

async function over(found) {
  if (found.state === "failed") throw new Error(found.error || "The edit failed.");
  if (found.state === "cancelled") { say("Cancelled."); return; }
  if (found.kind === "generate") { await take(found); return; }
  if (found.method) page.results[found.method] = found.result.picture;
  await released();
  await look(found);
  say("Done.");
}

export function busy(how) {
  for (const [id, shown] of [["progress", how], ["cancel", how], ["run", !how]]) find(id).hidden = !shown;
  find("cost").hidden = false;
  if (!how) { priced(); document.title = "overpaint"; return; }
  find("progress").value = how.progress ?? 0;
  const left = how.left > 1 ? `, ${Math.round(how.left)} s left` : "";
  find("cost").textContent = how.before > 0 ? `Waits for ${how.before} before it.` : how.rows ? `${how.rows} of ${how.total} rows${left}` : "Beginning.";
  document.title = `${Math.round(100 * (how.progress ?? 0))} % · overpaint`;
}
