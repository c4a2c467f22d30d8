"""Golden cases: for each request file under tests/golden, the response that stands beside it.

After an intended change run with UPDATE_GOLDEN=1 and read the difference.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from cds_service.local_answers import answer_file
from cds_service.schemas import CardsSchema
from hooks.service import Practice

GOLDEN = Path(__file__).with_name("golden")
REQUESTS = sorted(GOLDEN.glob("*/*.request.json"))
BANNED = re.compile(r"\bno risk\b|\bnormal\b|\bsafe\b|\b\d[\d.]* ?(?:U|IU)\b", re.IGNORECASE)


def answer(request: Path) -> dict[str, Any]:
    as_of = (request.parent / "as_of").read_text(encoding="utf-8").strip()
    return answer_file(request.parent.name, request, as_of, Practice(titration_table="ada-basal"))


def case(path: Path) -> str:
    return f"{path.parent.name}/{path.name.removesuffix('.request.json')}"


@pytest.mark.spec("CA12", "X4")
@pytest.mark.parametrize("request_file", REQUESTS, ids=case)
def test_CA12_the_answer_is_the_golden_one(request_file: Path) -> None:
    text = json.dumps(answer(request_file), indent=1, ensure_ascii=False) + "\n"
    golden = request_file.with_name(request_file.name.replace(".request.", ".response."))
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.spec("RS1", "RS3", "CA12")
@pytest.mark.parametrize("request_file", REQUESTS, ids=case)
def test_RS1_every_golden_answer_fits_the_schema(request_file: Path) -> None:
    assert CardsSchema().validate(answer(request_file)) == {}


@pytest.mark.spec("H-04", "H-15", "CA8")
@pytest.mark.parametrize("request_file", REQUESTS, ids=case)
def test_H04_H15_no_card_reassures_falsely_or_abbreviates_units(request_file: Path) -> None:
    for card in answer(request_file)["cards"]:
        text = card["summary"] + "\n" + card["detail"]
        assert not BANNED.search(text), BANNED.search(text)
        html = MarkdownIt("gfm-like", {"linkify": False}).enable("table").render(card["detail"])
        assert "<a " not in html and "<img" not in html


def test_every_service_has_golden_cases() -> None:
    from hooks.registry import SERVICES

    assert {service.id for service in SERVICES} == {path.parent.name for path in REQUESTS}
