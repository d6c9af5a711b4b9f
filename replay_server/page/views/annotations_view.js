/** The annotations on the episode's steps: a list to read, to go to their steps, and to change them. */

import { element } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { formatCount } from "../shell/numbers.js";

/** @import { Annotation } from "../source/annotations.js" */

export class AnnotationsView {
  node = element("section", { class: "panel annotations", "aria-label": "Annotations", hidden: true });

  #list = element("ul", { class: "annotation-list" });
  /** @type {{annotation: Annotation, item: HTMLElement}[]} */
  #items = [];
  /** @type {?number} */
  #shownStep = null;
  #on;

  /**
   * @param {{seek: function(number): void, edit?: function(Annotation): void}} on go to a step's number; change an
   *   annotation, if that is possible
   */
  constructor(on) {
    this.#on = on;
    this.node.append(element("h2", {}, "Annotations"), this.#list);
  }

  /** @param {Annotation[]} annotations */
  show(annotations) {
    this.node.hidden = !annotations.length;
    this.#items = annotations.map((annotation) => ({ annotation, item: this.#item(annotation) }));
    this.#list.replaceChildren(...this.#items.map(({ item }) => item));
    this.#shownStep = null;
  }

  /**
   * Highlight the annotations on the step with this number, and scroll them into view.
   *
   * @param {number} step
   */
  draw(step) {
    if (step === this.#shownStep) return;
    this.#shownStep = step;
    for (const { annotation, item } of this.#items) {
      if (step >= annotation.step && step < (annotation.end_step ?? annotation.step + 1))
        item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    }
    const first = this.#list.querySelector("[aria-current]");
    if (first instanceof HTMLElement) this.#list.scrollTop = first.offsetTop - this.#list.offsetTop;
  }

  /** @param {Annotation} annotation */
  #item(annotation) {
    const { step, end_step: end, label, text, author } = annotation;
    const steps = end === null ? formatCount(step) : `${formatCount(step)} to ${formatCount(end - 1)}`;
    return element(
      "li",
      {},
      element(
        "button",
        { type: "button", class: "annotation-go", title: "Go to this step", on: { click: () => this.#on.seek(step) } },
        element("span", { class: "muted number" }, [`step ${steps}`, author].filter(Boolean).join(" · ")),
        label && element("span", { class: "annotation-label" }, label),
        element("span", { class: "annotation-text" }, text),
      ),
      this.#on.edit && editButton(annotation, this.#on.edit),
    );
  }
}

/**
 * @param {Annotation} annotation
 * @param {function(Annotation): void} edit
 */
function editButton(annotation, edit) {
  return element(
    "button",
    {
      type: "button",
      class: "button icon-button",
      title: "Change this annotation",
      "aria-label": `Change the annotation at step ${annotation.step}`,
      on: { click: () => edit(annotation) },
    },
    icon("annotation"),
  );
}
