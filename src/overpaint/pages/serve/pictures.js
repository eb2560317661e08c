// Pictures: brought in, shown, gone back to with the whole way to them.
import { bitmap, get, send, view } from "./api.js";
import { busy } from "./asking.js";
import { pictured } from "./dialogs.js";
import { layPlan } from "./beside.js";
import { fill, find, make, released, say, told } from "./dom.js";
import { brush, fields } from "./fields.js";
import { look } from "./looking.js";
import { keep, model, now, page, reset, SCREEN, stage, state } from "./state.js";

export async function bring(file) {
  say("Reading the picture.");
  const found = await send(file);
  const before = { method: state.method, options: state.options, seed: state.seed, model: state.model, maps: state.maps };
  leave();
  reset({ ...before, original: { id: found.id, width: found.width, height: found.height }, root: found.says, source: found.says, target: found.says });
  const recipe = found.recipe, made = recipe?.method && page.all.some((one) => one.name === recipe.method) && !["generate", "invert"].includes(recipe.method);
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
  await released();
  if (state.original?.id !== found.id) return;
  if (look.words) notes({ notes: [look.words, ...found.notes] }, recipe);
  else if (look.busy && tries) setTimeout(() => known(found, recipe, tries - 1), 3000);
}

/** Options of a recipe that are not as published. */
function plainly(options, name) {
  const settings = page.all.find((one) => one.name === name).settings, found = {};
  for (const one of settings) {
    const said = options?.[one.name];
    if (said === undefined || JSON.stringify(said) === JSON.stringify(one.default)) continue;
    if (one.kind === "component") { if (said?.name && said.name !== one.part) found[one.name] = said.name; }
    else found[one.name] = said;
  }
  return found;
}

export function notes(found, recipe) {
  const said = [...(found?.notes ?? [])];
  if (recipe) said.unshift(`Made by overpaint with ${recipe.method}; its exact noise is found again by its recipe.`);
  find("note").textContent = said.join(" ");
  find("note").hidden = !said.length;
}

/** Show where we are: the picture, the words, the form. */
export async function shown() {
  keep();
  const there = Boolean(state.original);
  find("empty").hidden = there;
  find("work").hidden = !there;
  if (there) {
    const { picture } = now(), size = [state.original.width, state.original.height];
    for (const op of state.ops.filter((one) => one.kind === "picture" && !stage.strokes.loaded.has(one.id))) {
      try { await stage.strokes.load(op.id, await bitmap(view(op.id))); } catch { /* the mask is gone: the strokes stay */ }
    }
    stage.show(await bitmap(view(picture, SCREEN)), size, state.ops);
    brush();
    await layPlan();
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

export function leave() {
  page.stop?.();
  page.stop = page.running = page.work = null;
  busy(null);
}

/** Go on from something that was made before, with the whole way to it. */
export async function take(one) {
  leave();
  if (one.kind === "generate") {
    const { picture, width, height } = one.result, target = one.request.target;
    reset({ method: state.method, original: { id: picture, width, height }, root: target, source: target, target });
    notes();
    await shown();
    return;
  }
  const way = [one];
  while (way[0].parent) {
    try { way.unshift(await get(`/api/edits/${way[0].parent}`)); } catch { break; }
  }
  const picture = await get(`/api/pictures/${way[0].image}`), done = one.kind === "edit", steps = way.map((each, k) => step(each, way[k + 1]?.cell ?? -1)), path = done ? steps : steps.slice(0, -1);
  const source = way[0].request.source ?? "";
  reset({ original: { id: picture.id, width: picture.width, height: picture.height }, root: source, path, at: path.length,
    source: path.at(-1)?.target ?? source, target: one.request.target ?? "", method: one.method || state.method, options: done ? one.options : {}, seed: one.request.seed ?? 0, model: one.model });
  notes();
  await shown();
  if (one.kind === "compare" || one.kind === "invert") await look(one);
}

export const step = (one, k = -1) => ({ work: one.id, picture: one.result.cells?.[k]?.picture ?? one.result.picture, source: one.request.source, target: one.request.target,
  masked: Boolean(one.mask || one.result.mask), cell: k, method: one.result.cells?.[k]?.title ?? one.method });
