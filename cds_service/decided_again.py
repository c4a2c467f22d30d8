"""A recorded decision made again from its input, to show that it follows from it: `wearable-cds replay`.

Over `pipeline`, with what `recorded_input` kept; reads no clock and no EHR.
"""

from uuid import UUID

import msgspec

from cds_service import pipeline
from cds_service.deadline import Deadline
from cds_service.http import json_bytes
from cds_service.local_answers import Complaint
from cds_service.recorded_input import Circumstances, Input, unpack
from cds_service.repeats import folded
from cds_service.store.decisions import DecisionRecord
from hooks.protocol import parse
from hooks.registry import SERVICES
from hooks.service import Service

PATIENCE_S = 60.0


def decide_again(record: DecisionRecord, request: bytes | None) -> bytes:
    """The body that the recorded input gives today.

    `request` is the hook request as the EHR sent it, with what was fetched put into its prefetch; without it
    the kept input is used. Raises Complaint where there is none, or where it is not the recorded one, and
    CannotAnswer where the request cannot be read.
    """
    service, circumstances = _service(record.service), _circumstances(record)
    moment = pipeline.Moment(record.as_of_ms, Deadline.after(PATIENCE_S), UUID(record.id))
    found = _given(service, request, moment) if request is not None else _kept(record)
    gathered = pipeline.Gathered(found.pages, circumstances.completeness)
    if pipeline.digest(found.context, gathered) != record.input_sha256:
        raise Complaint("this is not the input of that decision: its hash is another")
    place = pipeline.Place(circumstances.site, circumstances.practice)
    decided = pipeline.decide_from(service, found.context, gathered, moment, place)
    answered = folded(decided, circumstances.shown_ms, moment.as_of_ms, moment.response_id)
    return json_bytes({"cards": [card.to_json() for card in answered.decision.cards]})


def _service(service_id: str) -> Service:
    found = next((service for service in SERVICES if service.id == service_id), None)
    if found is None:
        raise Complaint(f"this version has no service {service_id}")
    return found


def _circumstances(record: DecisionRecord) -> Circumstances:
    try:
        return Circumstances.from_json(record.circumstances)
    except msgspec.DecodeError:
        raise Complaint("the version that recorded it kept its circumstances in another form") from None


def _given(service: Service, request: bytes, moment: pipeline.Moment) -> Input:
    asked = parse(request)
    return Input(asked.context, pipeline.gather(service.needs, asked, moment, None).pages)


def _kept(record: DecisionRecord) -> Input:
    if record.input is None:
        raise Complaint("its input was not kept; give the hook request with --input")
    return unpack(record.input)
