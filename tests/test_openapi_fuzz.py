"""Requests made up from openapi.yaml, good and bad: every answer is one that the description allows."""

from dataclasses import replace
from typing import Any

import pytest
import schemathesis
import yaml
from conftest import BASE_URL, Ehr, make_tenant
from hypothesis import HealthCheck, given
from hypothesis import settings as limited
from joserfc.jwk import ECKey
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from cds_service.app import create_app
from cds_service.openapi import openapi_yaml
from cds_service.settings import Settings
from cds_service.tenants import Limits

EXAMPLES = 20
WITHOUT_LIMIT = 10_000_000
OPERATIONS = [
    pytest.param(path, method, mode, id=f"{method} {path} {mode.value}")
    for path, operations in yaml.safe_load(openapi_yaml())["paths"].items()
    for method in operations
    if method != "parameters"
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    if mode is GenerationMode.POSITIVE or "requestBody" in operations[method]
]
NOT_IN_THE_DESCRIPTION = [positive_data_acceptance]
"""Rules between members (FB3, the context of each hook) are ours to refuse, and no JSON schema says them."""
REFUSED = {"expected-statuses": [400, 401, 403, 404, 413, 415, 503]}
"""What may answer a body outside the description: among them that it is too large to be read at all."""


@pytest.fixture
def caller(settings: Settings, ehr_key: ECKey) -> Ehr:
    """An EHR that may call as often as it likes."""
    tenant = make_tenant(ehr_key, limits=Limits(requests_per_minute=WITHOUT_LIMIT))
    app = create_app(replace(settings, tenants=(tenant,), requests_per_minute_per_address=WITHOUT_LIMIT))
    return Ehr(ehr_key, tenant, app.test_client())


@pytest.mark.spec("B-05", "B-09")
@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_B05_every_answer_to_a_made_up_request_is_a_described_one(
    caller: Ehr, path: str, method: str, mode: GenerationMode
) -> None:
    config = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": REFUSED}})
    schema = schemathesis.openapi.from_wsgi("/openapi.yaml", caller.client.application, config=config)
    operation = schema[path][method]

    @limited(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        if "service_id" in case.path_parameters:
            case.path_parameters["service_id"] = "glucose-review"
        audience = BASE_URL + case.path.format(**case.path_parameters)
        signed = {"Authorization": f"Bearer {caller.token(audience)}"}
        case.call_and_validate(headers=signed, excluded_checks=NOT_IN_THE_DESCRIPTION)

    check()
