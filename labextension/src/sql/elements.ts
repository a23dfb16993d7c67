/** Small pieces of a page, in Lab's own dress. */

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className = '',
  text = ''
): HTMLElementTagNameMap[Tag] {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

export function button(label: string, title: string, act: () => void): HTMLButtonElement {
  const node = element('button', 'jp-ReactiveTable-button', label);
  node.type = 'button';
  node.title = title;
  node.addEventListener('click', act);
  return node;
}

/** A list to choose from: pairs of value and label. */
export function choice(
  label: string,
  options: readonly (readonly [string, string])[],
  act: (value: string) => void = () => undefined
): HTMLSelectElement {
  const node = element('select', 'jp-ReactiveTable-choice');
  node.setAttribute('aria-label', label);
  node.append(...options.map(([value, text]) => new Option(text, value)));
  node.addEventListener('change', () => {
    act(node.value);
  });
  return node;
}

export function field(label: string, placeholder = ''): HTMLInputElement {
  const node = element('input', 'jp-ReactiveTable-field');
  node.setAttribute('aria-label', label);
  node.placeholder = placeholder;
  return node;
}
