// A method's options as a form, made from the same schema as the command line's help.
import { fill, find, make } from "./dom.js";

const USUAL = ["steps", "guidance", "strength", "inversion"];
const SHOWN_ELSEWHERE = ["name", "reweight"];
const plain = (name) => { const words = name.replaceAll("_", " "); return words[0].toUpperCase() + words.slice(1); };
const shown = (value) => (value === null || value === undefined ? "none" : value === true ? "yes" : value === false ? "no" : typeof value === "object" ? (value.name ?? (Object.keys(value).length ? JSON.stringify(value) : "none")) : String(value));

/** Show the options of a method; `change(name, value)` hears of each, nothing where it is as published. */
export function form(method, options, grid, change) {
  const settings = method.settings.filter((one) => !SHOWN_ELSEWHERE.includes(one.name));
  const usual = USUAL.map((name) => settings.find((one) => one.name === name)).filter(Boolean).slice(0, 3);
  fill(find("usual"), ...usual.flatMap((one) => field(one, one.name, options, grid, change)));
  fill(find("options"), ...settings.filter((one) => !usual.includes(one)).flatMap((one) => field(one, one.name, options, grid, change)));
  find("more").hidden = settings.length === usual.length;
}

function field(one, name, options, grid, change) {
  const id = `option-${name.replaceAll(".", "-")}`, several = grid[name] !== undefined;
  const said = options[name], usual = one.kind === "component" ? one.part : one.default;
  const give = (value) => change(name, value);
  let input;
  if (several) {
    input = make("input", { id, type: "text", value: grid[name].join(", "), placeholder: "10, 20, 50" });
    input.addEventListener("change", () => change(name, input.value, "grid"));
  } else if (one.kind === "boolean") {
    input = make("select", { id }, ...[true, false].map((value) => make("option", { value: String(value), text: `${value ? "yes" : "no"}${value === usual ? " (published)" : ""}` })));
    input.value = String(said ?? usual);
    input.addEventListener("change", () => give((input.value === "true") === usual ? undefined : input.value === "true"));
  } else if (one.kind === "choice" || (one.kind === "component" && Object.keys(one.parts).length > 1)) {
    const choices = one.kind === "choice" ? one.choices : Object.keys(one.parts);
    input = make("select", { id }, ...choices.map((value) => make("option", { value, text: value + (value === usual ? " (published)" : "") })));
    input.value = said ?? usual;
    input.addEventListener("change", () => give(input.value === usual ? undefined : input.value));
  } else if (one.kind === "component") {
    return parts(one, "", name, options, grid, change);
  } else {
    const number = one.kind === "integer" || one.kind === "number";
    input = make("input", { id, type: number ? "number" : "text", step: one.kind === "integer" ? "1" : "any", placeholder: shown(usual), value: said === undefined ? "" : shown(said), autocomplete: "off" });
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
  if (one.kind === "component" && !several) found.push(...parts(one, said ?? usual, name, options, grid, change));
  return found;
}

/** The options of the part that was chosen. */
function parts(one, part, name, options, grid, change) {
  const inner = Object.values(one.parts[part] ?? {}).filter((each) => each.name !== "name");
  if (!inner.length) return [];
  return [make("details", { open: inner.some((each) => options[`${name}.${each.name}`] !== undefined) },
    make("summary", { text: `Options of ${part || plain(name).toLowerCase()}` }),
    ...inner.flatMap((each) => field(each, `${name}.${each.name}`, options, grid, change)))];
}

function valued(text) {
  if (text === "none") return null;
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
export const values = (text) => text.split(",").map((one) => one.trim()).filter(Boolean).map(valued);
