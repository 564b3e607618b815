// The page of a deployment.

import { startPage } from "./log-page.js";
import { LogPanel } from "./log-panel.js";

startPage();
const root = document.getElementById("log"); // not there for who may not read logs
if (root !== null) new LogPanel(root).run();
