"""Who asks too often is told when to come back, and costs nobody else anything."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey
from test_hook_calls import URL, golden, outcome_of

from cds_service.app import create_app
from cds_service.rates import REMEMBERED, Rates
from cds_service.tenants import Limits
from hooks.errors import TooManyRequests


@pytest.mark.spec("F-A3")
@given(st.integers(1, 600), st.lists(st.floats(0, 30), max_size=50))
def test_no_minute_sees_more_than_twice_the_rate_and_a_quiet_caller_is_never_refused(
    per_minute: int, pauses: list[float]
) -> None:
    now = [0.0]
    rates = Rates(lambda: now[0])
    for pause in pauses:
        now[0] += pause
        rates.take("quiet", 10_000)
    taken = 0
    for _ in range(3 * per_minute):
        try:
            rates.take("busy", per_minute)
            taken += 1
        except TooManyRequests as refusal:
            assert refusal.retry_after_s is not None and 1 <= refusal.retry_after_s <= 60
    assert taken == per_minute
    now[0] += 60.0 / per_minute
    rates.take("busy", per_minute)


def test_only_so_many_callers_are_remembered() -> None:
    now = [0.0]
    rates = Rates(lambda: now[0])
    rates.take("first", 1)
    for number in range(REMEMBERED):
        rates.take(str(number), 1)
    rates.take("first", 1)


@pytest.mark.spec("F-A3", "SE3")
def test_FA3_a_tenant_over_its_rate_is_turned_away_and_its_neighbour_is_not(ehr: Any, settings: Any) -> None:
    key = ECKey.generate_key("P-384", {"kid": "south-1", "alg": "ES384", "use": "sig"})
    north = replace(settings.tenants[0], limits=Limits(requests_per_minute=2))
    south = replace(
        north, id="south", issuer="https://south.example", jwks={"keys": [key.as_dict(private=False)]}
    )
    with create_app(replace(settings, tenants=(north, south))).test_client() as client:
        noisy, quiet = replace(ehr, client=client), replace(ehr, client=client, key=key, tenant=south)
        answers = [noisy.call("glucose-review", golden("no-glucose")) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        outcome_of(answers[2], 429)
        assert answers[2].headers["Retry-After"] == "30"
        assert quiet.call("glucose-review", golden("no-glucose")).status_code == 200


@pytest.mark.spec("F-A3")
def test_FA3_an_address_is_counted_before_its_token_is_looked_at_and_health_is_not(settings: Any) -> None:
    with create_app(replace(settings, requests_per_minute_per_address=2)).test_client() as client:
        answers = [client.post(URL, headers={"Authorization": "Bearer a.b.c"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [401, 401, 429]
        assert [client.get("/livez").status_code for _ in range(5)] == [200] * 5


@pytest.mark.spec("F-A5")
@pytest.mark.parametrize(("proxies", "expected"), [(0, [401, 429]), (1, [401, 401])])
def test_FA5_a_forwarded_address_counts_only_behind_a_proxy_that_is_trusted(
    settings: Any, proxies: int, expected: list[int]
) -> None:
    limited = replace(settings, requests_per_minute_per_address=1, trusted_proxies=proxies)
    with create_app(limited).test_client() as client:
        sent = [client.post(URL, headers={"X-Forwarded-For": f"192.0.2.{number}"}) for number in (1, 2)]
    assert [answer.status_code for answer in sent] == expected


@pytest.mark.spec("F-30", "SE3")
def test_F30_a_tenant_with_all_its_places_taken_is_told_to_come_back(ehr: Any) -> None:
    places = ehr.client.application.extensions["wearable_cds"].bulkheads
    busy = replace(ehr.tenant, limits=Limits(concurrent_requests=8))
    stack = [places.place(busy) for _ in range(8)]
    for taken in stack:
        taken.__enter__()
    answer = ehr.call("glucose-review", golden("no-glucose"))
    outcome_of(answer, 429)
    assert answer.headers["Retry-After"] == "1"
    for taken in stack:
        taken.__exit__(None, None, None)
    assert ehr.call("glucose-review", golden("no-glucose")).status_code == 200


@pytest.mark.spec("F-A3")
@given(st.integers(1, 600), st.integers(1, 16))
def test_each_of_several_workers_grants_its_share_and_one_request_at_least(
    per_minute: int, workers: int
) -> None:
    rates, taken = Rates(lambda: 0.0, workers), 0
    with pytest.raises(TooManyRequests):
        for _ in range(per_minute + 1):
            rates.take("busy", per_minute)
            taken += 1
    assert taken == max(1, per_minute // workers)
