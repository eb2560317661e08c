const FIRST = ["success", "changed", "kept", "psnr_inside", "psnr_outside", "psnr_outside_pasted", "direction", "rows", "alone", "seconds"];
const CELL = 128;
let type = data.types[0], chosen = null, redraw = () => {};

const order = (name) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
const columns = [...data.figures].sort((a, b) => order(a.name) - order(b.name));
const methods = data.rows.filter((row) => !row.reference);

const judged = data.figures.some((one) => one.name === "success");

find("title").textContent = judged ? "Edits whose right answer is known" : "Edits by several methods";
find("facts").textContent = `${methods.length} rows over at most ${Math.max(...data.rows.map((row) => row.cases))} cases of ${data.types.length - 1} types.` + (judged ? " Success counts where what was asked for happened, all else stayed, and little moved outside; the range is its 95 % interval." : "");
for (const one of columns) find("meanings").append(make("dt", { text: one.title }), make("dd", { text: one.meaning }));

function rowsOf(kind) {
  return data.rows.filter((row) => Object.keys(row.values[kind] || {}).length).map((row) => {
    const pairs = Object.entries(row.values[kind]);
    return {
      title: row.title, reference: row.reference, row,
      values: Object.fromEntries(pairs.map(([name, [value]]) => [name, value])),
      said: Object.fromEntries(pairs.map(([name, [, words]]) => [name, words])),
    };
  });
}

function svg(tag, more, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(more)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function scatter(rows) {
  const there = rows.filter((row) => row.values.psnr_outside !== undefined && row.values.success !== undefined && row.values.psnr_outside < 60);
  const place = find("scatter");
  place.replaceChildren();
  find("against").hidden = !there.length;
  if (!there.length) return;
  const [left, right, top, bottom] = [50, 740, 14, 336];
  const levels = there.map((row) => row.values.psnr_outside);
  const low = Math.floor(Math.min(...levels) - 1), high = Math.ceil(Math.max(...levels) + 1);
  const x = (v) => left + ((v - low) / (high - low)) * (right - left);
  const y = (v) => bottom - v * (bottom - top);
  for (let share = 0; share <= 1.001; share += 0.25) {
    place.append(svg("line", { class: "axis", x1: left, x2: right, y1: y(share), y2: y(share) }));
    place.append(svg("text", { x: left - 6, y: y(share) + 4, "text-anchor": "end" }, share.toFixed(2)));
  }
  const step = Math.max(1, Math.round((high - low) / 8));
  for (let level = low; level <= high; level += step) place.append(svg("text", { x: x(level), y: bottom + 18, "text-anchor": "middle" }, level));
  place.append(svg("text", { x: (left + right) / 2, y: bottom + 36, "text-anchor": "middle" }, "dB outside the change"));
  const alone = (row) => row.row.values[data.types[0]]?.alone;
  const timed = there.every((row) => row.reference || alone(row)); // times of two kinds are not drawn as one
  for (const row of there) {
    const [seconds, words] = (timed ? alone(row) : row.row.values[type]?.seconds) ?? [0, ""];
    const size = 4 + 3 * Math.log10(1 + seconds);
    const dot = svg("circle", { cx: x(row.values.psnr_outside), cy: y(row.values.success), r: size, tabindex: "0", role: "button", "aria-label": row.title, ...(row.reference ? { class: "ref" } : {}) });
    dot.append(svg("title", {}, `${row.title}: ${row.said.success}, ${row.said.psnr_outside} dB${words ? `, ${words} s${timed ? " alone" : ""}` : ""}`));
    dot.addEventListener("click", () => pick(row));
    dot.addEventListener("keydown", (event) => { if (event.key === "Enter") pick(row); });
    place.append(dot);
  }
}

/** The pictures of a strip as figures; each shows its own part of the one file. */
function pictures(row) {
  return data.cases.map((one, k) => {
    const came = row.came[one.name];
    const words = came === undefined ? "" : came ? " — came off" : " — did not come off";
    const part = make("div", { role: "img", "aria-label": `${row.title}: ${one.target}` });
    part.style.cssText = `aspect-ratio:1;border-radius:6px;background-image:url("${row.strip}");background-size:${data.cases.length * 100}% 100%;background-position:${data.cases.length > 1 ? (100 * k) / (data.cases.length - 1) : 0}% 0`;
    return make("figure", {}, part, make("figcaption", { text: `${one.name}: ${one.source} → ${one.target}${row.reference ? "" : words}` }));
  });
}

function pick(shown) {
  chosen = shown.row;
  find("name").textContent = chosen.title;
  find("about").textContent = `${chosen.cases} cases${chosen.failed ? `, of which ${chosen.failed} could not be done` : ""}; version ${chosen.code}.` + (chosen.strip ? "" : " No pictures were kept.");
  find("pictures").replaceChildren(...(chosen.strip ? pictures(chosen) : []));
  redraw();
}

function show(kind) {
  type = kind;
  find("types").replaceChildren(...data.types.map((name) => {
    const button = make("button", { type: "button", text: name, "aria-pressed": String(name === type) });
    button.addEventListener("click", () => show(name));
    return button;
  }));
  const rows = rowsOf(type);
  scatter(rows);
  redraw = table(find("table"), columns.filter((one) => rows.some((row) => row.values[one.name] !== undefined)), rows, pick, (row) => row.row === chosen);
}

show(type);
const first = rowsOf(type).find((row) => !row.reference) || rowsOf(type)[0];
if (first) pick(first);
