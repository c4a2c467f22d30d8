// Runs oref0 autotune over patients: JSON lines {profile, days: [{entries, treatments}]} in, {basal, cr, isf} out.
// Each day starts from what the day before found; the limits are those of the first profile. Needs TZ=UTC.
"use strict";

const prepare = require("oref0/lib/autotune-prep");
const tune = require("oref0/lib/autotune");
const lines = require("readline").createInterface({ input: process.stdin });

const say = process.stdout.write.bind(process.stdout);
for (const chatter of ["log", "error", "warn"]) console[chatter] = () => {};
process.stderr.write = () => true;

function tuned({ profile, days }) {
  const pump = JSON.stringify(profile);
  let found = JSON.parse(pump);
  for (const { entries, treatments } of days) {
    const pumpprofile = JSON.parse(pump);
    const latestFirst = [...treatments].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
    const inputs = { history: latestFirst, profile: found, pumpprofile, carbs: {}, glucose: entries };
    const previousAutotune = JSON.parse(JSON.stringify(found));
    found = tune({ preppedGlucose: prepare(inputs), previousAutotune, pumpProfile: pumpprofile });
  }
  const isf = found.isfProfile.sensitivities[0].sensitivity;
  return { basal: found.basalprofile.map((block) => block.rate), cr: found.carb_ratio, isf };
}

lines.on("line", (line) => say(JSON.stringify(tuned(JSON.parse(line))) + "\n"));
