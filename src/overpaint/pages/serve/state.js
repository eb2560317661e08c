// What is asked for and what is shown: kept through every reload, and what only this moment knows.
import { find, say } from "./dom.js";
import { priced } from "./fields.js";
import { Stage } from "./stage.js";

const KEPT = "overpaint";
export const SCREEN = 2048;
const FRESH = { original: null, root: "", path: [], at: 0, source: "", target: "", where: "all", maskWords: "", ops: [], grow: 0, feather: 0, context: "", method: "auto", options: {}, grid: {}, seed: 0, model: "", base: "original", maps: false, control: {}, conditions: {}, plan: null, pending: null, running: null, looking: null };

/** Kept: what is asked for. */
export const state = { ...structuredClone(FRESH), ...read(KEPT, {}) };
/** Of this moment: methods and models of the server, what runs, what is looked at. */
export const page = { all: [], models: [], results: {}, stop: null, work: null, cell: 0, held: false, mode: "slider", running: null };

export function read(name, usual) {
  try { return JSON.parse(localStorage.getItem(name)) ?? usual; } catch { return usual; }
}
export function keep() {
  try { localStorage.setItem(KEPT, JSON.stringify(state)); } catch { say("This browser keeps nothing: a reload would lose what you typed.", true); }
}
/** Begin anew, with some of it said. */
export function reset(said = {}) {
  Object.assign(state, structuredClone(FRESH), said);
}

export const stage = new Stage(find("canvas"), find("slider"), () => { state.ops = stage.strokes.ops; if (state.plan) state.plan.ops = stage.plan.ops; keep(); priced(); });
export const method = () => page.all.find((one) => one.name === state.method) ?? page.all[0];
export const model = () => page.models.find((one) => one.name === state.model) ?? page.models[0];
export const now = () => (state.at ? state.path[state.at - 1] : { picture: state.original?.id, target: state.root });
