// The log of a deployment: loads all of it, goes on live, and ties the controls to the view.

import { copyText } from "./log-copy.js";
import { bindKeys } from "./log-keys.js";
import { Progress, startPage } from "./log-page.js";
import { timeText } from "./log-row.js";
import { Search } from "./log-search.js";
import { follow, Refused, stored } from "./log-source.js";
import { Store } from "./log-store.js";
import { LogView } from "./log-view.js";

const HASH = /^#L(\d+)(?:-L?(\d+))?$/;
const RETRY = 2000;

const panel = document.getElementById("log");
if (panel !== null) start(panel);
startPage();

function start(root) {
  const part = (name) => root.querySelector(`[data-log=${name}]`);
  const store = new Store();
  const search = new Search(store);
  const view = new LogView(part("scroller"), store, search, showState);
  const progress = new Progress();
  let isLive = root.dataset.live === "true";
  let isShown = false;

  part("controls").hidden = false;
  view.times = remembered("times", "off");
  part("times").value = view.times;
  press("wrap", remembered("wrap", "false") === "true");

  async function load() {
    while (true) {
      try {
        for await (const entries of stored(root.dataset.entries, store.last)) {
          entries.forEach((entry) => take(entry));
          settle();
          if (isShown) view.grow();
          else part("loading").textContent = `${store.last.toLocaleString()} lines loaded …`;
        }
        break;
      } catch (error) {
        if (error instanceof Refused) return problem(error.message);
        link(false);
        await new Promise((resolve) => setTimeout(resolve, RETRY));
      }
    }
    link(true);
    show();
    if (isLive) await follow(root.dataset.stream, () => store.last, { entries, status, end, problem, link });
  }

  function take(entry) {
    if (store.take(entry)) progress.take(entry);
  }

  // A line that is linked to is shown as soon as it is there, not when everything is.
  function settle() {
    const wanted = HASH.exec(location.hash);
    if (!isShown && wanted && store.last >= Number(wanted[1])) show();
  }

  function show() {
    if (isShown) return;
    isShown = true;
    part("static").remove();
    part("loading").textContent = "";
    part("scroller").hidden = false;
    view.rebuild();
    toHash();
    showState();
    root.dataset.ready = "true";
  }

  function entries(list) {
    list.forEach((entry) => take(entry));
    search.more();
    view.grow();
    progress.show();
    part("empty").hidden = store.shown.length > 0;
    if (list.some((entry) => entry.name)) {
      say(`Step ${list.findLast((entry) => entry.name).name} begins.`);
      document.dispatchEvent(new CustomEvent("shiplog:changed"));
    }
    if (search.expression) showHits();
  }

  function status() {
    document.dispatchEvent(new CustomEvent("shiplog:changed"));
  }

  function end(data) {
    isLive = false;
    progress.end();
    say(`The deployment has ended: ${data.status}.`);
    document.dispatchEvent(new CustomEvent("shiplog:changed"));
    showState();
  }

  function link(isThere) {
    part("lost").hidden = isThere;
  }

  function problem(text) {
    part("lost").hidden = true;
    part("problem").textContent = text;
    part("problem").hidden = false;
    isLive = false;
    showState();
  }

  function say(text) {
    part("announce").textContent = text;
  }

  function showState() {
    const button = part("follow");
    button.hidden = !isLive || view.isFollowing;
    button.textContent = view.unseen ? `↓ ${view.unseen.toLocaleString()} new lines` : "↓ Follow";
    part("live").hidden = !isLive;
    part("empty").hidden = !isShown || store.shown.length > 0;
    const range = view.selected;
    const lines = range && (range[0] === range[1] ? `line ${range[0]}` : `lines ${range[0]}–${range[1]}`);
    part("copy").textContent = lines ? `Copy ${lines}` : "Copy";
  }

  function showHits() {
    const { hits, at, expression } = search;
    const count = hits.length.toLocaleString();
    part("hits").textContent = expression === null ? "" : hits.length ? `${at + 1} of ${count}` : "no hits";
    part("previous").disabled = part("next").disabled = !hits.length;
  }

  function look() {
    search.look(part("search").value, view.first);
    showHits();
    view.redraw();
    if (search.current !== null) view.toHit(search.current);
  }

  function step(by) {
    const position = search.step(by);
    if (position === null) return;
    showHits();
    view.redraw();
    view.toHit(position);
  }

  function toHash() {
    const wanted = HASH.exec(location.hash);
    if (!wanted) return;
    const [first, last] = [Number(wanted[1]), Number(wanted[2] ?? wanted[1])];
    view.select([Math.min(first, last), Math.max(first, last)]);
  }

  function pick(order, isRange) {
    const first = isRange && view.selected ? view.selected[0] : order;
    const range = [Math.min(first, order), Math.max(first, order)];
    history.replaceState(null, "", range[0] === range[1] ? `#L${order}` : `#L${range[0]}-L${range[1]}`);
    view.select(range, { show: false });
  }

  function press(name, value) {
    part(name).setAttribute("aria-pressed", value);
    if (name === "wrap") view.wrap = value;
    if (name === "hidden") {
      store.withHidden = value;
      search.again();
      showHits();
      view.rebuild();
    }
  }

  function toggle(name) {
    const value = part(name).getAttribute("aria-pressed") !== "true";
    press(name, value);
    if (name === "wrap") remember("wrap", value);
  }

  function setTimes(times) {
    view.times = times;
    part("times").value = times;
    remember("times", times);
    view.rebuild();
  }

  async function copy() {
    const [first, last] = view.selected ?? [1, Infinity];
    const stamp = (time) => (view.times === "off" ? "" : `${timeText(time, view.times)} `);
    const isDone = await copyText(store.text(first, last, stamp));
    say(isDone ? "Copied." : "The browser does not let this page copy.");
    const label = part("copy");
    label.textContent = isDone ? "Copied ✓" : "Not copied";
    setTimeout(showState, 1500);
  }

  function clearSearch() {
    part("search").value = "";
    look();
    part("scroller").focus();
  }

  let typing = 0;
  part("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(look, 120);
  });
  part("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") clearSearch();
    else return;
    event.preventDefault();
  });
  part("scroller").addEventListener("click", (event) => {
    const order = event.target.closest("[data-order]")?.dataset.order;
    if (order === undefined || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    pick(Number(order), event.shiftKey);
  });
  part("times").addEventListener("change", (event) => setTimes(event.target.value));
  part("previous").addEventListener("click", () => step(-1));
  part("next").addEventListener("click", () => step(1));
  part("wrap").addEventListener("click", () => toggle("wrap"));
  part("hidden").addEventListener("click", () => toggle("hidden"));
  part("copy").addEventListener("click", copy);
  part("follow").addEventListener("click", () => view.follow(true));
  window.addEventListener("hashchange", toHash);
  bindKeys({
    "/": () => part("search").focus(),
    n: () => step(1),
    N: () => step(-1),
    g: () => view.toTop(),
    G: () => view.follow(true),
    f: () => view.follow(!view.isFollowing),
    w: () => toggle("wrap"),
    t: () => setTimes({ off: "local", local: "utc", utc: "off" }[view.times]),
  });
  showHits();
  load();
}

function remembered(name, otherwise) {
  try {
    return localStorage.getItem(`shiplog-log-${name}`) ?? otherwise;
  } catch {
    return otherwise; // storage may be forbidden
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(`shiplog-log-${name}`, value);
  } catch {
    // as above
  }
}
