// Makes requests of the forms, and shows what comes back.
"use strict";

const token = document.getElementById("token");
token.value = sessionStorage.getItem("token") ?? "";
token.addEventListener("input", () => sessionStorage.setItem("token", token.value));
document.getElementById("who").addEventListener("submit", (event) => event.preventDefault());

// Whoever has signed in is shown, and stays signed in while this page is open.
async function signedIn() {
  const place = document.getElementById("signed-in");
  // Nobody can sign in here.
  if (!place) return;
  const answer = await fetch("/v1/system:whoAmI");
  if (!answer.ok) return;
  const { name } = await answer.json();
  const out = Object.assign(document.createElement("a"), { href: "/logout", textContent: "Sign out" });
  place.replaceChildren(`Signed in as ${name}. `, out);
  setInterval(() => fetch("/auth/renew", { method: "POST" }), 60_000);
}
signedIn();

// The address, the headers and the body that a form stands for. What is left empty is not sent.
function request(form) {
  const { method, path } = form.dataset;
  const headers = {};
  const query = new URLSearchParams();
  let url = path;
  for (const input of form.querySelectorAll("input")) {
    if (input.value === "") continue;
    if (input.dataset.in === "path") url = url.replace(`{${input.name}}`, encodeURIComponent(input.value));
    if (input.dataset.in === "query") query.append(input.name, input.value);
    if (input.dataset.in === "header") headers[input.name] = input.value;
  }
  if (query.size > 0) url += `?${query}`;
  if (token.value) headers.authorization = `Bearer ${token.value}`;
  const body = form.querySelector("textarea")?.value;
  if (body) headers["content-type"] = "application/json";
  return [url, { method, headers, body }];
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send(form, signal) {
  const answer = form.querySelector(".answer");
  const [url, options] = request(form);
  answer.hidden = false;
  answer.textContent = `${options.method} ${url} …`;
  const response = await fetch(url, { ...options, signal });
  const head = `${response.status} ${response.statusText}\n\n`;
  if (response.headers.get("content-type") !== "application/x-ndjson") {
    answer.textContent = head + pretty(await response.text());
    return;
  }
  answer.textContent = head;
  const decoder = new TextDecoder();
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    answer.append(decoder.decode(value, { stream: true }));
  }
}

for (const form of document.querySelectorAll("form.try")) {
  const stop = form.querySelector(".stop");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const controller = new AbortController();
    stop.onclick = () => controller.abort();
    stop.hidden = false;
    try {
      await send(form, controller.signal);
    } catch (error) {
      form.querySelector(".answer").append(`\n${error.name === "AbortError" ? "stopped" : error}`);
    } finally {
      stop.hidden = true;
    }
  });
}

// A link to a call opens it.
function open() {
  const call = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (call instanceof HTMLDetailsElement) call.open = true;
}
addEventListener("hashchange", open);
open();
