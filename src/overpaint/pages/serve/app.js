// The page: what is heard from keys, buttons and pointers, and how it begins.
import { bitmap, get, remove, send, view } from "./api.js";
import { ask, asked, busy, run, watch } from "./asking.js";
import { history, methods, queue } from "./dialogs.js";
import { conditioned, controlsShown, planShown, readPlan } from "./beside.js";
import { find, make, open, released, say, told } from "./dom.js";
import { brush, fields, priced, tool, whereShown, wordsShown } from "./fields.js";
import { help } from "./look.js";
import { accept, discard, hold, look, looking, saving, travel } from "./looking.js";
import { bring, leave, notes, shown, take } from "./pictures.js";
import { keep, model, page, read, reset, stage, state } from "./state.js";

const on = (id, kind, heard) => find(id).addEventListener(kind, told(heard));
const typed = (id, name, value = (text) => text, then = () => {}) => on(id, "input", () => { state[name] = value(find(id).value); keep(); then(); priced(); });

function hear() {
  on("panel", "submit", (event) => { event.preventDefault(); return run(); });
  find("panel").addEventListener("submit", (event) => event.preventDefault());
  on("cancel", "click", async () => { if (page.running) await remove(`/api/edits/${page.running}`); });
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
  for (const one of find("places").children) one.addEventListener("click", told(async () => { if (page.work) await look(null); state.where = one.dataset.where; keep(); whereShown(); priced(); if (state.where === "map" && !state.plan) await readPlan(); }));
  for (const one of find("tools").querySelectorAll("[data-tool]")) one.addEventListener("click", () => tool(one.dataset.tool));
  on("size", "input", () => brush());
  on("stroke-undo", "click", () => stage.mask.undo());
  on("mask-invert", "click", () => stage.mask.add({ kind: "invert" }));
  on("mask-clear", "click", () => stage.mask.clear());
  on("plan-read", "click", readPlan);
  on("mask-load", "click", () => find("mask-file").click());
  on("mask-file", "change", () => masked(find("mask-file").files[0]));
  on("condition-file", "change", async () => { const [one] = find("condition-file").files; find("condition-file").value = ""; await conditioned(one); });
  on("mask-kept", "click", async () => { const id = page.work.result.mask; await look(null); state.where = "paint"; await maskOf(id); });
  on("mask-save", "click", async () => {
    const address = URL.createObjectURL(await stage.strokes.file());
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
  on("new", "click", async () => { leave(); reset({ method: state.method, options: state.options, model: state.model }); notes(); await shown(); });
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
  document.addEventListener("queued", count);
  window.addEventListener("blur", () => { hold(false); stage.space = false; });
}

function choosing() {
  methods(page.all.filter((one) => one.needs.includes("image")), state.method, {
    ask: (name) => ({ ...(state.original ? asked(name) : { target: state.target }), method: name, options: name === state.method ? state.options : {} }),
    choose: (name) => { if (name !== state.method) Object.assign(state, { method: name, options: {}, grid: {} }); keep(); fields(); },
    compare: told((names) => { if (!state.original) throw new Error("There is no picture yet; drop one first."); return run(names); }), results: page.results });
}

async function masked(file) {
  if (!file) return;
  const found = await send(file);
  if (found.width !== state.original.width || found.height !== state.original.height) throw new Error(`The mask has ${found.width} by ${found.height} pixels and the picture ${state.original.width} by ${state.original.height}; make them equal.`);
  state.where = "paint";
  await maskOf(found.id);
}

async function maskOf(id) {
  await stage.strokes.load(id, await bitmap(view(id)));
  stage.strokes.add({ kind: "picture", id });
  fields();
}

const TOOLS = { b: "brush", e: "erase", r: "box", l: "lasso", f: "fill", h: "hand" };
const MODES = ["slider", "side", "before", "after", "difference", "mask"];

async function key(event) {
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key, typing = event.target.matches("input:not([type=range], [type=checkbox]), textarea, select");
  const steering = event.ctrlKey || event.metaKey, inside = document.querySelector("dialog[open]");
  if (steering && name === "Enter") { event.preventDefault(); await run(); return; }
  if (inside) return;
  if (steering && !typing && (name === "z" || name === "y")) { event.preventDefault(); await travel(state.at + (event.shiftKey || name === "y" ? 1 : -1)); return; }
  if (name === "Escape" && page.running) { await remove(`/api/edits/${page.running}`); return; }
  if (typing || steering || event.altKey) return;
  const button = event.target.closest("button, a, summary"), cells = page.work?.result.cells?.filter((one) => one.picture) ?? [];
  if (name === "Enter" && page.work && !button) await accept();
  else if (name === "Delete" && page.work) await discard();
  else if (name === "o") hold(true);
  else if (name === " " && !button) { event.preventDefault(); stage.space = true; }
  else if (name === "?") open(find("help"));
  else if (name === "m") choosing();
  else if (name === "s" && !find("save").hidden) await saving();
  else if (name === "0") stage.fit();
  else if (name === "+" || name === "=" || name === "-") stage.zoom(name === "-" ? 0.8 : 1.25, stage.canvas.clientWidth / 2, stage.canvas.clientHeight / 2);
  else if (page.work && MODES[Number(name) - 1]) await looking(MODES[Number(name) - 1]);
  else if (cells.length > 1 && (name === "ArrowLeft" || name === "ArrowRight") && event.target.type !== "range") await look(page.work, (page.cell + (name === "ArrowLeft" ? -1 : 1) + cells.length) % cells.length);
  else if (stage.painting && !page.work) {
    if (TOOLS[name]) { if (!stage.mapping || !["e", "f"].includes(name)) tool(TOOLS[name]); }
    else if (name === "[" || name === "]") brush(name === "[" ? -4 : 4);
    else if (name === "z") stage.mask.undo();
    else if (name === "i" && !stage.mapping) stage.mask.add({ kind: "invert" });
  }
}

async function count() {
  if (!document.hidden) {
    try {
      const { counts } = await get("/api/queue"), many = (counts.queued ?? 0) + (counts.running ?? 0);
      find("queue-count").textContent = String(many);
      find("queue-count").hidden = !many;
      if (!model()?.loaded && !model()?.error) { page.models = await get("/api/models"); await released(); wordsShown(); controlsShown(); planShown(); priced(); }
    } catch { /* the next time says more */ }
  }
}

async function waiting() {
  await count();
  setTimeout(waiting, page.running ? 2500 : 6000);
}

document.documentElement.dataset.begun = "yes";
const start = told(async () => {
  const theme = localStorage.getItem("overpaint-theme");
  if (theme) document.documentElement.dataset.theme = theme;
  hear();
  help();
  [page.all, page.models] = await Promise.all([get("/api/methods"), get("/api/models")]);
  if (!page.all.some((one) => one.name === state.method)) state.method = page.all[0].name;
  const { looking: shownBefore, running: ranBefore, pending } = state;
  try {
    await shown();
  } catch (error) {
    reset(); // its picture was deleted meanwhile
    await shown();
    throw error;
  }
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
