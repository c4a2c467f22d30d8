// The page of all patients: asks for the rows, which the server has escaped, when opened and on demand.
"use strict";

const progress = document.getElementById("progress");
const again = document.getElementById("ask-again");

async function ask() {
  again.disabled = true;
  progress.textContent = "Asking the services about every patient …";
  try {
    const response = await fetch("/risks/rows", { method: "POST" });
    if (!response.ok) throw new Error(`status ${response.status}`);
    document.getElementById("rows").innerHTML = await response.text();
    progress.textContent = `Asked at ${new Date().toLocaleTimeString()}. Risks change: ask again before acting on them.`;
  } catch (failure) {
    document.getElementById("rows").replaceChildren();
    progress.textContent = `Nothing is known about any patient: the question failed (${failure.message}).`;
  } finally {
    again.disabled = false;
  }
}

again.addEventListener("click", ask);
ask();
