// A method's options as a form, made from the same schema as the command line's help.
import { fill, find, make } from "./dom.js";

const USUAL = ["steps", "guidance", "strength", "inversion", "type", "candidates"];
const SHOWN_ELSEWHERE = ["name", "reweight"];
const plain = (name) => { const words = name.replaceAll("_", " "); return words[0].toUpperCase() + words.slice(1); };
const shown = (value) => (value === null || value === undefined ? "none" : value === true ? "yes" : value === false ? "no" : typeof value === "object" ? (value.name ?? (Object.keys(value).length ? JSON.stringify(value) : "none")) : String(value));

/** Show the options of a method; `change(name, value)` hears of each, nothing where it is left as it comes. */
export function form(method, options, grid, change) {
  const settings = method.settings.filter((one) => !SHOWN_ELSEWHERE.includes(one.name));
  const usual = USUAL.map((name) => settings.find((one) => one.name === name)).filter(Boolean).slice(0, 3);
  const advised = settings.some((one) => one.name === "tuned"), fields = (several) => several.flatMap((one) => field(one, one.name, options, grid, change, advised));
  fill(find("usual"), ...fields(usual));
  fill(find("options"), ...fields(settings.filter((one) => !usual.includes(one))));
  find("more").hidden = settings.length === usual.length;
}

/** A list to choose from. Where the model may suggest what was not said, or nothing stands for what comes by itself, leaving it open is a choice of its own. */
function list(id, values, said, usual, advised, give) {
  const open = advised || (usual ?? null) === null;
  const input = make("select", { id }, open && make("option", { value: "", text: advised ? `usually ${shown(usual)}` : "by itself" }),
    ...values.map((value) => make("option", { value: String(value), text: shown(value) + (value === usual ? " (published)" : "") })));
  input.value = open && said === undefined ? "" : String(said ?? usual);
  input.addEventListener("change", () => {
    const value = values.find((each) => String(each) === input.value);
    give(!open && value === usual ? undefined : value);
  });
  return input;
}

function field(one, name, options, grid, change, advised) {
  const id = `option-${name.replaceAll(".", "-")}`, several = grid[name] !== undefined;
  const said = options[name], usual = one.kind === "component" ? one.part : one.default;
  const give = (value) => change(name, value);
  let input;
  if (several) {
    input = make("input", { id, type: "text", value: grid[name].join(", "), placeholder: "10, 20, 50" });
    input.addEventListener("change", () => change(name, input.value, "grid"));
  } else if (one.kind === "boolean") {
    input = list(id, [true, false], said, usual, advised, give);
  } else if (one.kind === "choice" || (one.kind === "component" && Object.keys(one.parts).length > 1)) {
    input = list(id, one.kind === "choice" ? one.choices : Object.keys(one.parts), said, usual, advised && name !== "tuned", give);
  } else if (one.kind === "component") {
    return parts(one, "", name, options, grid, change, advised);
  } else {
    const number = one.kind === "integer" || one.kind === "number";
    input = make("input", { id, type: number ? "number" : "text", step: one.kind === "integer" ? "1" : "any", placeholder: `usually ${shown(usual)}`, value: said === undefined ? "" : shown(said), autocomplete: "off" });
    input.addEventListener("change", () => give(input.value.trim() === "" ? undefined : number ? Number(input.value) : valued(input.value.trim())));
  }
  input.setAttribute("aria-describedby", `${id}-help`);
  const help = [one.description, one.bounds, several ? "several values with commas between them" : one.kind === "mixed" || one.kind === "object" || one.kind === "array" ? one.wanted : ""].filter(Boolean).join("; ");
  const many = make("button", { type: "button", class: "icon", text: several ? "×1" : "×n", title: several ? "One value" : "Try several values beside each other", "aria-label": `${plain(one.name)}: ${several ? "one value" : "several values"}` });
  many.addEventListener("click", () => change(name, several ? null : "", "grid"));
  const growing = ["integer", "number", "choice", "component"].includes(one.kind) && !name.includes(".");
  const found = [make("div", { class: "pair" },
    make("label", { for: id, text: plain(one.name) }),
    growing ? make("span", { class: "row tight" }, input, many) : input,
    make("p", { class: "faint help", id: `${id}-help`, text: help }))];
  if (one.kind === "component" && !several) found.push(...parts(one, said ?? usual, name, options, grid, change, advised));
  return found;
}

/** The options of the part that was chosen. */
function parts(one, part, name, options, grid, change, advised) {
  const inner = Object.values(one.parts[part] ?? {}).filter((each) => each.name !== "name");
  if (!inner.length) return [];
  return [make("details", { open: inner.some((each) => options[`${name}.${each.name}`] !== undefined) },
    make("summary", { text: `Options of ${part || plain(name).toLowerCase()}` }),
    ...inner.flatMap((each) => field(each, `${name}.${each.name}`, options, grid, change, advised)))];
}

function valued(text) {
  if (text === "none") return null;
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
export const values = (text) => text.split(",").map((one) => one.trim()).filter(Boolean).map(valued);
