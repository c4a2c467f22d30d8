"""Make simglucose_0.2.11_3d.json.gz with the reference simulator. Run once, outside this project's environment:

    python3.11 -m venv oracle && oracle/bin/pip install setuptools==65.5.0 simglucose==0.2.11
    oracle/bin/python tests/golden/simulation/generate_simglucose_golden.py

30 virtual patients, three days, reference basal, four meals a day that differ between patients and days, each with a
bolus of carbs / carb ratio over three minutes. Glucose is kept every third minute, rounded to 0.01 mg/dL.
"""

import gzip
import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
from simglucose.patient import t1dpatient

DAYS, SAMPLE_MIN, BOLUS_MIN = 3, 3, 3
MEALS = [(7 * 60, 45), (12 * 60, 70), (15 * 60 + 30, 10), (18 * 60, 80)]


def meal_table(patient: int) -> list[list[int]]:
    """[minute, grams] of each meal: shifted and scaled by patient and day, always the same."""
    return [
        [day * 1440 + minute + (7 * patient + 11 * day) % 60, grams + (3 * patient + 5 * day) % 17]
        for day in range(DAYS)
        for minute, grams in MEALS
    ]


def trajectory(row: pd.Series, carb_ratio: float, meals: list[list[int]]) -> list[float]:
    # a plain namespace instead of the pandas row: same numbers, a hundred times faster
    patient = t1dpatient.T1DPatient(
        SimpleNamespace(**row.to_dict()), init_state=row.iloc[2:15].to_numpy(dtype=float).copy()
    )
    basal = row.u2ss * row.BW / 6000
    carbs = dict(meals)
    bolus = {at + i: grams / carb_ratio / BOLUS_MIN for at, grams in meals for i in range(BOLUS_MIN)}
    glucose = []
    for minute in range(DAYS * 1440):
        patient.step(t1dpatient.Action(CHO=carbs.get(minute, 0), insulin=basal + bolus.get(minute, 0.0)))
        if (minute + 1) % SAMPLE_MIN == 0:
            glucose.append(round(float(patient.observation.Gsub), 2))
    return glucose


def main() -> None:
    table = pd.read_csv(t1dpatient.PATIENT_PARA_FILE)
    quest = pd.read_csv(t1dpatient.PATIENT_PARA_FILE.replace("vpatient_params", "Quest"))
    cases = []
    for i, row in table.iterrows():
        meals = meal_table(i)
        carb_ratio = float(quest.CR[i])
        cases.append(
            {
                "name": row.Name,
                "carb_ratio_g_per_u": carb_ratio,
                "meals": meals,
                "glucose_mgdl": trajectory(row, carb_ratio, meals),
            }
        )
        print(row.Name, len(cases[-1]["glucose_mgdl"]), flush=True)
    golden = {
        "simglucose": "0.2.11",
        "days": DAYS,
        "sample_min": SAMPLE_MIN,
        "bolus_min": BOLUS_MIN,
        "cases": cases,
    }
    out = Path(__file__).with_name("simglucose_0.2.11_3d.json.gz")
    out.write_bytes(gzip.compress(json.dumps(golden, separators=(",", ":")).encode(), mtime=0))


if __name__ == "__main__":
    main()
