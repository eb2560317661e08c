// Looking: what came out beside what was there; accepted, discarded, gone back from, saved.
import { bitmap, get, remove, view } from "./api.js";
import { fill, find, make, open, say, told } from "./dom.js";
import { about, modes } from "./look.js";
import { shown, step } from "./pictures.js";
import { keep, now, page, SCREEN, stage, state } from "./state.js";

const CHANCE = (one) => `${Math.round(100 * one.score)} % likely`;

/** Which edit of several is looked at; nothing where it is the result itself, alone or taken among others. */
function other(found = page.work) {
  const cells = found?.result?.cells ?? [], one = cells.filter((each) => each.picture)[page.cell];
  return !one || (found.kind === "edit" && !one.dropped) ? null : { ...one, at: cells.indexOf(one) };
}

export async function look(found, at = null) {
  page.work = found;
  page.cell = at ?? Math.max(0, (found?.result?.cells ?? []).filter((one) => one.picture).findIndex((one) => !one.dropped));
  state.looking = found ? found.id : null;
  keep();
  const cells = found?.result?.cells ?? [], done = cells.filter((one) => one.picture);
  for (const id of ["accept", "discard", "modes"]) find(id).hidden = !found;
  find("looks").hidden = !found && !state.at;
  find("save").hidden = !found && !state.at;
  find("tools").hidden = Boolean(found) || !["paint", "map"].includes(state.where);
  find("cells").hidden = !cells.length;
  if (!found) {
    find("about").hidden = true;
    stage.after = stage.extra = null;
    looking("edit");
    trail();
    return;
  }
  fill(find("cells"), ...cells.map((one) => make("button", { type: "button", class: "thumb", "aria-current": done[page.cell] === one ? "true" : null, disabled: !one.picture, title: one.error || one.title,
    onclick: told(() => look(found, done.indexOf(one))) }, one.picture ? make("img", { src: view(one.picture, 256), alt: "" }) : null, make("span", { text: one.error ? `${one.title}: ${one.error}` : one.title }),
    Number.isFinite(one.score) && make("span", { class: "faint", text: CHANCE(one) }))));
  const picture = cells.length ? done[page.cell]?.picture : found.result.picture, apart = other();
  if (!picture) throw new Error(cells[0]?.error || "No method could do it.");
  stage.after = await bitmap(view(picture, SCREEN));
  stage.preview = null;
  about(find("about"), found, apart);
  fill(find("modes"), ...modes(found.result, apart).map(([name, text]) => make("button", { type: "button", text, "data-mode": name, onclick: told(() => looking(name)) })));
  await looking(page.mode);
  trail();
}

export async function looking(name) {
  if (page.work && !find("modes").querySelector(`[data-mode="${name}"]`)) name = "slider";
  if (page.work) page.mode = name;
  if (name === "difference") stage.difference();
  if (name === "mask") await stage.outside(await bitmap(view(page.work.result.mask, SCREEN)));
  if (name === "word") await wordShown();
  if (page.work && page.mode !== name) return; // another was chosen while this one was fetched
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
  if (!pick || pick.dataset.work !== page.work.id) {
    pick?.remove();
    pick = make("select", { id: "word-pick", "aria-label": "The word whose attention is shown", "data-work": page.work.id }, ...page.work.result.words.map((one) => make("option", { value: one.picture, text: one.word })));
    pick.addEventListener("change", told(wordShown));
    find("modes").append(pick);
  }
  stage.extra = await bitmap(view(pick.value));
  stage.draw();
}

export function hold(down) {
  if (page.held === down || !state.original) return;
  page.held = down;
  stage.set(down ? "first" : page.work ? page.mode : "edit");
}

export async function accept() {
  if (!page.work) return;
  const one = step(page.work, other()?.at ?? -1);
  state.path = [...state.path.slice(0, state.at), one];
  state.at = state.path.length;
  state.source = state.target = one.target;
  say("Accepted. The next edit goes on from here.");
  await shown();
}

export async function discard() {
  if (!page.work) return;
  await look(null);
  say("Discarded; it stays in the history.");
}

export async function travel(at) {
  if (at < 0 || at > state.path.length || !state.original) return;
  if (page.running) throw new Error("An edit is running; cancel it, or wait for it, before you go back or forth.");
  const undone = at < state.at ? state.path[at] : null;
  state.at = at;
  state.source = now().target ?? "";
  state.target = undone ? undone.target : state.source;
  await shown();
}

export function trail() {
  find("undo").disabled = !state.at || Boolean(page.work);
  find("redo").disabled = state.at >= state.path.length || Boolean(page.work);
  const one = (picture, text, k) => make("button", { type: "button", class: "thumb", "aria-current": k === state.at ? "true" : null, title: text, onclick: told(() => travel(k)) },
    make("img", { src: view(picture, 256), alt: "" }), make("span", { text }));
  const shown = state.original && state.path.length;
  find("trail").hidden = !shown;
  fill(find("trail"), ...(shown ? [one(state.original.id, "Original", 0), ...state.path.map((each, k) => one(each.picture, each.target || each.method, k + 1))] : []));
}

export async function saving() {
  const id = page.work?.id ?? now().work, at = page.work ? other()?.at ?? -1 : now().cell ?? -1;
  if (!id) return;
  const found = page.work ?? await get(`/api/edits/${id}`), cell = at < 0 ? null : found.result.cells[at], name = `overpaint-${id}${cell ? `-${at + 1}` : ""}.png`;
  const rerun = { command: `overpaint rerun ${name}`, python: `import overpaint\n\nedit = overpaint.rerun("${name}")` }; // what was made among others carries its recipe
  const again = cell ? { ...rerun, ...(cell.command && { command: cell.command }) } : await get(`/api/edits/${id}/again`);
  find("keep-png").href = `/api/edits/${id}/image${cell ? `?cell=${at}` : ""}`;
  find("keep-png").download = find("keep-plain").download = name;
  find("keep-plain").href = view((cell ?? found.result).picture);
  find("keep-report").hidden = found.kind !== "compare";
  find("keep-report").href = `/api/edits/${id}/report`;
  find("keep-command").textContent = again.command;
  find("keep-python").textContent = again.python;
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
