// Small helpers. Whatever is shown goes through textContent: a prompt or a file name is never markup.
export const find = (id) => document.getElementById(id);

/** An element with facts (text, class, attributes, on…) and children. */
export function make(tag, facts = {}, ...children) {
  const one = document.createElement(tag);
  for (const [name, value] of Object.entries(facts)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") one.textContent = value;
    else if (name.startsWith("on")) one.addEventListener(name.slice(2), value);
    else if (name in one && typeof value !== "string") one[name] = value;
    else one.setAttribute(name, value === true ? "" : value);
  }
  one.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return one;
}

/** Put children in the place of whatever is there. */
export const fill = (place, ...children) => place.replaceChildren(...children.filter(Boolean));

let timer = 0;
/** Say something for a moment; errors stay longer. */
export function say(text, bad = false) {
  clearTimeout(timer);
  find("status").textContent = bad ? "" : text;
  find("error").textContent = bad ? text : "";
  timer = setTimeout(() => { find("status").textContent = ""; find("error").textContent = ""; }, bad ? 9000 : 3500);
}

/** Do something, and say what went wrong with it. */
export const told = (work) => async (...given) => {
  try {
    return await work(...given);
  } catch (error) {
    say(error.message || String(error), true);
    return undefined;
  }
};

let held = null, free = () => {};
addEventListener("pointerdown", () => { held ??= new Promise((done) => { free = done; }); }, true);
const letGo = () => setTimeout(() => { free(); held = null; }); // later than the click that a release makes
addEventListener("pointerup", letGo, true);
addEventListener("pointercancel", letGo, true);
addEventListener("blur", letGo);
/** Wait until nothing is pressed: news that move a button between press and release would take its click away. */
export const released = async () => { await held; };

export function open(dialog) {
  if (!dialog.open) dialog.showModal();
}

export const duration = (seconds) =>
  seconds < 1 ? "under a second" : seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
export const amount = (bytes) => (bytes < 1e9 ? `${Math.max(1, Math.round(bytes / 1e6))} MB` : `${(bytes / 1e9).toFixed(1)} GB`);
export const span = (least, most, show) => (show(least) === show(most) ? show(most) : `${show(least)} to ${show(most)}`);
