find("title").textContent = data.title;
find("counts").textContent = data.counts;
find("facts").textContent = data.facts;
find("left").textContent = data.left;
find("shown").textContent = data.shown;
find("failures").hidden = !data.failed.length;
find("pictures").hidden = !data.pictures.length;
for (const one of data.failed) {
  find("failed").append(make("tr", {}, make("td", { text: one.name }), make("td", { class: "said", text: one.said })));
}

/** A picture, or a sign that it is gone. */
function half(source, words) {
  return source ? make("img", { src: source, alt: words, loading: "lazy" }) : make("div", { class: "gone", text: "gone" });
}

for (const one of data.pictures) {
  const prompts = make("div", { class: "faint" });
  prompts.append(marked(one.change, { kind: "removed", name: "del" }), " → ", marked(one.change, { kind: "added", name: "ins" }));
  const said = one.said.map((text) => make("div", { class: "bad", text }));
  find("pairs").append(make("figure", { class: "pair" },
    make("div", { class: "both" }, half(one.before, `${one.name} before`), half(one.after, `${one.name} after`)),
    make("figcaption", {}, make("strong", { text: one.name }), make("span", { class: "faint", text: ` ${one.method}` }), prompts, ...said)));
}
