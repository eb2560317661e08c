// Beside the words: side networks that keep something of the picture, and a map of what is to be where.
import { bitmap, get, send, view } from "./api.js";
import { fill, find, make, say, told } from "./dom.js";
import { fields, priced } from "./fields.js";
import { keep, model, now, stage, state } from "./state.js";

const PLAIN = { canny: "Edges", depth: "Depth", segmentation: "What is where" };

/** A box for each side network of the model, how strongly it speaks, and what it looks at: by itself the picture. */
export function controlsShown() {
  const names = model()?.controls ?? [];
  for (const name of Object.keys(state.control)) if (model()?.loaded && !names.includes(name)) delete state.control[name];
  find("controls-row").hidden = !names.length;
  find("controls-title").textContent = state.original ? "Keep of the picture" : "Follow a picture of";
  fill(find("controls"), ...names.map((name) => {
    const on = name in state.control, change = (value) => { if (value === null) delete state.control[name]; else state.control[name] = value; keep(); priced(); controlsShown(); };
    const box = make("input", { type: "checkbox", id: `control-${name}` });
    box.checked = on;
    box.addEventListener("change", () => { change(box.checked ? 1 : null); find(`control-${name}`).focus(); });
    const scale = make("input", { type: "number", min: "0", max: "2", step: "0.1", value: String(state.control[name] ?? 1), "aria-label": `How strongly: ${PLAIN[name] ?? name}`, disabled: !on });
    scale.addEventListener("change", () => change(Number(scale.value) || 0));
    const seen = state.conditions[name], plain = PLAIN[name] ?? name;
    const choose = on && make("button", { type: "button", class: "small seen", title: "What it looks at, instead of what it makes of the picture", "aria-label": `What it looks at: ${plain}`,
      onclick: () => { looker = name; find("condition-file").click(); } }, seen && make("img", { src: view(seen, 64), alt: "" }), seen ? "Another picture" : state.original ? "Looks at this picture" : "Choose what it looks at");
    const drop = on && seen && make("button", { type: "button", class: "small", text: "×", title: "Without that picture", "aria-label": `Without that picture: ${plain}`, onclick: () => { delete state.conditions[name]; keep(); controlsShown(); } });
    return make("div", { class: "pair" }, make("label", { class: "check" }, box, ` ${plain}`), scale, on && make("span", { class: "row tight" }, choose, drop));
  }));
}
let looker = "";

/** What a side network is to look at was chosen. */
export async function conditioned(file) {
  if (!file) return;
  const found = await send(file), name = looker;
  state.conditions[name] = found.id;
  keep();
  controlsShown();
}

/** The side networks as they are asked for; where there is no picture to make it from, each needs its own. */
export function controls(alone = false) {
  return Object.entries(state.control).map(([net, scale]) => {
    const picture = state.conditions[net];
    if (alone && !picture) throw new Error(`${PLAIN[net] ?? net} needs a picture to look at; choose it beside its name.`);
    return { net, scale, ...(picture ? { picture } : {}) };
  });
}

/** Ask what is where in the picture that the next edit is made from. */
export async function readPlan() {
  if (!state.original) throw new Error("There is no picture yet; drop one first.");
  const image = now().picture;
  say("Looking at what is where.");
  const found = await get(`/api/pictures/${image}/regions?model=${encodeURIComponent(state.model)}`);
  if (found.busy) throw new Error("The model is busy or still loading; read what is where when it is done.");
  state.plan = { image, map: found.map, names: found.names, ink: found.names[0].name, ops: [] };
  keep();
  await layPlan();
  say("Choose what is to be there, and paint it.");
  fields();
}

/** Put the map that was read below what was painted on it; forget it where the picture is another one. */
export async function layPlan() {
  if (state.plan && state.plan.image !== now().picture) state.plan = null;
  if (!state.plan) return;
  stage.plan.ground = await bitmap(view(state.plan.map));
  stage.plan.begin(state.original.width, state.original.height, state.plan.ops);
}

/** What can be painted, each with its colour. */
export function planShown() {
  const { plan } = state, there = state.where === "map" && Boolean(plan);
  find("where-map").hidden = !model()?.regions && state.where !== "map";
  find("plan-row").hidden = state.where !== "map";
  stage.mapping = there;
  if (!there) return;
  fill(find("plan-names"), ...plan.names.map((one) => {
    const colour = `rgb(${one.colour.join(" ")})`, swatch = make("span", { class: "swatch" });
    swatch.style.background = colour;
    if (one.name === plan.ink) stage.ink = colour;
    return make("button", { type: "button", class: "chip", "aria-pressed": String(one.name === plan.ink), onclick: told(() => { plan.ink = one.name; keep(); planShown(); }) }, swatch, one.name);
  }));
}

/** The painted map, sent. */
export async function sentPlan() {
  if (state.plan?.image !== now().picture) throw new Error("The picture is another one now; read what is where again.");
  if (!state.plan.ops.length) throw new Error("Nothing is painted on the map yet; choose what is to be there, and paint it.");
  return (await send(await stage.plan.map(state.plan.names.map((one) => one.colour)))).id;
}
