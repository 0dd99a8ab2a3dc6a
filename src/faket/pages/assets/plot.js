"use strict";
// Curves with axes, as SVG. All words are set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function svgElement(name, attributes, words) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words !== undefined) made.textContent = words;
  return made;
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function evenTicks(low, high, about) {
  const raw = (high - low) / about, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= raw);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) ticks.push(k * step);
  return ticks.map((value) => ({ at: value, words: String(+value.toPrecision(6)) }));
}

const PERIODS_A = [1000, 500, 200, 100, 70, 50, 40, 30, 25, 20, 15, 12, 10, 8, 7, 6, 5, 4, 3, 2.5, 2];

// Ticks of spatial frequency (1/Å), named by their periods, and not nearer than `apart` of the axis.
function periodTicks(low, high, apart) {
  const kept = [];
  for (const period of PERIODS_A) {
    const at = 1 / period;
    const free = !kept.length || at - kept[kept.length - 1].at >= apart * (high - low);
    if (at >= low && at <= 1.0001 * high && free) {
      kept.push({ at, words: String(period) });
    }
  }
  return kept;
}

/* series: [{ name, x, y, colour, dash, steps }]; x and y hold numbers or null.
   options: { title, xTitle, yTitle, xTicks(low, high), logarithmic, yLow } */
function drawPlot(figure, series, options) {
  const narrow = figure.clientWidth && figure.clientWidth < 560;
  const width = narrow ? 420 : 900, height = narrow ? 300 : 330;
  const edge = { left: options.logarithmic ? 78 : 62, right: 12, top: 12, bottom: 46 };
  const value = options.logarithmic ? (y) => (y > 0 ? Math.log10(y) : null) : (y) => y;
  const points = series.map((each) => each.x
    .map((x, i) => [x, each.y[i] === null ? null : value(each.y[i])])
    .filter(([, y]) => y !== null && Number.isFinite(y)));
  const every = points.flat();
  figure.replaceChildren();
  if (!every.length) return;
  const xs = every.map(([x]) => x), ys = every.map(([, y]) => y);
  const xLow = options.xLow ?? Math.min(...xs), xHigh = options.xHigh ?? Math.max(...xs);
  let yLow = options.yLow ?? Math.min(...ys), yHigh = Math.max(...ys);
  if (!(yHigh > yLow)) { yLow -= 0.5; yHigh += 0.5; }
  const pad = 0.04 * (yHigh - yLow);
  yLow = options.yLow ?? yLow - pad;
  yHigh += pad;
  const toX = (x) => edge.left + (x - xLow) / (xHigh - xLow || 1) * (width - edge.left - edge.right);
  const toY = (y) => height - edge.bottom - (y - yLow) / (yHigh - yLow) * (height - edge.top - edge.bottom);
  const svg = svgElement("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": options.title });
  const yTicks = options.logarithmic ? powerTicks(yLow, yHigh) : evenTicks(yLow, yHigh, 5);
  for (const { at, words } of yTicks) {
    svg.append(svgElement("line", { class: "grid", x1: edge.left, x2: width - edge.right, y1: toY(at), y2: toY(at) }));
    svg.append(svgElement("text", { x: edge.left - 7, y: toY(at) + 4, "text-anchor": "end" }, words));
  }
  const xTicks = options.periods ? periodTicks(xLow, xHigh, narrow ? 0.1 : 0.05) : evenTicks(xLow, xHigh, narrow ? 5 : 9);
  for (const { at, words } of xTicks) {
    svg.append(svgElement("line", { class: "axis", x1: toX(at), x2: toX(at), y1: height - edge.bottom, y2: height - edge.bottom + 5 }));
    svg.append(svgElement("text", { x: toX(at), y: height - edge.bottom + 19, "text-anchor": "middle" }, words));
  }
  svg.append(svgElement("path", { class: "axis", d: `M${edge.left} ${edge.top}V${height - edge.bottom}H${width - edge.right}` }));
  svg.append(svgElement("text", { x: (edge.left + width - edge.right) / 2, y: height - 6, "text-anchor": "middle" }, options.xTitle));
  const middle = (height - edge.bottom + edge.top) / 2;
  svg.append(svgElement("text", { x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` }, options.yTitle));
  series.forEach((each, i) => {
    const d = points[i].map(([x, y], k) => {
      const [px, py] = [toX(x).toFixed(1), toY(y).toFixed(1)];
      return k === 0 ? `M${px} ${py}` : each.steps ? `H${px}V${py}` : `L${px} ${py}`;
    }).join("");
    svg.append(svgElement("path", { class: "curve", d, style: `stroke: var(${each.colour})`, "stroke-dasharray": each.dash || "none" }));
  });
  if (series.length > 1 || series[0].name) figure.append(plotKey(series));
  figure.append(svg);
}

function powerTicks(low, high) {
  const ticks = [], step = Math.max(1, Math.ceil((high - low) / 6));
  const between = high - low < 2.5 ? [1, 2, 5] : [1];
  for (let power = Math.floor(low); power <= high; power += step) {
    for (const factor of between) {
      const at = power + Math.log10(factor);
      if (at >= low && at <= high) ticks.push({ at, words: timesTen(factor, power) });
    }
  }
  return ticks;
}

function timesTen(factor, power) {
  if (Math.abs(power) < 4) return String(+(factor * 10 ** power).toPrecision(1));
  const raised = String(power).replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
  return (factor === 1 ? "" : `${factor} × `) + "10" + raised;
}

function plotKey(series) {
  const key = element("div", { class: "key" });
  for (const each of series) {
    const line = svgElement("svg", { viewBox: "0 0 28 8", "aria-hidden": "true" });
    line.append(svgElement("path", { d: "M0 4H28", style: `stroke: var(${each.colour})`, "stroke-width": 2.5, "stroke-dasharray": each.dash || "none" }));
    key.append(element("span", {}, line, each.name));
  }
  return key;
}
