// The chart page: opens the chart (patient-view), drafts an order (order-select), signs it (order-sign),
// applies suggestions to the draft and sends feedback. HTML that is inserted was escaped by the server.
"use strict";

const chart = document.getElementById("chart");
const base = `/patients/${encodeURIComponent(chart.dataset.patient)}`;
const form = document.getElementById("order");
const field = (id) => document.getElementById(id);
const state = { draft: null, asked: 0, confirmed: false, drafting: Promise.resolve(), drafted: false };

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.issue ? answer.issue[0].diagnostics : response.statusText);
  return answer;
}

function prefetch() {
  return document.querySelector("input[name=reading]:checked").value === "prefetch";
}

async function fire(hook, body, region) {
  const turn = hook === "patient-view" ? null : ++state.asked;
  field("progress").textContent = `Asking the services about ${hook} …`;
  try {
    const answer = await post(`${base}/hooks/${hook}`, { ...body, prefetch: prefetch() });
    if (turn !== null && turn !== state.asked) return null; // a newer draft was asked about meanwhile
    field(region).innerHTML = answer.cards;
    field("panel").innerHTML = answer.panel || "<p>No call was made.</p>";
    field("progress").textContent =
      `${hook}: ${answer.findings} card${answer.findings === 1 ? "" : "s"}` +
      (answer.failures ? `, ${answer.failures} service${answer.failures === 1 ? "" : "s"} did not answer` : "");
    return answer;
  } catch (failure) {
    field("progress").textContent = `${hook} failed: ${failure.message}`;
    return null;
  }
}

function dose(draft) {
  const rates = draft.dosageInstruction?.[0]?.doseAndRate;
  return rates?.[0]?.doseQuantity?.value;
}

function show(draft, words) {
  state.draft = draft;
  state.drafted = true;
  state.confirmed = false;
  field("draft").textContent = draft ? JSON.stringify(draft, null, 2) : "none";
  offerSigning();
  field("sign").textContent = "Sign order";
  field("discard").disabled = !draft;
  field("order-state").textContent = words;
}

function offerSigning() {
  field("sign").disabled = !form.rxcui.value || !form.units.value;
}

function select() {
  state.drafted = false; // until the draft says what the form says, nothing is signed
  state.drafting = draftAgain();
}

async function draftAgain() {
  if (!form.rxcui.value) return discard();
  const filled = { rxcui: form.rxcui.value, units: form.units.value, when: form.when.value };
  if (state.draft) filled.id = state.draft.id;
  field("order-state").textContent = "Drafting …";
  const answer = await fire("order-select", { form: filled }, "order-cards");
  if (answer) show(answer.draft, `Draft: ${form.units.value || "dose missing, no"} units ${form.when.selectedOptions[0].text}`);
}

function discard() {
  state.asked += 1; // an answer that is still on its way belongs to the draft that is thrown away
  form.reset();
  field("order-cards").replaceChildren();
  show(null, "No draft yet. Choosing an insulin fires order-select.");
}

async function sign(event) {
  event.preventDefault();
  await state.drafting; // leaving the dose field with this very click drafts again
  if (!state.drafted || !state.draft || dose(state.draft) === undefined) {
    field("order-state").textContent = "Not signed: there is no draft of what the form says.";
    return;
  }
  if (!state.confirmed) {
    const answer = await fire("order-sign", { draft: state.draft }, "order-cards");
    if (!answer) return;
    if (answer.findings || answer.failures) {
      state.confirmed = true;
      field("sign").textContent = "Sign anyway";
      field("order-state").textContent = "Read the cards, then sign or change the draft.";
      return;
    }
  }
  try {
    const answer = await post(`${base}/orders`, { draft: state.draft });
    discard();
    field("order-state").textContent = `Signed: ${answer.signed}. It is among the orders once the chart is opened anew.`;
  } catch (failure) {
    field("order-state").textContent = `Not signed: ${failure.message}`;
  }
}

async function tell(card, body) {
  const outcome = card.querySelector(".outcome");
  const sent = { service: card.dataset.service, card: card.dataset.card, ...body };
  try {
    const answer = await post("/feedback", sent);
    outcome.textContent =
      answer.status === 200 ? `Feedback sent: ${body.outcome}.` : `Feedback not stored (status ${answer.status}).`;
  } catch (failure) {
    outcome.textContent = `Feedback not sent: ${failure.message}`;
  }
}

function apply(action) {
  const resource = action.resource;
  if (resource?.resourceType !== "MedicationRequest") return false;
  const updates = action.type === "update" && state.draft && resource.id === state.draft.id;
  const creates = action.type === "create" && !state.draft;
  if (!updates && !creates) return false;
  if (creates) resource.id = `draft-${crypto.randomUUID()}`;
  form.rxcui.value = resource.medicationCodeableConcept.coding[0].code;
  form.units.value = dose(resource) ?? "";
  show(resource, `Draft changed by a suggestion: ${form.units.value} units`);
  return true;
}

async function accept(button) {
  const card = button.closest(".card");
  const actions = JSON.parse(button.dataset.actions);
  if (!actions.every(apply)) {
    card.querySelector(".outcome").textContent = "This suggestion does not fit the current draft; nothing was changed.";
    return;
  }
  for (const other of card.querySelectorAll(".accept")) other.disabled = true;
  await tell(card, { outcome: "accepted", suggestion: button.dataset.suggestion });
}

async function override(event) {
  event.preventDefault();
  const card = event.target.closest(".card");
  const reason = event.target.reason.value;
  await tell(card, {
    outcome: "overridden",
    reason: reason ? JSON.parse(reason) : null,
    comment: event.target.comment.value,
  });
  event.target.closest("details").open = false;
}

function choose() {
  const known = field("units").dataset;
  form.units.value = form.rxcui.value === known.currentProduct ? known.currentUnits : "";
  select();
}

document.querySelector(".advice").addEventListener("click", (event) => {
  const button = event.target.closest(".accept");
  if (button) accept(button);
});
document.querySelector(".advice").addEventListener("submit", override);
field("rxcui").addEventListener("change", choose);
field("units").addEventListener("input", offerSigning);
field("units").addEventListener("change", select);
field("when").addEventListener("change", select);
field("discard").addEventListener("click", discard);
field("again").addEventListener("click", () => fire("patient-view", {}, "view-cards"));
form.addEventListener("submit", sign);
discard();
fire("patient-view", {}, "view-cards");
