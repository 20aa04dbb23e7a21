export function find(id) {
  return document.getElementById(id);
}

/** Everything becomes text, never markup. */
export function make(name, text, attributes = {}) {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** Writes only what changed, so that nothing flickers and what somebody has selected stays selected. */
export function write(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

/** One child per item, kept from call to call by its key, so that buttons keep the focus. */
export function keepChildren(parent, items, { keyOf, create, update }) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const children = items.map((item) => {
    const child = before.get(keyOf(item)) ?? create(item);
    child.dataset.key = keyOf(item);
    update(child, item);
    return child;
  });
  const isSame =
    children.length === parent.children.length && children.every((child, at) => child === parent.children[at]);
  if (!isSame) parent.replaceChildren(...children);
}
