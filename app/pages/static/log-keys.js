// Keys of one character, which do nothing while somebody writes.

/** Do `actions[key]` when a key is pressed anywhere but in a field, alone. */
export function bindKeys(actions) {
  document.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    const isWriting = event.target.closest?.("input, textarea, select, dialog, [contenteditable]");
    if (action === undefined || isWriting || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
}
