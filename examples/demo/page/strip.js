import { barCount } from "./waits.js";

const height = 100;
const longest = 8_000;
const svg = "http://www.w3.org/2000/svg";

/** The waits of the last minute as bars, and when the last button was pressed. */
export class Strip {
  #bars;
  #mark;

  constructor(element) {
    element.setAttribute("viewBox", `0 0 ${barCount} ${height}`);
    element.setAttribute("preserveAspectRatio", "none");
    this.#bars = Array.from({ length: barCount }, (_, index) => shape("rect", { x: index + 0.1, width: 0.8 }));
    const second = height - heightOf(1_000);
    this.#mark = shape("line", { class: "mark", y1: 0, y2: height, visibility: "hidden" });
    element.append(shape("line", { x1: 0, x2: barCount, y1: second, y2: second }), this.#mark, ...this.#bars);
  }

  /** `marked`: how many milliseconds ago the button was pressed. */
  draw(bars, marked) {
    bars.forEach(({ wait, failed }, index) => {
      const tall = failed ? Math.max(heightOf(wait), 12) : heightOf(wait);
      set(this.#bars[index], { y: height - tall, height: tall, class: failed ? "failed" : "" });
    });
    const x = Math.max(0, barCount - marked / 500);
    set(this.#mark, { x1: x, x2: x, visibility: x > 0 ? "visible" : "hidden" });
  }
}

/** By the root: a wait of 50 ms is still seen beside one of 5 s. */
function heightOf(wait) {
  return height * Math.sqrt(Math.min(wait, longest) / longest);
}

function shape(name, attributes) {
  const element = document.createElementNS(svg, name);
  set(element, attributes);
  return element;
}

function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
}
