// What every page does beside showing itself: theme, copying, dialogs, times that go on. All of it works without.

import { morphChildren } from "./morph.js";

const YEAR = 365 * 24 * 3600;

function setUp(root) {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
}

function theme() {
  const button = document.getElementById("theme");
  button.hidden = false;
  button.addEventListener("click", () => {
    const page = document.documentElement;
    const isDark = page.dataset.theme
      ? page.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    page.dataset.theme = isDark ? "light" : "dark";
    const path = document.body.dataset.root;
    document.cookie = `shiplog_theme=${page.dataset.theme}; path=${path}; max-age=${YEAR}; samesite=lax`;
  });
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  button.classList.add("done");
  const label = button.getAttribute("aria-label");
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => {
    button.classList.remove("done");
    button.setAttribute("aria-label", label);
  }, 1500);
}

function clicked(event) {
  const copying = event.target.closest("[data-copy]");
  if (copying) copy(copying);
  const opening = event.target.closest("[data-opens]");
  if (opening) {
    event.preventDefault();
    document.getElementById(opening.dataset.opens).showModal();
  }
  if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
}

export function duration(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const two = (number) => String(number).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)} min`;
}

export function ago(milliseconds) {
  for (const [size, unit] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    const count = Math.floor(milliseconds / 1000 / size);
    if (count > 0) return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
  }
  return "just now";
}

function tick() {
  for (const one of document.querySelectorAll("[data-since]")) {
    one.textContent = duration(Date.now() - Date.parse(one.dataset.since));
  }
  for (const one of document.querySelectorAll("time[data-ago]")) {
    const since = Date.now() - Date.parse(one.dateTime);
    if (since < 31 * 86400e3) one.textContent = ago(since);
  }
}

theme();
setUp(document);
for (const fold of document.querySelectorAll("[data-folds]")) {
  fold.open = "used" in fold.dataset || !matchMedia("(max-width: 44rem)").matches;
}
document.addEventListener("click", clicked);
document.addEventListener("keydown", (event) => {
  const opening = event.target.closest?.('a[role="button"]');
  if (opening && event.key === " ") {
    event.preventDefault();
    opening.click();
  }
});
document.addEventListener("htmx:afterSwap", (event) => setUp(event.target));
setInterval(tick, 1000);

// A part that is asked for again while somebody looks at it; what stays in it is not replaced.
for (const live of document.querySelectorAll("[data-poll]")) {
  const pause = Number(live.dataset.poll);
  if (pause) setInterval(() => document.hidden || htmx.trigger(live, "poll"), pause);
  live.addEventListener("htmx:beforeSwap", (event) => {
    if (!event.detail.shouldSwap) return;
    event.detail.shouldSwap = false;
    morphChildren(live, new DOMParser().parseFromString(event.detail.serverResponse, "text/html").body);
    setUp(live);
    tick();
  });
}
