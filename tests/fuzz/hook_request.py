"""Any bytes as a hook call: a request or a clear 400, whatever they are.

Run: python tests/fuzz/hook_request.py -runs=200000
"""

import sys

import atheris

with atheris.instrument_imports(include=["hooks", "fhir_mappers"]):
    from fhir_mappers.to_patient_record import to_patient_record
    from hooks.errors import BadRequest
    from hooks.prefetch import read_entries
    from hooks.protocol import parse
    from hooks.registry import SERVICES

GOOD = (
    b'{"hook":"patient-view","hookInstance":"d1577c69-dfbe-44ad-ab82-33b2ec2a2b1c",'
    b'"context":{"userId":"Practitioner/1","patientId":"p1"},"prefetch":{"patient":'
)
NEEDS = tuple({need.key: need for service in SERVICES for need in service.needs}.values())


def one_input(data: bytes) -> None:
    """The bytes as a whole call, and as what an EHR prefetched, mapped where it looks like a resource."""
    for body in (data, GOOD + data + b"}}", GOOD + b'null,"cgm":' + data + b"}}"):
        try:
            asked = parse(body)
        except BadRequest:
            continue
        entries = read_entries(NEEDS, asked.prefetch, asked.outlines)
        pages = {key: [entry.body] for key, entry in entries.items() if entry.body}
        to_patient_record("p1", pages, as_of_ms=1_777_000_000_000)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
