// One line of the log as an element. Its text is only ever set as text.

import { plain, stretches } from "./log-ansi.js";
import { COMMAND, HIDDEN, STDERR, STEP } from "./log-store.js";

const MOST = 5000; // characters: a line of megabytes would hold up the whole page

/** The element of a row; `look` has `times` (off, local, utc), `expression` of the search or null, `current`, `selected`. */
export function rowElement(row, look) {
  const element = document.createElement("div");
  element.className = "log-row";
  if (row.kind & STDERR) element.classList.add("log-stderr");
  if (row.kind & STEP) element.classList.add("log-step");
  if (row.kind & COMMAND) element.classList.add("log-command");
  if (row.kind & HIDDEN) element.classList.add("log-hidden");
  if (look.selected) element.classList.add("log-selected");
  if (look.current) element.classList.add("log-current");
  element.append(gutter(row, look.times), line(row, look.expression));
  return element;
}

/** A time of day as the log shows it: "" when times are off. */
export function timeText(time, times) {
  if (times === "off") return "";
  const moment = new Date(time);
  if (times === "utc") return moment.toISOString().slice(11, 23);
  const part = (value, digits = 2) => String(value).padStart(digits, "0");
  const [hours, minutes, seconds] = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map((one) => part(one));
  return `${hours}:${minutes}:${seconds}.${part(moment.getMilliseconds(), 3)}`;
}

function gutter(row, times) {
  const element = document.createElement("span");
  element.className = "log-gutter";
  const number = document.createElement("a");
  number.className = "log-number";
  if (row.isFirst) {
    number.href = `#L${row.order}`;
    number.textContent = row.order;
    number.dataset.order = row.order;
    number.tabIndex = -1; // a stop at each line would be thousands; the keys lead there
  }
  element.append(number);
  if (times !== "off") {
    const time = document.createElement("time");
    time.className = "log-time";
    time.dateTime = time.title = new Date(row.time).toISOString();
    time.textContent = timeText(row.time, times);
    element.append(time);
  }
  if (row.kind & STDERR) element.title = "stderr"; // its sign is in the style sheet
  return element;
}

function line(row, expression) {
  const element = document.createElement("span");
  element.className = "log-text";
  let left = MOST;
  const marks = expression === null ? [] : hitsIn(plain(row.text), expression);
  let at = 0;
  for (const stretch of stretches(row.text)) {
    const text = stretch.text.slice(0, left);
    left -= text.length;
    for (const [part, isHit] of cut(text, at, marks)) element.append(styled(part, stretch, isHit));
    at += stretch.text.length;
    if (left === 0) break;
  }
  const length = plain(row.text).length;
  if (length > MOST) {
    const note = document.createElement("span");
    note.className = "log-cut";
    note.textContent = ` … ${(length - MOST).toLocaleString()} more characters: copy or download the line`;
    element.append(note);
  }
  if (length === 0) element.append("\u200b"); // an empty line is as high as any other
  return element;
}

function hitsIn(text, expression) {
  return [...text.matchAll(expression)].map((match) => [match.index, match.index + match[0].length]);
}

// Cuts a text that begins at `at` of its line where hits begin and end.
function* cut(text, at, marks) {
  let from = 0;
  for (const [begin, end] of marks) {
    const [first, last] = [Math.max(begin - at, from), Math.min(end - at, text.length)];
    if (last <= first) continue;
    if (first > from) yield [text.slice(from, first), false];
    yield [text.slice(first, last), true];
    from = last;
  }
  if (from < text.length) yield [text.slice(from), false];
}

function styled(text, stretch, isHit) {
  const isBare = !isHit && !stretch.classes.length && !stretch.foreground && !stretch.background;
  if (isBare) return document.createTextNode(text);
  const element = document.createElement(isHit ? "mark" : "span");
  element.classList.add(...stretch.classes);
  if (stretch.foreground && !isHit) element.style.color = stretch.foreground;
  if (stretch.background && !isHit) element.style.backgroundColor = stretch.background;
  element.textContent = text;
  return element;
}
