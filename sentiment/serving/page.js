// Asks the server for the probability and the weights of the words while a text is typed.
"use strict";

const PAUSE = 250; // milliseconds without a key before the server is asked
const STRONGEST = 0.65; // the opacity of the strongest word, so that the letters stay readable
const LISTED = 5;
const [text, model, other, said, failed, answers] =
  ["text", "model", "other", "said", "failed", "answers"].map((id) => document.getElementById(id));
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
  const body = JSON.stringify({ instances: [text.value] });
  return asked(`v1/models/${encodeURIComponent(name)}:explain`, { method: "POST", body, signal })
    .then(({ predictions, notes }) => ({ ...predictions[0], notes }));
}

function percent(value) {
  return `${(100 * value).toFixed(1)} %`;
}

function bar(label, score) {
  const fill = element("div", "fill");
  fill.style.width = percent(score).replace(" ", "");
  return element("div", "bar", element("span", "", label), element("div", "track", fill),
    element("span", "percent", percent(score)));
}

function coloured(answer) {
  const largest = Math.max(1e-12, ...answer.words.map((one) => Math.abs(one.weight)));
  const words = element("p", "words");
  for (const { word, weight, known } of answer.words) {
    const span = element("span", (weight >= 0 ? "for" : "against") + (known ? "" : " unknown"), word);
    span.style.setProperty("--a", (STRONGEST * Math.abs(weight) / largest).toFixed(2));
    span.title = known ? weight.toFixed(3) : "not in the vocabulary";
    words.append(span, " ");
  }
  return words;
}

function listed(answer, sign) {
  const found = answer.words.filter((one) => one.weight * sign > 0.0005)
    .sort((one, two) => sign * (two.weight - one.weight)).slice(0, LISTED);
  const text = found.map((one) => `${one.word} ${one.weight > 0 ? "+" : "−"}${Math.abs(one.weight).toFixed(2)}`);
  return text.length ? text.join(", ") : "no word";
}

function shown(name, answer) {
  const part = element("section", "", element("h2", "", name));
  const order = answer.scores.map((_, index) => index).sort((one, two) => answer.scores[two] - answer.scores[one]);
  for (const index of order) part.append(bar(answer.classes[index], answer.scores[index]));
  for (const note of answer.notes) part.append(element("p", "failed", `Note: ${note}.`));
  if (answer.remark) part.append(element("p", "failed", `Do not rely on this answer: ${answer.remark}.`));
  part.append(element("h3", "", `Words for and against “${answer.explained}”`), coloured(answer));
  part.append(element("p", "soft", element("b", "for", "For:"), " ", listed(answer, 1)));
  part.append(element("p", "soft", element("b", "against", "Against:"), " ", listed(answer, -1)));
  if (answer.words.some((one) => !one.known)) {
    part.append(element("p", "soft", "Words with a dotted line are not in the vocabulary."));
  }
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
  model.addEventListener("change", answer);
  other.addEventListener("change", answer);
  const linked = new URLSearchParams(location.hash.slice(1)); // a link to a text: /#text=...&model=...&other=...
  for (const field of [text, model, other]) {
    if (linked.has(field.id)) field.value = linked.get(field.id);
  }
  if (text.value) answer();
}

start();
