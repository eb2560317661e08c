"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);

/** An element with a class, text and children; text is never markup. */
function make(tag, { text, ...more } = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(more)) {
    if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

function number(value, digits) {
  return value === undefined || value === null ? "" : value.toFixed(digits);
}

/**
 * A table that is sorted by a click on the head of a column, best first.
 * columns: [{name, title, better, digits, meaning}], rows: [{title, values, ...}]
 */
function table(place, columns, rows, pick, mark) {
  let by = null, falling = true;
  const draw = () => {
    const sorted = [...rows];
    if (by) {
      const worth = (row) => (by.name === "" ? row.title : row.values[by.name]);
      const there = (row) => worth(row) !== undefined && worth(row) !== null;
      sorted.sort((a, b) => {
        if (!there(a) || !there(b)) return there(b) - there(a);
        const order = worth(a) < worth(b) ? -1 : worth(a) > worth(b) ? 1 : 0;
        return falling ? -order : order;
      });
    }
    const head = make("tr", {});
    for (const column of [{ name: "", title: "", better: "less", meaning: "by name" }, ...columns]) {
      const sort = by && by.name === column.name ? (falling ? "descending" : "ascending") : "none";
      const button = make("button", { type: "button", text: column.title || "name", title: column.meaning });
      button.addEventListener("click", () => {
        falling = by && by.name === column.name ? !falling : column.better !== "less";
        by = column;
        draw();
      });
      head.append(make("th", { scope: "col", "aria-sort": sort, "data-name": column.name }, button));
    }
    const best = {};
    for (const column of columns) {
      const known = rows.filter((r) => !r.reference).map((r) => r.values[column.name]).filter((v) => v !== undefined && v !== null);
      if (known.length > 1) best[column.name] = column.better === "less" ? Math.min(...known) : Math.max(...known);
    }
    const body = sorted.map((row) => {
      const line = make("tr", { class: pick ? "pick" : undefined, "aria-current": mark && mark(row) ? "true" : undefined });
      line.append(make("td", { text: row.title }));
      for (const column of columns) {
        const value = row.values[column.name];
        const said = row.said && row.said[column.name];
        line.append(make("td", { class: value !== undefined && value === best[column.name] ? "best" : undefined, text: said || number(value, column.digits) }));
      }
      if (pick) line.addEventListener("click", () => pick(row));
      return line;
    });
    place.replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
  };
  draw();
  return draw;
}

/** A prompt with the words marked that the other one has not. */
function marked(words, tag) {
  const made = make("span", {});
  for (const [kind, text] of words) {
    if (kind === "same") made.append(text + " ");
    else if (kind === tag.kind) made.append(make(tag.name, { text }), " ");
  }
  return made;
}
