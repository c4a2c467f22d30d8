"""Writes the requests of tests/golden/vital-signs-review: small, made by rule, the same every time.

Each signal comes as one SampledData Observation, so that four weeks stay readable in a diff.
Run `python tests/golden/make_vital_signs_requests.py` after a change here, then look at what changed.
"""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("vital-signs-review")
AS_OF = datetime(2026, 5, 15, 12, 0, tzinfo=UTC)
ZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
LOINC = "http://loinc.org"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
APPLE = "http://developer.apple.com/documentation/healthkit"
DAYS = 28
DAY_MS = 86_400_000
HOUR_MS = 3_600_000

Resource = dict[str, Any]


def patient(zone: str | None = "America/New_York", born: str = "1958-02-11") -> Resource:
    made = {"resourceType": "Patient", "id": "p1", "birthDate": born, "gender": "male"}
    return made | ({"extension": [{"url": ZONE, "valueCode": zone}]} if zone else {})


def bundle(*resources: Resource) -> Resource:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources]}


def condition(code: str, name: str) -> Resource:
    return {
        "resourceType": "Condition",
        "id": f"c-{code}",
        "subject": {"reference": "Patient/p1"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": ICD, "code": code}], "text": name},
    }


def observation(name: str, code: str, effective: Resource, value: Resource, system: str = LOINC) -> Resource:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": "Patient/p1"},
        "device": {"display": "watch"},
        **effective,
        **value,
    }


