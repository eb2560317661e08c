// The picture on its stage: moved, magnified, painted on, looked at before and after.
import { Mask, draw } from "./paint.js";

const GAIN = 4;

export class Stage {
  constructor(canvas, slider, changed) {
    this.canvas = canvas;
    this.slider = slider;
    this.pen = canvas.getContext("2d");
    this.strokes = new Mask(() => { changed(); this.draw(); });
    this.plan = new Mask(() => { changed(); this.draw(); });
    this.mapping = false; // whether the map is painted, not the mask
    this.ink = undefined;
    this.view = { scale: 1, x: 0, y: 0 };
    this.size = [1, 1];
    this.first = this.before = this.after = this.preview = this.extra = null;
    this.mode = "edit"; // edit, slider, side, before, after, first, difference, mask, word
    this.tool = "hand";
    this.painting = false;
    this.radius = 30;
    this.pointers = new Map();
    this.stroke = null;
    new ResizeObserver(() => this.resize()).observe(canvas);
    slider.addEventListener("input", () => this.draw());
    this.hear();
  }

  // What is shown -----------------------------------------------------------------------------------------

  show(before, [width, height], ops) {
    const same = this.size[0] === width && this.size[1] === height && this.before;
    [this.before, this.size, this.after, this.preview, this.extra] = [before, [width, height], null, null, null];
    this.strokes.begin(width, height, ops);
    if (!same) this.fit();
    this.draw();
  }

  get mask() { return this.mapping ? this.plan : this.strokes; }

  get halves() { return this.mode === "side" ? 2 : 1; }

  resize() {
    const ratio = window.devicePixelRatio || 1, { clientWidth: w, clientHeight: h } = this.canvas;
    if (!w || !h) return;
    this.canvas.width = Math.round(w * ratio);
    this.canvas.height = Math.round(h * ratio);
    if (!this.moved) this.fit(); else this.draw();
  }

  fit() {
    const w = this.canvas.clientWidth / this.halves, h = this.canvas.clientHeight, [pw, ph] = this.size, edge = 20;
    const scale = Math.max(0.01, Math.min((w - 2 * edge) / pw, (h - 2 * edge) / ph));
    this.view = { scale, x: (w - pw * scale) / 2, y: (h - ph * scale) / 2 };
    this.moved = false;
    this.draw();
  }

  zoom(factor, x, y) {
    const v = this.view, scale = Math.min(40, Math.max(0.02, v.scale * factor));
    this.view = { scale, x: x - ((x - v.x) * scale) / v.scale, y: y - ((y - v.y) * scale) / v.scale };
    this.moved = true;
    this.draw();
  }

  set(mode) {
    const halves = this.halves;
    this.mode = mode;
    if (halves !== this.halves && !this.moved) this.fit();
    this.draw();
  }

