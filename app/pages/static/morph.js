// Makes a part of the page like another without replacing what stays: focus, selection and what was scrolled are kept.

/** Give `old` the children of `wanted`. */
export function morphChildren(old, wanted) {
  const there = new Map([...old.children].filter((one) => nameOf(one)).map((one) => [nameOf(one), one]));
  let next = old.firstChild;
  for (const node of [...wanted.childNodes]) {
    const named = there.get(nameOf(node));
    if (named && named !== next) old.insertBefore(named, next);
    const same = named ?? (next && isAlike(next, node) ? next : null);
    if (same === null) {
      old.insertBefore(document.importNode(node, true), next);
    } else {
      morph(same, node);
      next = same.nextSibling;
    }
  }
  while (next) {
    const following = next.nextSibling;
    next.remove();
    next = following;
  }
}

function morph(old, wanted) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!wanted.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of wanted.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  morphChildren(old, wanted);
}

// What is in a list has a name: one that comes in above must not take the place of the one below.
function nameOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined;
}

function isAlike(one, other) {
  return one.nodeName === other.nodeName && !nameOf(one) && !nameOf(other);
}
