import { find, keepChildren, make, write } from "./elements.js";

/** The trials of both apps, and what happened. */
export function showTrials({ rows, running, columns }) {
  write(find("usual-label"), columns.usual);
  write(find("ours-label"), columns.ours);
  write(find("progress"), running === undefined ? (rows.length === 0 ? "Not run yet." : "") : `Now: ${running}`);
  write(find("again"), rows.length === 0 ? "Run" : "Run again");
  keepChildren(find("rows"), rows, {
    keyOf: ({ title }) => title,
    create: ({ title }) => {
      const row = make("tr", "");
      row.append(make("th", title, { scope: "row" }), outcomeCell("usual"), outcomeCell("express-fleet"));
      return row;
    },
    update: (row, { usual, ours }) => {
      const [first, second] = row.querySelectorAll("td");
      showOutcome(first, usual);
      showOutcome(second, ours);
    },
  });
}

/** The newest first. */
export function showEvents(events) {
  find("events").replaceChildren(
    ...events.map(({ at, instance, kind, text }) => {
      const item = make("li", "");
      const when = new Date(at);
      const time = make("time", when.toLocaleTimeString(), { datetime: when.toISOString(), class: "soft" });
      const isPlain = ["instance", "server", "takeover"].includes(kind);
      item.append(time, make("span", instance), make("span", isPlain ? text : `${kind}: ${text}`));
      return item;
    }),
  );
}

function outcomeCell(label) {
  const cell = make("td", "", { "data-label": label });
  cell.append(make("span", ""));
  return cell;
}

function showOutcome(cell, { text, held }) {
  cell.className = held ? "held" : "missed";
  write(cell.firstChild, text);
}
