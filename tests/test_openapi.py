"""openapi.yaml: generated, committed, and true of the running app."""

import re
from pathlib import Path
from typing import Any

import yaml

from cds_service.openapi import openapi_yaml

COMMITTED = Path(__file__).resolve().parent.parent / "openapi.yaml"


def test_the_committed_description_is_the_generated_one() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == openapi_yaml()


def test_the_app_serves_the_committed_description(ehr: Any) -> None:
    assert ehr.client.get("/openapi.yaml").data.decode() == COMMITTED.read_text(encoding="utf-8")


def test_every_route_is_described_and_every_description_is_a_route(ehr: Any) -> None:
    described = {
        (path, method.upper())
        for path, operations in yaml.safe_load(openapi_yaml())["paths"].items()
        for method in operations
        if method != "parameters"
    }
    running = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in ehr.client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == running


def test_every_described_path_parameter_stands_in_its_path() -> None:
    for path, operations in yaml.safe_load(openapi_yaml())["paths"].items():
        named = {parameter["name"] for parameter in operations.get("parameters", [])}
        assert named == set(re.findall(r"{(\w+)}", path))
