// The log of a deployment: loads all of it, goes on live, and says how it stands.

import { Controls } from "./log-controls.js";
import { Progress, tellChanged } from "./log-page.js";
import { Search } from "./log-search.js";
import { follow, Refused, stored } from "./log-source.js";
import { Store } from "./log-store.js";
import { LogView } from "./log-view.js";

const HASH = /^#L(\d+)(?:-L?(\d+))?$/;
const RETRY = 2000;

/** What is in the element with the id `log`. */
export class LogPanel {
  #root;
  #store = new Store();
  #search = new Search(this.#store);
  #progress = new Progress();
  #view;
  #controls;
  #isLive;
  #isShown = false;

  constructor(root) {
    this.#root = root;
    this.#isLive = root.dataset.live === "true";
    const part = (name) => root.querySelector(`[data-log=${name}]`);
    this.part = part;
    this.#view = new LogView(part("scroller"), this.#store, this.#search, () => this.#showState());
    this.#controls = new Controls(part, this.#store, this.#search, this.#view);
    part("follow").addEventListener("click", () => this.#view.follow(true));
    window.addEventListener("hashchange", () => this.#toHash());
  }

  /** Load what is stored, then follow what comes until the deployment has ended. */
  async run() {
    while (!(await this.#load())) await new Promise((resolve) => setTimeout(resolve, RETRY));
    this.#show();
    if (!this.#isLive) return;
    await follow(this.#root.dataset.stream, () => this.#store.last, {
      entries: (entries) => this.#add(entries),
      status: tellChanged,
      end: (data) => this.#end(data),
      problem: (text) => this.#refuse(text),
      link: (isThere) => this.#showLink(isThere),
    });
  }

  // Returns whether there is nothing more to try.
  async #load() {
    try {
      for await (const entries of stored(this.#root.dataset.entries, this.#store.last)) {
        entries.forEach((entry) => this.#take(entry));
        this.#showEarly();
        if (this.#isShown) this.#view.grow();
        else this.part("loading").textContent = `${this.#store.last.toLocaleString()} lines loaded …`;
      }
      this.#showLink(true);
      return true;
    } catch (error) {
      if (error instanceof Refused) {
        this.#refuse(error.message);
        return true;
      }
      this.#showLink(false);
      return false;
    }
  }

  #take(entry) {
    if (this.#store.take(entry)) this.#progress.take(entry);
  }

  #add(entries) {
    entries.forEach((entry) => this.#take(entry));
    this.#view.grow();
    this.#controls.showMore();
    this.#progress.show();
    this.part("empty").hidden = this.#store.shown.length > 0;
    const step = entries.findLast((entry) => entry.name);
    if (step === undefined) return;
    this.#controls.say(`Step ${step.name} begins.`);
    tellChanged();
  }

  #end(data) {
    this.#isLive = false;
    this.#progress.end();
    this.#controls.say(`The deployment has ended: ${data.status}.`);
    tellChanged();
    this.#showState();
  }

  #refuse(text) {
    this.#isLive = false;
    this.#showLink(true);
    this.part("problem").textContent = text;
    this.part("problem").hidden = false;
    this.#showState();
  }

  // A line that is linked to is shown as soon as it is there, not when everything is.
  #showEarly() {
    const wanted = HASH.exec(location.hash);
    if (wanted && this.#store.last >= Number(wanted[1])) this.#show();
  }

  #show() {
    if (this.#isShown) return;
    this.#isShown = true;
    this.part("static").remove();
    this.part("loading").textContent = "";
    this.part("scroller").hidden = false;
    this.#view.rebuild();
    this.#toHash();
    this.#showState();
    this.#root.dataset.ready = "true";
  }

  #toHash() {
    const wanted = HASH.exec(location.hash);
    if (!wanted) return;
    const [first, last] = [Number(wanted[1]), Number(wanted[2] ?? wanted[1])];
    this.#view.select([Math.min(first, last), Math.max(first, last)]);
  }

  #showLink(isThere) {
    this.part("lost").hidden = isThere;
  }

  #showState() {
    const button = this.part("follow");
    const { unseen, isFollowing } = this.#view;
    button.hidden = !this.#isLive || isFollowing;
    button.textContent = unseen ? `↓ ${unseen.toLocaleString()} new lines` : "↓ Follow";
    this.part("live").hidden = !this.#isLive;
    this.part("empty").hidden = !this.#isShown || this.#store.shown.length > 0;
    this.#controls.showSelected();
  }
}