def quantity(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def sampled(code: str, unit: str, values: Sequence[float], end: datetime, period_ms: int) -> Resource:
    """One Observation whose last sample is taken at `end`."""
    start = end - timedelta(milliseconds=period_ms * (len(values) - 1))
    return observation(
        f"o-{code}",
        code,
        {"effectivePeriod": {"start": start.isoformat(), "end": end.isoformat()}},
        {
            "valueSampledData": {
                "origin": quantity(0, unit),
                "period": period_ms,
                "dimensions": 1,
                "data": " ".join(f"{value:g}" for value in values),
            }
        },
    )


def spot(code: str, unit: str, value: float, hours_ago: float, name: str = "") -> Resource:
    """One reading."""
    at = AS_OF - timedelta(hours=hours_ago)
    return observation(
        name or f"spot-{code}",
        code,
        {"effectiveDateTime": at.isoformat()},
        {"valueQuantity": quantity(value, unit)},
    )


def wobble(day: int, size: float, phase: float = 0.0) -> float:
    """A day-to-day variation without trend, within plus and minus `size`."""
    return size * math.sin(2.4 * day + phase)


def daily(level: float, size: float, shift: float = 0.0, days: int = 3, digits: int = 1) -> list[float]:
    """A value a day; the last `days` shifted."""
    return [
        round(level + wobble(day, size, level) + (shift if day >= DAYS - days else 0), digits)
        for day in range(DAYS)
    ]


MORNING = AS_OF - timedelta(hours=2)
"""06:00 in New York: when the values of the last night are read."""


def resting(shift: float = 0.0, days: int = 3, level: float = 58) -> Resource:
    return sampled("40443-4", "/min", daily(level, 2, shift, days, 0), MORNING, DAY_MS)


def breathing(shift: float = 0.0, days: int = 3) -> Resource:
    return sampled("9279-1", "/min", daily(14.5, 0.5, shift, days), MORNING, DAY_MS)


def variability(shift: float = 0.0, days: int = 3) -> Resource:
    return sampled("80404-7", "ms", daily(55, 6, shift, days, 0), MORNING, DAY_MS)


def oxygen(shift: float = 0.0, days: int = 3) -> Resource:
    return sampled("59408-5", "%", daily(96.4, 0.6, shift, days, 0), MORNING, DAY_MS)


def temperature(shift: float = 0.0, days: int = 3, unit: str = "Cel") -> Resource:
    celsius = daily(36.5, 0.15, shift, days)
    values = celsius if unit == "Cel" else [round(c * 1.8 + 32, 2) for c in celsius]
    return sampled("8310-5", unit, values, MORNING, DAY_MS)


def pulse(worn_until_days_ago: float = 0.0) -> Resource:
    """Heart rate every hour, slower at night; ends when the watch was taken off."""
    end = AS_OF - timedelta(hours=1, days=worn_until_days_ago)
    hours = round(24 * (DAYS - worn_until_days_ago))
    values = []
    for hour in range(hours):
        at = end - timedelta(hours=hours - 1 - hour) - timedelta(hours=4)
        values.append(round(66 + 9 * math.sin((at.hour - 9) / 24 * 2 * math.pi) + wobble(hour, 3)))
    return sampled("8867-4", "/min", values, end, HOUR_MS)


def steps(factor: float = 1.0, days: int = 4) -> list[Resource]:
    """A total a day, dated in New York; the day of the question is not over and has none."""
    found = []
    for day in range(DAYS - 1):
        count = (7800 + wobble(day, 1500)) * (factor if day >= DAYS - 1 - days else 1)
        date = (AS_OF - timedelta(days=DAYS - 1 - day)).date().isoformat()
        value = {"valueQuantity": quantity(round(count), "{steps}/d")}
        found.append(observation(f"steps-{day}", "41950-7", {"effectiveDateTime": date}, value))
    return found


def sleep() -> Resource:
    return sampled("93832-4", "min", daily(430, 35, digits=0), MORNING, DAY_MS)


def pressure(systolic: float, diastolic: float, readings: int = 14, newest_h: float = 15) -> list[Resource]:
    """Two cuff readings a day, the last one yesterday evening unless said otherwise."""
    found = []
    for number in range(readings):
        at = AS_OF - timedelta(hours=newest_h + 12 * number)
        components = [
            {
                "code": {"coding": [{"system": LOINC, "code": code}]},
                "valueQuantity": quantity(round(value + wobble(number, 5)), "mm[Hg]"),
            }
            for code, value in (("8480-6", systolic), ("8462-4", diastolic))
        ]
        effective = {"effectiveDateTime": at.isoformat()}
        found.append(observation(f"bp-{number}", "85354-9", effective, {"component": components}))
    return found


def night_oxygen(low_nights: int) -> list[Resource]:
    """Saturation every 20 minutes from 00:00 to 05:40 in New York; the last nights half of it low."""
    found = []
    for night in range(14):
        low = night >= 14 - low_nights
        values = [87 if low and slot % 2 else 95 for slot in range(18)]
        end = datetime(2026, 5, 15, 9, 40, tzinfo=UTC) - timedelta(days=13 - night)
        chunk = sampled("59408-5", "%", values, end, 20 * 60_000)
        found.append(chunk | {"id": f"night-{night}"})
    return found


def ecg(days_ago: int, word: str) -> Resource:
    """A device ECG as exporters write it: the class is a component."""
    at = (AS_OF - timedelta(days=days_ago)).isoformat()
    component = {
        "code": {"coding": [{"system": APPLE, "code": "HKElectrocardiogram.Classification"}]},
        "valueString": word,
    }
    return observation(
        f"ecg-{days_ago}",
        "HKElectrocardiogram",
        {"effectiveDateTime": at},
        {"component": [component]},
        APPLE,
    )


def burden(percent: float, days_ago: int) -> Resource:
    at = (AS_OF - timedelta(days=days_ago)).isoformat()
    code = "HKQuantityTypeIdentifierAtrialFibrillationBurden"
    value = {"valueQuantity": quantity(percent, "%")}
    return observation(f"burden-{days_ago}", code, {"effectiveDateTime": at}, value, APPLE)


def weights(*kg: float, unit: str = "kg") -> list[Resource]:
    """Weighings on the last days, the last one today."""
    factor = 1.0 if unit == "kg" else 1 / 0.45359237
    return [
        spot("29463-7", unit, round(value * factor, 2), 24 * (len(kg) - 1 - n) + 3, f"weight-{n}")
        for n, value in enumerate(kg)
    ]


def watch(**changes: Resource) -> list[Resource]:
    """Everything a watch sends, with some signals replaced."""
    made = {
        "resting": resting(),
        "breathing": breathing(),
        "variability": variability(),
        "oxygen": oxygen(),
        "temperature": temperature(),
        "pulse": pulse(),
    }
    return list((made | changes).values())


def infection(unit: str = "Cel") -> list[Resource]:
    return watch(resting=resting(9), breathing=breathing(3), temperature=temperature(1.1, unit=unit))


def stopped(resource: Resource, days: int) -> Resource:
    """The same series without its last days."""
    end = datetime.fromisoformat(resource["effectivePeriod"]["end"]) - timedelta(days=days)
    values = [float(v) for v in resource["valueSampledData"]["data"].split()]
    code = resource["code"]["coding"][0]["code"]
    unit = resource["valueSampledData"]["origin"]["code"]
    return sampled(code, unit, values[: len(values) - days], end, DAY_MS)


FRESH = (
    spot("8867-4", "/min", 112, 0.4), spot("9279-1", "/min", 23, 0.4), spot("59408-5", "%", 94, 0.4),
    spot("8310-5", "Cel", 38.6, 0.4), *pressure(104, 62, 1, 0.4),
)  # fmt: skip

NONE = bundle()
COPD, FIBRILLATION = condition("J44.9", "COPD"), condition("I48.91", "Atrial fibrillation")
HEART_FAILURE = condition("I50.9", "Heart failure")
PREGNANT = condition("Z33.1", "Pregnant state")
ERROR = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
ACTIVE = bundle(*steps(), sleep())


def prefetch(*vital_signs: Resource, **changes: Any) -> dict[str, Any]:
    made = {"patient": patient(), "vital-signs": bundle(*vital_signs), "activity": ACTIVE, "conditions": NONE}
    return made | changes


CASES: dict[str, dict[str, Any]] = {
    "nothing-changed": prefetch(*watch(), *pressure(118, 72)),
    "infection": prefetch(*infection()),
    "fahrenheit": prefetch(*infection("[degF]")),
    "infection-copd": prefetch(*watch(breathing=breathing(3), oxygen=oxygen(-4)), conditions=bundle(COPD)),
    "resting-heart-rate-rising": prefetch(*watch(resting=resting(8, 5))),
    "oxygen-low-now": prefetch(*watch(), spot("59408-5", "%", 84, 0.3)),
    "oxygen-low-two-hours-ago": prefetch(*watch(), spot("59408-5", "%", 84, 1.9)),
    "oxygen-low-copd": prefetch(*watch(), spot("59408-5", "%", 89, 0.3), conditions=bundle(COPD)),
    "pulse-high-not-known-at-rest": prefetch(*watch(), spot("8867-4", "/min", 148, 0.2)),
    "fresh-set-of-vital-signs": prefetch(*FRESH, activity=NONE),
    "home-pressure-above-target": prefetch(*pressure(146, 86), activity=NONE),
    "home-pressure-undecided": prefetch(*pressure(130, 76), activity=NONE),
    "few-pressure-readings": prefetch(*pressure(150, 92, 4), activity=NONE),
    "fever-of-the-night": prefetch(
        *watch(), spot("8310-5", "Cel", 39.6, 8, "fever"), spot("8310-5", "Cel", 37.0, 0.5, "later")
    ),
    "pressure-severe-in-pregnancy": prefetch(
        *watch(), *pressure(165, 112, 1, 0.3), patient=patient(born="1994-03-03"), conditions=bundle(PREGNANT)
    ),
    "nights-low": prefetch(*night_oxygen(3), activity=NONE),
    "fibrillation-reported": prefetch(
        *watch(), ecg(9, "sinusRhythm"), ecg(6, "atrialFibrillation"), burden(7.0, 5)
    ),
    "fibrillation-known": prefetch(*watch(), burden(12.0, 5), conditions=bundle(FIBRILLATION)),
    "burden-ambiguous": prefetch(*watch(), burden(0.4, 5)),
    "weight-gain-heart-failure": prefetch(
        *weights(81.2, 81.0, 81.3, 81.1, 82.6, 83.1, 83.8), activity=NONE, conditions=bundle(HEART_FAILURE)
    ),
    "activity-collapsed": prefetch(*watch(), activity=bundle(*steps(0.25), sleep())),
    "wear-unknown": prefetch(resting(), activity=bundle(*steps(0.25))),
    "watch-stopped": prefetch(*(stopped(r, 4) for r in (resting(), breathing(), oxygen())), activity=NONE),
    "sparse": prefetch(
        sampled("40443-4", "/min", daily(58, 2, digits=0)[-5:], MORNING, DAY_MS),
        spot("9279-1", "/min", 15, 30),
        activity=NONE,
    ),
    "zone-unknown": prefetch(*infection(), patient=patient(zone=None)),
    "age-unknown": prefetch(*infection(), patient={"resourceType": "Patient", "id": "p1"}),
    "child": prefetch(*infection(), patient=patient(born="2015-01-01")),
    "activity-failed": prefetch(*watch(), activity=ERROR),
    "no-data": prefetch(activity=NONE),
}


def request(entries: dict[str, Any]) -> dict[str, Any]:
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ab82-33b2ec2a2b1c",
        "context": {"userId": "Practitioner/dr-1", "patientId": "p1"},
        "prefetch": entries,
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "as_of").write_text("2026-05-15T12:00:00Z\n", encoding="utf-8")
    for name, entries in CASES.items():
        text = json.dumps(request(entries), indent=1) + "\n"
        (FOLDER / f"{name}.request.json").write_text(text, encoding="utf-8")
