"""What each titration table does to a virtual type 2 cohort, with every refusal, hold and limit in force.

Run: PYTHONPATH=tests python tests/benchmarks/titration_tables.py. The cohort is calibrated to Treat-to-Target;
it compares tables and predicts nobody. Prints one row for each table and set of limits.
"""

import numpy as np
from titration_case import LIMITS, NOW, WEEKLY_LIMITS, labs, meter, order, record, with_series

from models.assessment import Assessment
from models.dosing.basal_case import TitrationRule
from models.dosing.basal_titration import assess
from models.dosing.titration_table import find_table
from models.simulation.type2_cohort import Titration, Type2Cohort, draw_cohort, run_titration

PEOPLE, DAYS, SEED = 60, 168, 7
MORNING_DAYS_AGO = 5 / 24
GOAL_MGDL = 130.0
ARMS = (
    ("ada-basal", LIMITS, 3),
    ("two-zero-two", LIMITS, 3),
    ("predictive-303", LIMITS, 3),
    ("treat-to-target-2003", LIMITS, 7),
    ("treat-to-target-2003", WEEKLY_LIMITS, 7),
)


def titration(cohort: Type2Cohort, rule: TitrationRule, cadence_days: int) -> Titration:
    """The whole model as a rule for the cohort: no answer leaves the dose as it is."""

    def titrate(dose_u, fasting):
        return np.array([one(*person) for person in zip(dose_u, fasting, cohort.weight_kg, strict=True)])

    def one(dose_u, fasting, weight_kg):
        days_ago = MORNING_DAYS_AGO + np.arange(fasting.size)[::-1]
        readings = list(zip(days_ago, np.round(fasting), strict=True))
        taken = order(float(dose_u), max(cadence_days, float(fasting.size)))
        rec = with_series(
            record(insulin_orders=(taken,)),
            GLUCOSE_SMBG=meter(readings),
            BODY_WEIGHT=labs("body_weight", "kg", [(5, float(weight_kg))]),
        )
        answer = assess(rec, taken, NOW, rule, rec.zone)
        return answer.result.proposed_dose_u if isinstance(answer, Assessment) else dose_u

    return titrate


def main() -> None:
    print(f"{PEOPLE} people, {DAYS} days, seed {SEED}")
    print(
        "table                 limits    dose units/kg  fasting mg/dL  at goal %  HbA1c %  days to goal  <72 /year  <56 /year"
    )
    for table, limits, cadence in ARMS:
        rng = np.random.default_rng(SEED)
        cohort = draw_cohort(PEOPLE, rng)
        rule = TitrationRule(find_table(table), limits)
        course = run_titration(cohort, titration(cohort, rule, cadence), rng, DAYS, cadence)
        week = course.fasting_mgdl.reshape(PEOPLE, -1, 7).mean(axis=2)
        reached = np.where((week <= GOAL_MGDL).any(axis=1), (week <= GOAL_MGDL).argmax(axis=1) * 7.0, np.nan)
        print(
            f"{table:22s}{'weekly' if limits is WEEKLY_LIMITS else 'usual':10s}"
            f"{np.mean(course.dose_u[:, -1] / cohort.weight_kg):13.2f}{week[:, -1].mean():15.0f}"
            f"{100 * np.mean(week[:, -1] <= GOAL_MGDL):11.0f}{course.hba1c_percent[:, -1].mean():9.2f}"
            f"{np.nanmedian(reached):14.0f}{course.lows_per_patient_year():11.1f}"
            f"{course.lows_per_patient_year(56):11.1f}"
        )


if __name__ == "__main__":
    main()
