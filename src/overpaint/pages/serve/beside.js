// Beside the words: side networks that keep something of the picture, and a map of what is to be where.
import { bitmap, get, send, view } from "./api.js";
import { asked } from "./asking.js";
import { fill, find, make, say, told } from "./dom.js";
import { fields, priced } from "./fields.js";
import { keep, model, stage, state } from "./state.js";

const PLAIN = { canny: "Edges", depth: "Depth", segmentation: "What is where" };

/** A box for each side network of the model, and how strongly it speaks. */
export function controlsShown() {
  const names = model()?.controls ?? [];
  for (const name of Object.keys(state.control)) if (model()?.loaded && !names.includes(name)) delete state.control[name];
  find("controls-row").hidden = !names.length || !state.original;
  fill(find("controls"), ...names.map((name) => {
    const on = name in state.control, change = (value) => { if (value === null) delete state.control[name]; else state.control[name] = value; keep(); priced(); controlsShown(); };
    const box = make("input", { type: "checkbox", id: `control-${name}` });
    box.checked = on;
    box.addEventListener("change", () => { change(box.checked ? 1 : null); find(`control-${name}`).focus(); });
    const scale = make("input", { type: "number", min: "0", max: "2", step: "0.1", value: String(state.control[name] ?? 1), "aria-label": `How strongly: ${PLAIN[name] ?? name}`, disabled: !on });
    scale.addEventListener("change", () => change(Number(scale.value) || 0));
    return make("div", { class: "pair" }, make("label", { class: "check" }, box, ` ${PLAIN[name] ?? name}`), scale);
  }));
}

export const controls = () => Object.entries(state.control).map(([net, scale]) => ({ net, scale }));

/** Ask what is where in the picture that the next edit is made from. */
export async function readPlan() {
  const { image } = asked();
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
  if (state.plan && state.plan.image !== asked().image) state.plan = null;
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
export async function sentPlan(image) {
  if (state.plan?.image !== image) throw new Error("The picture is another one now; read what is where again.");
  if (!state.plan.ops.length) throw new Error("Nothing is painted on the map yet; choose what is to be there, and paint it.");
  return (await send(await stage.plan.map(state.plan.names.map((one) => one.colour)))).id;
}
