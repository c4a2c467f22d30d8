"""Hypothesis strategies for Observations: plain ones, odd ones, and members of any type whatever."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

LOINC, MDC, UCUM = "http://loinc.org", "urn:iso:std:iso:11073:10101", "http://unitsofmeasure.org"
AS_OF = datetime(2026, 5, 15, tzinfo=UTC)
AS_OF_MS = int(AS_OF.timestamp() * 1000)

PLAIN_CODES = [
    ("99504-3", "mg/dL", 30, 420),
    ("105272-9", "mmol/L", 2, 24),
    ("2339-0", "mg/dL", 15, 600),
    ("14743-9", "mmol/L", 1, 55),
    ("8867-4", "/min", 15, 310),
    ("59408-5", "%", 0, 101),
    ("8310-5", "[degF]", 70, 115),
    ("8328-7", "Cel", 30, 42),
    ("29463-7", "[lb_av]", 0, 1400),
    ("2160-0", "mg/dL", 0, 31),
    ("14682-9", "mg/dL", 0, 31),
    ("4548-4", "mmol/mol", 8, 200),
    ("80404-7", "s", 0, 1),
]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def times(draw: st.DrawFn) -> str:
    """An instant of the last 20 days, or a little later than now, in one of the forms in use."""
    at = AS_OF + timedelta(seconds=draw(st.integers(-20 * 86_400, 600)))
    form = draw(
        st.sampled_from(["Z", ".000Z", "+00:00", "-00:00", "+05:30", "-03:00", "+14:00", "naive", "date"])
    )
    if form == "date":
        return at.strftime("%Y-%m-%d")
    text = at.strftime("%Y-%m-%dT%H:%M:%S")
    return text if form == "naive" else text + form


def concept(code: str, system: str = LOINC) -> dict[str, Any]:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}


def quantity(value: Any, unit: str) -> dict[str, Any]:
    """A Quantity in UCUM."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


ids = st.integers(0, 40).map(lambda n: f"o{n}")
devices = st.sampled_from([None, {"display": "Dexcom G6"}, {"reference": "Device/d1"}, {"display": "ring"}])
updates = st.sampled_from([None, "2026-05-01T00:00:00Z", "2026-05-02T00:00:00.000Z", "soon"])


@st.composite
def plain_observations(draw: st.DrawFn) -> dict[str, Any]:
    """An Observation of the common shape; its value may be out of any range."""
    code, unit, low, high = draw(st.sampled_from(PLAIN_CODES))
    value = draw(st.integers(low, high) | st.floats(low, high).map(lambda v: round(v, 2)))
    made: dict[str, Any] = {
        "resourceType": "Observation",
        "id": draw(ids),
        "status": draw(st.sampled_from(["final", "final", "final", "preliminary", "amended", "cancelled"])),
        "code": concept(code),
        "subject": {
            "reference": draw(st.sampled_from(["Patient/p1"] * 5 + ["Patient/p1/_history/1", "Patient/p2"]))
        },
        "effectiveDateTime": draw(times()),
        "valueQuantity": quantity(value, unit),
    }
    if (device := draw(devices)) is not None:
        made["device"] = device
    if (updated := draw(updates)) is not None:
        made["meta"] = {"lastUpdated": updated}
    return made


@st.composite
def pressures(draw: st.DrawFn) -> dict[str, Any]:
    """A blood pressure panel."""
    made = draw(plain_observations()) | {"code": concept("85354-9")}
    del made["valueQuantity"]
    numbers = draw(st.tuples(st.integers(30, 330), st.integers(10, 230)))
    parts = [
        {"code": concept(code), "valueQuantity": quantity(number, "mm[Hg]")}
        for code, number in zip(("8480-6", "8462-4"), numbers, strict=True)
    ]
    return made | {"component": parts}


@st.composite
def chunks(draw: st.DrawFn) -> dict[str, Any]:
    """A chunk of SampledData, sometimes wrong."""
    made = draw(plain_observations()) | {"code": concept("99504-3")}
    del made["valueQuantity"], made["effectiveDateTime"]
    start = AS_OF - timedelta(minutes=draw(st.integers(0, 3000)))
    tokens = draw(st.lists(st.sampled_from(["100", "61.5", "E", "L", "U", "x", "-1"]), max_size=6))
    end = start + timedelta(minutes=5 * max(len(tokens) - draw(st.integers(0, 2)), 0))
    sampled = {"origin": quantity(0, "mg/dL"), "period": 300_000, "dimensions": 1, "data": " ".join(tokens)}
    if draw(st.booleans()):
        sampled |= {"lowerLimit": 40, "upperLimit": 400}
    return made | {
        "effectivePeriod": {"start": start.isoformat(), "end": end.isoformat()},
        "valueSampledData": sampled,
    }


@st.composite
def odd_observations(draw: st.DrawFn) -> dict[str, Any]:
    """A plain Observation or panel with some members replaced by others, wrong ones, or none."""
    made = dict(draw(plain_observations() | pressures() | chunks()))
    members = {
        "status": st.sampled_from(["entered-in-error", "registered", "", 5]),
        "code": st.sampled_from(
            [concept("160208", MDC), concept("29140", MDC), {"text": "Heart rate"}, concept("1-8")]
        ),
        "subject": st.sampled_from(
            [None, {"reference": "Device/d"}, {"reference": "urn:uuid:1"}, {"identifier": {}}]
        ),
        "interpretation": st.sampled_from([[concept("<", "v3")], [concept("N", "v3")], [concept(">", "v3")]]),
        "dataAbsentReason": st.just(concept("error")),
        "valueQuantity": st.sampled_from(
            [
                {"value": "120", "unit": "mg/dL"},
                {"value": 120},
                quantity(120, "kg"),
                quantity(7, "mmol/L") | {"comparator": "<"},
            ]
        ),
        "valueString": st.sampled_from(["LO", "HIGH", "112 mg/dL", "120/80", "see comment"]),
        "component": st.just([{"code": concept("8480-6"), "valueQuantity": quantity(120, "mm[Hg]")}]),
        "meta": st.sampled_from([{"security": [{"code": "HTEST"}]}, {"source": "phone"}, {"lastUpdated": 5}]),
        "issued": times(),
        "effectivePeriod": st.sampled_from(
            [{"start": "2026-05-01T10:00:00Z"}, {"start": "2026-05-01", "end": "2026-05-03"}, {}]
        ),
        "hasMember": st.just([{"reference": "Observation/gone"}]),
    }
    for name in draw(st.lists(st.sampled_from(sorted(members)), max_size=3, unique=True)):
        made[name] = draw(members[name])
    for name in draw(st.lists(st.sampled_from(sorted(made)), max_size=1)):
        del made[name]
    return made


@st.composite
def wild_observations(draw: st.DrawFn) -> dict[str, Any]:
    """An odd Observation with one member of any JSON type at all, at the top or one level down."""
    made = draw(odd_observations())
    name = draw(
        st.sampled_from(
            [*sorted(made), "device", "component", "valueQuantity", "contained", "effectiveInstant"]
        )
    )
    inner = made.get(name)
    if isinstance(inner, dict) and inner and draw(st.booleans()):
        below = draw(
            st.sampled_from([*sorted(inner), "comparator", "coding", "text", "lowerLimit", "intervalUnit"])
        )
        return made | {name: inner | {below: draw(json_values)}}
    return made | {name: draw(json_values)}
