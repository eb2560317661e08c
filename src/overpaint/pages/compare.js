const done = data.cells.filter((cell) => cell.picture);
const modes = ["slider", "difference", "mask", "words"];
const GAIN = 4;
let at = 0, mode = "slider", word = 0, redraw = () => {};

find("title").textContent = data.title;
find("facts").textContent = data.facts;
find("order").textContent = data.order;
find("prompts").append(marked(data.change, { kind: "removed", name: "del" }), " → ", marked(data.change, { kind: "added", name: "ins" }));
for (const note of data.notes) find("notes").append(make("p", { class: "faint", text: note }));
for (const one of data.figures) find("meanings").append(make("dt", { text: one.title }), make("dd", { text: one.meaning }));

function has(cell, what) {
  if (what === "mask") return Boolean(cell.mask || data.mask);
  if (what === "words") return cell.words.length > 0;
  return true;
}

function image(source) {
  return new Promise((give) => {
    const made = new Image();
    made.onload = () => give(made);
    made.src = source;
  });
}

/** Pixels of a picture at the size of another one. */
async function pixels(source, width, height) {
  const paper = document.createElement("canvas");
  paper.width = width;
  paper.height = height;
  const pen = paper.getContext("2d", { willReadFrequently: true });
  pen.drawImage(await image(source), 0, 0, width, height);
  return pen.getImageData(0, 0, width, height);
}

async function overlay(cell) {
  const first = await image(cell.picture);
  const [width, height] = [first.naturalWidth, first.naturalHeight];
  const after = await pixels(cell.picture, width, height);
  if (mode === "difference") {
    const before = await pixels(data.source, width, height);
    for (let k = 0; k < after.data.length; k++) {
      after.data[k] = k % 4 === 3 ? 255 : Math.min(255, GAIN * Math.abs(after.data[k] - before.data[k]));
    }
  } else {
    const mask = await pixels(cell.mask || data.mask, width, height);
    for (let k = 0; k < after.data.length; k += 4) {
      const share = 0.55 * (1 - mask.data[k] / 255);
      for (let c = 0; c < 3; c++) after.data[k + c] = (1 - share) * after.data[k + c] + share * [20, 30, 160][c];
    }
  }
  const canvas = find("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(after, 0, 0);
  canvas.dataset.drawn = `${mode} ${at}`;
}

function slide() {
  const share = Number(find("slider").value);
  find("before").style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  find("edge").style.left = `${share}%`;
}

function about(cell) {
  const said = [];
  if (cell.score) said.push(["likely to have come off", cell.chance.replace(")", " of such edits did)")]);
  for (const one of data.figures) {
    if (cell.figures[one.name] !== undefined) said.push([one.title, number(cell.figures[one.name], one.digits)]);
  }
  if (cell.unasked) said.push(["asked for nothing", cell.unasked]);
  return said;
}

function show() {
  const cell = done[at];
  if (!cell) {
    find("viewer").hidden = true;
    return;
  }
  if (!has(cell, mode)) mode = "slider";
  const sliding = mode === "slider";
  find("after").src = cell.picture;
  find("after").alt = `${cell.title}: ${data.target}`;
  find("before").src = data.source;
  find("before").alt = data.prompt;
  for (const id of ["before", "edge", "slider", "tagleft", "tagright"]) find(id).style.visibility = sliding ? "" : "hidden";
  find("canvas").hidden = !["difference", "mask"].includes(mode);
  find("words").hidden = mode !== "words";
  if (mode === "words") {
    word %= cell.words.length;
    find("words").src = cell.words[word].picture;
    find("words").alt = `where “${cell.words[word].word}” looks`;
  }
  if (!find("canvas").hidden) overlay(cell);
  find("modes").replaceChildren(...modes.map((name) => {
    const label = name === "words" && cell.words.length ? `words: ${cell.words[word % cell.words.length].word}` : name;
    const button = make("button", { type: "button", text: label, "aria-pressed": String(mode === name), disabled: !has(cell, name) });
    button.addEventListener("click", () => choose(name));
    return button;
  }));
  find("name").textContent = cell.title;
  find("about").replaceChildren(...about(cell).flatMap(([name, value]) => [make("dt", { text: name }), make("dd", { text: value })]));
  find("warnings").replaceChildren(...cell.warnings.map((text) => make("p", { class: "bad", text })));
  find("command").textContent = cell.command;
  find("recipe").textContent = JSON.stringify(cell.recipe, null, 1);
  find("copied").textContent = "";
  for (const card of document.querySelectorAll(".card")) card.setAttribute("aria-current", String(card.dataset.at === String(at)));
  slide();
  redraw();
}

function choose(name) {
  if (name === "words" && mode === "words") word += 1;
  mode = name;
  show();
}

function go(to) {
  at = (to + done.length) % done.length;
  show();
}

for (const cell of data.cells) {
  if (!cell.picture) {
    find("cards").append(make("div", { class: "card failed" }, make("div", {}, make("strong", { text: cell.title }), make("div", { class: "bad", text: cell.error }))));
    continue;
  }
  const place = done.indexOf(cell);
  const words = [cell.chance ? `likely ${cell.chance}` : null, `${number(cell.figures.seconds, 1)} s`, `${cell.figures.rows} rows`];
  const card = make("button", { type: "button", class: "card", "data-at": place },
    make("img", { src: cell.picture, alt: cell.title, loading: "lazy" }),
    make("div", {}, make("strong", { text: cell.title }), make("div", { class: "faint", text: words.filter(Boolean).join(", ") })));
  card.addEventListener("click", () => go(place));
  find("cards").append(card);
}

const columns = [{ name: "score", title: "likely", better: "more", digits: 2, meaning: "the chance that the edit came off" }, ...data.figures];
const rows = done.map((cell, k) => ({ title: cell.title, at: k, values: { ...cell.figures, score: cell.score ? cell.score[0] : undefined }, said: { score: cell.chance } }));
const used = columns.filter((column) => rows.some((row) => row.values[column.name] !== undefined));
redraw = table(find("table"), used, rows, (row) => go(row.at), (row) => row.at === at);

find("slider").addEventListener("input", slide);
find("stage").addEventListener("pointermove", (event) => {
  if (event.buttons !== 1 || mode !== "slider") return;
  const box = find("stage").getBoundingClientRect();
  find("slider").value = Math.round((100 * (event.clientX - box.left)) / box.width);
  slide();
});
find("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(find("command").textContent);
    find("copied").textContent = "copied";
  } catch {
    getSelection().selectAllChildren(find("command"));
    find("copied").textContent = "selected; press Ctrl-C";
  }
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !done.length) return;
  const keys = {
    ArrowRight: () => go(at + 1),
    ArrowLeft: () => go(at - 1),
    f: () => { find("slider").value = Number(find("slider").value) > 50 ? 0 : 100; choose("slider"); },
    d: () => choose("difference"),
    m: () => choose("mask"),
    w: () => choose("words"),
    s: () => choose("slider"),
  };
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act || (event.target.id === "slider" && event.key.startsWith("Arrow"))) return;
  event.preventDefault();
  act();
});
show();
