/** The page's elements by id: one that is missing is a mistake in index.html. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- whoever asks knows what it is
export function $<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (!found) throw new Error(`#${id} is missing`);
  return found as Kind;
}

export function onClick(id: string, act: () => unknown): void {
  $(id).addEventListener("click", () => void act());
}

export function showAvatar(id: string | HTMLElement, name: string): void {
  const initials = name.match(/(?<=^|\s)[\p{L}\p{N}]/gu) ?? Array.from(new Intl.Segmenter().segment(name), ({ segment }) => segment);
  (typeof id === "string" ? $(id) : id).textContent = initials.slice(0, 2).join("").toUpperCase();
}

export type View = "loading" | "sign-in" | "home" | "call";

export function showView(view: View): void {
  const wasLoading = document.body.dataset["view"] === "loading";
  document.body.dataset["view"] = view;
  const isNew = $(`view-${view}`).hidden && !wasLoading;
  for (const each of ["loading", "sign-in", "home", "call"]) $(`view-${each}`).hidden = each !== view;
  // Who uses a keyboard or a screen reader goes on where the new view begins, not at the top of the page.
  const isLost = document.activeElement === document.body || document.activeElement?.closest("[hidden]");
  if (isNew && isLost) $(`view-${view}`).querySelector("h1")?.focus({ preventScroll: true });
}

/** Says what went wrong, until it is dismissed or the next thing is said. */
export function alertPerson(text: string): void {
  $("alert-text").textContent = text;
  $("alert").hidden = text === "";
}

/** What was said is no longer so; anything else that has been said since stays. */
export function withdrawAlert(text: string): void {
  if ($("alert-text").textContent === text) alertPerson("");
}
