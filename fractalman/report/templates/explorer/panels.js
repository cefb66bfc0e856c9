// Two small figures: the learning curve with a window that reads the local exponent, and the labels' variogram.
const SPACE = "http://www.w3.org/2000/svg";
function mark(parentNode, kind, attributes, text) {
  const made = document.createElementNS(SPACE, kind);
  for (const [name, v] of Object.entries(attributes)) made.setAttribute(name, v);
  if (text !== undefined) made.textContent = text;
  parentNode.append(made);
  return made;
}

function frame(where, name, xs, ys, x, y) {
  // Logarithmic axes with decades, or halves of them where there are few.
  const W = 460, H = 280, left = 58, right = 36, top = 8, bottom = 40;
  const ends = (values) => { const ok = values.filter((v) => v > 0 && Number.isFinite(v)).map(Math.log10); return [Math.min(...ok), Math.max(...ok)]; };
  let [x0, x1] = ends(xs), [y0, y1] = ends(ys);
  if (x1 - x0 < 0.01) { x0 -= 0.5; x1 += 0.5; }
  const pad = 0.06 * Math.max(0.3, y1 - y0); y0 -= pad; y1 += pad;
  const X = (v) => left + (Math.log10(v) - x0) / (x1 - x0) * (W - left - right);
  const Y = (v) => top + (y1 - Math.log10(v)) / (y1 - y0) * (H - top - bottom);
  const svg = mark(where, "svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": name });
  const ticks = (a, b) => {
    const found = [];
    for (let e = Math.floor(a); e <= Math.ceil(b); e++) for (const m of b - a < 1.6 ? [1, 2, 5] : [1]) { const v = m * 10 ** e; if (Math.log10(v) >= a && Math.log10(v) <= b) found.push(v); }
    return found.length > 7 ? found.filter((_, i) => i % Math.ceil(found.length / 7) === 0) : found;
  };
  for (const v of ticks(x0, x1)) { mark(svg, "line", { class: "axis", x1: X(v), x2: X(v), y1: top, y2: H - bottom }); mark(svg, "text", { x: X(v), y: H - bottom + 16, "text-anchor": "middle" }, words(v)); }
  for (const v of ticks(y0, y1)) { mark(svg, "line", { class: "axis", x1: left, x2: W - right, y1: Y(v), y2: Y(v) }); mark(svg, "text", { x: left - 6, y: Y(v) + 4, "text-anchor": "end" }, words(v)); }
  mark(svg, "text", { x: (left + W - right) / 2, y: H - 6, "text-anchor": "middle" }, x);
  mark(svg, "text", { x: 12, y: (top + H - bottom) / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${(top + H - bottom) / 2})` }, y);
  return { svg, X, Y, W, H, left, right, top, bottom, at: (t) => 10 ** (x0 + t * (x1 - x0)), share: (v) => (Math.log10(v) - x0) / (x1 - x0) };
}

const line = (f, xs, ys) => xs.map((v, i) => [v, ys[i]]).filter(([, r]) => r > 0 && Number.isFinite(r)).map(([v, r]) => `${f.X(v)},${f.Y(r)}`).join(" ");

function slope(xs, ys, low, high) {
  // Least squares through logarithms of the curve at the window's ends and its own sizes between them.
  const lx = xs.map(Math.log), ly = ys.map(Math.log);
  const at = (v) => { const t = Math.log(v); let i = 1; while (i < lx.length - 1 && lx[i] < t) i++; return ly[i - 1] + (ly[i] - ly[i - 1]) * (t - lx[i - 1]) / (lx[i] - lx[i - 1]); };
  const points = [low, ...xs.filter((v) => v > low * 1.001 && v < high / 1.001), high].map((v) => [Math.log(v), at(v)]);
  const mx = points.reduce((s, p) => s + p[0], 0) / points.length, my = points.reduce((s, p) => s + p[1], 0) / points.length;
  const sxx = points.reduce((s, p) => s + (p[0] - mx) ** 2, 0), sxy = points.reduce((s, p) => s + (p[0] - mx) * (p[1] - my), 0);
  return { exponent: -sxy / sxx, risk: (v) => Math.exp(my + sxy / sxx * (Math.log(v) - mx)) };
}

function learningCurve() {
  const where = element("curve"), known = data.curve && data.curve.risk.filter((r) => r > 0).length > 1;
  if (!known) {
    const p = document.createElement("p"); p.textContent = data.no_curve; where.append(p);
    element("from").disabled = element("to").disabled = true; return;
  }
  const keep = data.curve.risk.map((r) => r > 0), n = data.curve.n.filter((_, i) => keep[i]);
  const risk = data.curve.risk.filter((_, i) => keep[i]), error = data.curve.error.filter((_, i) => keep[i]);
  const floor = data.floor, f = frame(where, "expected risk against training-set size", n, [...risk, ...(floor ? floor.risk : [])], "training-set size n", "expected risk");
  const up = n.map((v, i) => `${f.X(v)},${f.Y(risk[i] + 2 * error[i])}`), down = n.map((v, i) => `${f.X(v)},${f.Y(Math.max(risk[i] - 2 * error[i], 0.2 * risk[i]))}`).reverse();
  mark(f.svg, "polygon", { class: "band", points: [...up, ...down].join(" ") });
  mark(f.svg, "polyline", { class: "predicted", points: line(f, n, risk) });
  if (floor) mark(f.svg, "polyline", { class: "floor", points: line(f, floor.n, floor.risk) });
  mark(f.svg, "text", { x: f.X(n[n.length - 1]) - 4, y: f.Y(risk[0]) + 4, "text-anchor": "end" }, floor ? "solid: predicted, dashed: Bayes floor" : "predicted");
  const box = mark(f.svg, "rect", { class: "window", y: f.top, height: f.H - f.top - f.bottom });
  const fit = mark(f.svg, "line", { class: "fit" });
  const edges = ["from", "to"].map(() => mark(f.svg, "line", { class: "edge", y1: f.top, y2: f.H - f.bottom }));
  const inputs = [element("from"), element("to")];
  const GAP = 60;  // thousandths of the abscissa that stay between the ends

  function show() {
    const [a, b] = inputs.map((input) => input.value / 1000), low = f.at(a), high = f.at(b), read = slope(n, risk, low, high);
    box.setAttribute("x", f.X(low)); box.setAttribute("width", f.X(high) - f.X(low));
    edges.forEach((edge, i) => { const x = f.X([low, high][i]); edge.setAttribute("x1", x); edge.setAttribute("x2", x); });
    for (const [end, v] of [["1", low], ["2", high]]) { fit.setAttribute(`x${end}`, f.X(v)); fit.setAttribute(`y${end}`, f.Y(read.risk(v))); }
    inputs.forEach((input, i) => input.setAttribute("aria-valuetext", `n = ${words([low, high][i])}`));
    element("exponent").textContent = `local exponent ${read.exponent.toFixed(3)} from n = ${words(low)} to ${words(high)}`;
  }
  function set(i, value) {
    const other = Number(inputs[1 - i].value);
    inputs[i].value = i === 0 ? Math.max(0, Math.min(value, other - GAP)) : Math.min(1000, Math.max(value, other + GAP));
    show();
  }
  inputs.forEach((input, i) => input.addEventListener("input", () => set(i, Number(input.value))));
  const share = (event) => { const r = f.svg.getBoundingClientRect(); return 1000 * ((event.clientX - r.left) / r.width * f.W - f.left) / (f.W - f.left - f.right); };
  let drag = null;
  edges.forEach((edge, i) => edge.addEventListener("pointerdown", () => { drag = { i }; }));
  box.addEventListener("pointerdown", (event) => { drag = { i: 2, at: share(event), ends: inputs.map((input) => Number(input.value)) }; });
  addEventListener("pointermove", (event) => {
    if (!drag) return;
    if (drag.i < 2) return set(drag.i, share(event));
    const [a, b] = drag.ends, by = Math.max(-a, Math.min(1000 - b, share(event) - drag.at));
    inputs[0].value = a + by; inputs[1].value = b + by; show();
  });
  addEventListener("pointerup", () => { drag = null; });
  show();
}

function smoothness() {
  const s = data.variogram, where = element("smooth");
  if (!s || s.value.filter((v) => v > 0).length < 2) { const p = document.createElement("p"); p.textContent = "No pairs of points whose labels differ."; where.append(p); return; }
  const f = frame(where, "mean squared label difference against distance", s.distance, s.value, s.kind === "graph" ? "distance, edges" : "distance", "mean (yᵢ − yⱼ)²");
  mark(f.svg, "polyline", { class: "predicted", points: line(f, s.distance, s.value) });
  s.distance.forEach((d, i) => { if (s.value[i] > 0) mark(f.svg, "circle", { class: "mark", r: 3.5, cx: f.X(d), cy: f.Y(s.value[i]) }); });
}
learningCurve();
smoothness();