  draw() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => { this.due = false; this.paint(); });
  }

  paint() {
    const { pen, view } = this, ratio = window.devicePixelRatio || 1, [pw, ph] = this.size;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.before) return;
    pen.imageSmoothingEnabled = view.scale * ratio < 10; // far in, single pixels are to be seen
    pen.imageSmoothingQuality = "high";
    const w = this.canvas.clientWidth, h = this.canvas.clientHeight;
    const put = (image) => image && pen.drawImage(image, view.x, view.y, pw * view.scale, ph * view.scale);
    const within = (x, width, work) => { pen.save(); pen.beginPath(); pen.rect(x, 0, width, h); pen.clip(); work(); pen.restore(); };
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const after = this.after ?? this.preview;
    if (this.mode === "slider" && after) {
      const at = view.x + (pw * view.scale * this.slider.value) / 1000;
      put(after);
      within(-1e5, at + 1e5, () => put(this.before));
      pen.fillStyle = "#fff"; pen.shadowColor = "#000a"; pen.shadowBlur = 4;
      pen.fillRect(at - 1, Math.max(0, view.y), 2, Math.min(h, ph * view.scale));
      pen.shadowBlur = 0;
    } else if (this.mode === "side" && after) {
      within(0, w / 2 - 1, () => put(this.before));
      within(w / 2 + 1, w / 2, () => { pen.translate(w / 2, 0); put(after); });
    } else if (this.mode === "first") put(this.first ?? this.before);
    else if (this.mode === "before" || this.mode === "edit") {
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.drawImage(this.sheet(this.before), 0, 0);
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      if (this.mode === "edit" && this.preview) put(this.preview);
    } else if (this.mode === "difference" || this.mode === "word") put(this.extra ?? after);
    else if (this.mode === "mask") { put(after); if (this.extra) put(this.extra); }
    else put(after ?? this.before);
    if (this.mode === "edit" && this.painting && !this.preview) {
      pen.globalAlpha = 0.5;
      pen.imageSmoothingQuality = "low"; // what changes with every move must be quick
      put(this.mask.canvas);
      pen.globalAlpha = 1;
      this.marks();
    }
  }

  /** A picture as it stands on the screen: drawn once, and kept while only strokes change. */
  sheet(image) {
    const { canvas, view, size } = this, key = [view.scale, view.x, view.y, canvas.width, canvas.height, ...size].join();
    if (this.kept?.image === image && this.kept.key === key) return this.kept.paper;
    const paper = this.kept?.paper ?? document.createElement("canvas"), ratio = window.devicePixelRatio || 1, pen = paper.getContext("2d");
    [paper.width, paper.height] = [canvas.width, canvas.height]; // which also clears it
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.imageSmoothingEnabled = view.scale * ratio < 10;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(image, view.x, view.y, size[0] * view.scale, size[1] * view.scale);
    this.kept = { image, key, paper };
    return paper;
  }

  /** The stroke that is being made, where it is not painted at once; and the brush. */
  marks() {
    const { pen, view, stroke } = this;
    pen.strokeStyle = "#fff"; pen.lineWidth = 1.5; pen.shadowColor = "#000"; pen.shadowBlur = 2;
    pen.beginPath();
    if (stroke?.kind === "box") pen.rect(view.x + stroke.x * view.scale, view.y + stroke.y * view.scale, stroke.w * view.scale, stroke.h * view.scale);
    else if (stroke?.kind === "lasso") stroke.at.forEach(([x, y]) => pen.lineTo(view.x + x * view.scale, view.y + y * view.scale));
    else if (this.over && (this.tool === "brush" || this.tool === "erase")) pen.arc(this.over[0], this.over[1], this.radius * view.scale, 0, 7);
    pen.stroke();
    pen.shadowBlur = 0;
  }

  /** The difference of before and after, four times as strong, at the screen's size. */
  difference() {
    const k = Math.min(1, 1024 / Math.max(...this.size)), w = Math.max(1, Math.round(this.size[0] * k)), h = Math.max(1, Math.round(this.size[1] * k));
    const read = (image) => {
      const paper = Object.assign(document.createElement("canvas"), { width: w, height: h }), pen = paper.getContext("2d", { willReadFrequently: true });
      pen.drawImage(image, 0, 0, w, h);
      return [paper, pen, pen.getImageData(0, 0, w, h)];
    };
    const [, , a] = read(this.before), [paper, pen, b] = read(this.after);
    for (let i = 0; i < b.data.length; i++) b.data[i] = i % 4 === 3 ? 255 : Math.min(255, GAIN * Math.abs(b.data[i] - a.data[i]));
    pen.putImageData(b, 0, 0);
    this.extra = paper;
  }

  /** What lies outside a mask, dimmed. */
  async outside(image) {
    const paper = document.createElement("canvas"), side = Math.min(1, 1024 / Math.max(image.naturalWidth, image.naturalHeight));
    [paper.width, paper.height] = [Math.round(image.naturalWidth * side), Math.round(image.naturalHeight * side)];
    const pen = paper.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0, paper.width, paper.height);
    const data = pen.getImageData(0, 0, paper.width, paper.height);
    for (let k = 0; k < data.data.length; k += 4) {
      data.data[k + 3] = 0.7 * (255 - data.data[k]);
      [data.data[k], data.data[k + 1], data.data[k + 2]] = [16, 24, 90];
    }
    pen.putImageData(data, 0, 0);
    this.extra = paper;
  }

  // What is done with pointers ------------------------------------------------------------------------------

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  inside([x, y]) { return [(x - this.view.x) / this.view.scale, (y - this.view.y) / this.view.scale]; }

  hear() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const [x, y] = this.place(event);
      if (event.shiftKey) { this.view.x -= event.deltaY; this.moved = true; this.draw(); }
      else this.zoom(Math.exp(-event.deltaY / (event.ctrlKey ? 120 : 400)), x % (canvas.clientWidth / this.halves), y);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, (event) => this.up(event));
    canvas.addEventListener("pointerleave", () => { this.over = null; this.draw(); });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  get paints() { return this.mode === "edit" && this.painting && this.tool !== "hand" && !this.space; }

  down(event) {
    if (!this.before) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.place(event));
    if (this.pointers.size === 2) { this.stroke = null; this.mask.again(); return; } // two fingers move, and paint nothing
    if (this.mode === "slider" && event.button === 0 && !this.space) { this.slide(event); return; }
    if (!this.paints || event.button === 1) return;
    const at = this.inside(this.place(event)), ink = this.mapping ? this.ink : undefined, erase = !this.mapping && (this.tool === "erase") !== (event.altKey || event.button === 2);
    if (this.tool === "fill") { this.mask.add({ kind: "fill", x: at[0], y: at[1] }); return; }
    if (this.tool === "box") this.stroke = { kind: "box", ink, erase, from: at, x: at[0], y: at[1], w: 0, h: 0 };
    else this.stroke = { kind: this.tool === "lasso" ? "lasso" : "brush", ink, erase, r: this.radius, at: [at] };
    if (this.stroke.kind === "brush") draw(this.mask.pen, this.stroke, this.mask.scale);
    this.draw();
  }

  slide(event) {
    const at = (this.place(event)[0] - this.view.x) / (this.size[0] * this.view.scale);
    this.slider.value = String(Math.round(1000 * Math.min(1, Math.max(0, at))));
    this.draw();
  }

  move(event) {
    const now = this.place(event), last = this.pointers.get(event.pointerId);
    this.over = now;
    if (!last) { if (this.painting) this.draw(); return; }
    if (this.pointers.size === 2) { this.pinch(event.pointerId, now); return; }
    this.pointers.set(event.pointerId, now);
    if (this.mode === "slider" && !this.space) { this.slide(event); return; }
    if (!this.stroke) {
      if (!this.paints) { this.view.x += now[0] - last[0]; this.view.y += now[1] - last[1]; this.moved = true; }
    } else if (this.stroke.kind === "box") {
      const [x, y] = this.inside(now), [fx, fy] = this.stroke.from;
      Object.assign(this.stroke, { x: Math.min(x, fx), y: Math.min(y, fy), w: Math.abs(x - fx), h: Math.abs(y - fy) });
    } else {
      for (const one of event.getCoalescedEvents?.() ?? [event]) {
        const at = this.inside(this.place(one)), from = this.stroke.at.at(-1);
        this.stroke.at.push(at.map((value) => Math.round(value * 10) / 10));
        if (this.stroke.kind === "brush") draw(this.mask.pen, { ...this.stroke, at: [from, at] }, this.mask.scale);
      }
    }
    this.draw();
  }

  pinch(id, now) {
    const [a, b] = [...this.pointers.values()], gap = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);
    const middle = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], before = gap(a, b);
    this.pointers.set(id, now);
    const [c, d] = [...this.pointers.values()], next = [(c[0] + d[0]) / 2, (c[1] + d[1]) / 2];
    this.view.x += next[0] - middle[0];
    this.view.y += next[1] - middle[1];
    this.zoom(gap(c, d) / Math.max(1, before), next[0], next[1]);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    const stroke = this.stroke;
    this.stroke = null;
    if (!stroke) return;
    const small = stroke.kind === "box" ? stroke.w * stroke.h < 1 : stroke.kind === "lasso" && stroke.at.length < 3;
    delete stroke.from;
    if (small) this.draw(); else this.mask.add(stroke);
  }
}
