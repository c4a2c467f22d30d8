"""The payload of the speed measurements: 14 days of CGM, 112 vital signs and a Patient, as an EHR sends them.

Made from integers only, so that every run measures the same bytes. 4,032 CGM Observations in the shape of
the HL7 CGM guide with profile, identifier, issued, device, fullUrl and search mode: 3.95 MB.
"""

import json
from datetime import UTC, datetime, timedelta

PATIENT = "p-0001"
START = datetime(2026, 5, 1, tzinfo=UTC)
BASE = "https://ehr.example.org/fhir"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
MINUTES_PER_READING = 5


def stamp(moment: datetime) -> str:
    """An instant as FHIR writes it in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def glucose_mgdl(position: int) -> int:
    """A made-up curve between 62 and 262 mg/dL."""
    return 62 + (position * 7 + (position // 36) * 23) % 201


def observation(name: str, code: tuple[str, str], when: str, category: str) -> dict:
    """The members that all Observations of the payload share."""
    return {
        "resourceType": "Observation",
        "id": name,
        "meta": {"profile": [f"http://hl7.org/fhir/uv/cgm/StructureDefinition/{category}-reading"]},
        "identifier": [
            {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:00000000-0000-4000-8000-{name:0>12.12}"}
        ],
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": category,
                        "display": category.capitalize(),
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": LOINC, "code": code[0], "display": code[1]}], "text": code[1]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": when,
        "issued": when,
        "device": {"reference": "Device/cgm-sensor-1", "display": "Sensor 1"},
    }


def quantity(value: float, unit: str, shown: str) -> dict:
    """A Quantity in UCUM."""
    return {"value": value, "unit": shown, "system": UCUM, "code": unit}


def cgm(days: int = 14) -> list[dict]:
    """One reading every five minutes."""
    readings = []
    for position in range(days * 24 * 60 // MINUTES_PER_READING):
        when = stamp(START + timedelta(minutes=MINUTES_PER_READING * position))
        reading = observation(
            f"cgm{position:06d}",
            ("99504-3", "Glucose [Mass/volume] in Interstitial fluid"),
            when,
            "laboratory",
        )
        readings.append(reading | {"valueQuantity": quantity(glucose_mgdl(position), "mg/dL", "mg/dL")})
    return readings


def pressure(name: str, when: str, position: int) -> dict:
    """A blood pressure with its two components."""
    parts = (("8480-6", "Systolic blood pressure", 118), ("8462-4", "Diastolic blood pressure", 74))
    components = [
        {
            "code": {"coding": [{"system": LOINC, "code": code, "display": name}]},
            "valueQuantity": quantity(level + position % 9, "mm[Hg]", "mmHg"),
        }
        for code, name, level in parts
    ]
    panel = observation(name, ("85354-9", "Blood pressure panel"), when, "vital-signs")
    return panel | {"component": components}


def vitals(days: int = 14) -> list[dict]:
    """Eight vital signs a day: two blood pressures, four heart rates, two oxygen saturations."""
    made = []
    for position in range(days * 8):
        when = stamp(START + timedelta(hours=3 * position, minutes=7))
        name = f"vital{position:06d}"
        if position % 4 == 0:
            made.append(pressure(name, when, position))
        elif position % 4 == 2:
            spo2 = observation(name, ("59408-5", "Oxygen saturation by pulse oximetry"), when, "vital-signs")
            made.append(spo2 | {"valueQuantity": quantity(95 + position % 4, "%", "%")})
        else:
            rate = observation(name, ("8867-4", "Heart rate"), when, "vital-signs")
            made.append(rate | {"valueQuantity": quantity(62 + position % 31, "/min", "beats/minute")})
    return made


def searchset(resources: list[dict]) -> bytes:
    """A searchset Bundle of one page, compact as servers send it."""
    entries = [
        {
            "fullUrl": f"{BASE}/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in resources
    ]
    link = [{"relation": "self", "url": f"{BASE}/Observation?patient={PATIENT}"}]
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "link": link}
    return json.dumps(bundle | {"entry": entries}, separators=(",", ":")).encode()


def patient() -> bytes:
    """The patient."""
    made = {
        "resourceType": "Patient",
        "id": PATIENT,
        "birthDate": "1968-03-14",
        "gender": "female",
        "name": [{"family": "Example", "given": ["Made", "Up"]}],
    }
    return json.dumps(made, separators=(",", ":")).encode()


def pages(days: int = 14) -> dict[str, list[bytes]]:
    """The three answers that one patient-view request brings."""
    return {"patient": [patient()], "glucose": [searchset(cgm(days))], "vitals": [searchset(vitals(days))]}
