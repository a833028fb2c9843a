// Asks the server for the probability and the weights of the words while a text is typed.
"use strict";

const PAUSE = 250; // milliseconds without a key before the server is asked
const STRONGEST = 0.65; // the opacity of the strongest word, so that the letters stay readable
const STRONG = 0.2; // share of the largest weight from which a word is underlined
const LISTED = 5;
const MOST_CLASSES = 10; // that are shown at once
const [text, model, other, said, failed, answers, trained] =
  ["text", "model", "other", "said", "failed", "answers", "trained"].map((id) => document.getElementById(id));
let timer = 0;
let running = new AbortController();

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

async function asked(path, options) {
  const headers = { "content-type": "application/json" };
  const token = sessionStorage.getItem("token");
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(path, { ...options, headers });
  if (response.status === 401) {
    const given = prompt("The token of this server");
    if (given) {
      sessionStorage.setItem("token", given.trim());
      return asked(path, options);
    }
  }
  const body = await response.json();
  if (!response.ok) throw new Error(body.error);
  return body;
}

function explained(name, signal) {
  const asking = text.value;
  const body = JSON.stringify({ instances: [asking] });
  return asked(`v1/models/${encodeURIComponent(name)}:explain`, { method: "POST", body, signal })
    .then(({ predictions, notes }) => ({ ...predictions[0], notes, text: asking }));
}

function percent(value) {
  return `${(100 * value).toFixed(1)} %`;
}

function bars(answer, order) {
  const grid = element("div", "bars");
  for (const index of order) {
    const fill = element("div", "fill");
    fill.style.width = percent(answer.scores[index]).replace(" ", "");
    grid.append(element("span", "", answer.classes[index]), element("div", "track", fill),
      element("span", "percent", percent(answer.scores[index])));
  }
  return grid;
}

function coloured(answer) {
  const largest = Math.max(1e-12, ...answer.words.map((one) => Math.abs(one.weight)));
  const words = element("p", "words");
  words.dir = "auto";
  const characters = Array.from(answer.text); // code points, which the server counts in
  const between = (start, end) => {
    const part = characters.slice(start, end).join("");
    words.append(/[\p{L}\p{N}]/u.test(part) ? element("span", "unread", part) : part); // markup, or beyond the length
  };
  let place = 0;
  for (const { start, end, weight, known } of answer.words) {
    between(place, start);
    const share = Math.abs(weight) / largest;
    const span = element("span", weight >= 0 ? "for" : "against", characters.slice(start, end).join(""));
    span.classList.toggle("strong", share >= STRONG);
    span.classList.toggle("unknown", !known);
    span.style.setProperty("--a", (STRONGEST * share).toFixed(2));
    span.title = known ? signed(weight, 3) : "not in the vocabulary";
    words.append(span);
    place = end;
  }
  between(place, characters.length);
  return words;
}

function signed(value, digits) {
  return `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(digits)}`;
}

function listed(answer, sign) {
  const found = answer.words.filter((one) => one.weight * sign > 0.0005)
    .sort((one, two) => sign * (two.weight - one.weight)).slice(0, LISTED);
  const text = found.map((one) => `${one.word} ${signed(one.weight, 2)}`);
  return text.length ? text.join(", ") : "no word";
}

function shown(name, answer) {
  const part = element("section", "", element("h2", "", name));
  const order = answer.scores.map((_, index) => index).sort((one, two) => answer.scores[two] - answer.scores[one]);
  part.append(bars(answer, order.slice(0, MOST_CLASSES)));
  const others = order.slice(MOST_CLASSES);
  if (others.length) {
    part.append(element("details", "", element("summary", "", `${others.length} other classes`), bars(answer, others)));
  }
  for (const note of answer.notes) part.append(element("p", "failed", `Note: ${note}.`));
  if (answer.remark) part.append(element("p", "failed", `Do not rely on this answer: ${answer.remark}.`));
  part.append(element("h3", "", `Words for and against “${answer.explained}”`), coloured(answer));
  part.append(element("p", "soft", element("b", "for strong", "For:"), " ", listed(answer, 1)));
  part.append(element("p", "soft", element("b", "against strong", "Against:"), " ", listed(answer, -1)));
  const unknown = answer.words.some((one) => !one.known) ? "Words in a dotted frame are not in the vocabulary. " : "";
  const unread = part.querySelector(".unread") ? "Text in grey italics is not read." : "";
  if (unknown || unread) part.append(element("p", "soft", unknown, unread));
  return part;
}

function sentence(name, answer) {
  const remark = answer.remark && `, ${answer.remark}`;
  return `${name}: ${answer.explained}, ${percent(Math.max(...answer.scores))}${remark}`;
}

async function answer() {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  failed.hidden = true;
  if (!text.value.trim()) {
    answers.replaceChildren();
    said.textContent = "";
    return;
  }
  const names = [...new Set([model.value, other.value].filter(Boolean))];
  answers.classList.add("stale");
  try {
    const found = await Promise.all(names.map((name) => explained(name, signal)));
    answers.replaceChildren(...found.map((one, index) => shown(names[index], one)));
    said.textContent = found.map((one, index) => sentence(names[index], one)).join("; ");
  } catch (error) {
    if (error.name === "AbortError") return;
    failed.textContent = error instanceof TypeError ? "The server does not answer." : error.message;
    failed.hidden = false;
  }
  answers.classList.remove("stale");
}

async function describe() {
  const names = [...new Set([model.value, other.value].filter(Boolean))];
  const found = await Promise.all(names.map((name) => asked(`v1/models/${encodeURIComponent(name)}/metadata`)));
  trained.replaceChildren(...found.map(({ metadata }, index) => element("p", "", about(names[index], metadata))));
}

function about(name, { classes, trained_on: facts }) {
  const more = classes.length > MOST_CLASSES ? `, and ${classes.length - MOST_CLASSES} others` : "";
  const labels = `${classes.length} classes (${classes.slice(0, MOST_CLASSES).join(", ")}${more})`;
  if (!facts.data) return `${name} has ${labels}.`;
  const count = (value) => value.toLocaleString("en");
  return `${name} was trained on ${facts.data}: ${count(facts.texts)} texts in ${labels}${
    facts.date ? `, on ${facts.date}` : ""}. Its accuracy on ${count(facts.test_texts)} test texts is ${
    facts.test_accuracy.toFixed(4)}.`;
}

function changed() {
  describe().catch(() => trained.replaceChildren()); // it is not essential
  answer();
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(answer, PAUSE);
}

async function start() {
  const { models } = await asked("v1/models");
  model.append(...models.map((name) => new Option(name, name)));
  other.append(new Option("none", ""), ...models.map((name) => new Option(name, name)));
  document.getElementById("choice").hidden = models.length < 2;
  text.addEventListener("input", soon);
  model.addEventListener("change", changed);
  other.addEventListener("change", changed);
  for (const button of document.querySelectorAll("#examples button")) {
    button.addEventListener("click", () => {
      text.value = button.textContent;
      answer();
    });
  }
  const linked = new URLSearchParams(location.hash.slice(1)); // a link to a text: /#text=...&model=...&other=...
  for (const field of [text, model, other]) {
    if (linked.has(field.id)) field.value = linked.get(field.id);
  }
  changed();
}

start();
