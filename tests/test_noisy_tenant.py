"""A tenant at its limits is refused; the one beside it is answered as ever."""

import time
from pathlib import Path

import pytest
from noise import BOTH, RATE_PER_MINUTE, ask_as_neighbour, noise
from served import served

CALLS = 30
WORKERS = 2


@pytest.mark.spec("F-30")
def test_F30_beside_a_tenant_at_its_limits_every_call_of_another_is_answered(tmp_path: Path) -> None:
    began_s, unlimited = time.monotonic(), {"REQUESTS_PER_MINUTE_PER_ADDRESS": "1000000"}
    with (
        served(tmp_path, "--workers", str(WORKERS), more=BOTH, **unlimited) as service,
        noise(service) as statuses,
    ):
        while not statuses[429]:
            assert ask_as_neighbour(service)[0] == 200
        assert [ask_as_neighbour(service)[0] for _ in range(CALLS)] == [200] * CALLS
    minutes = (time.monotonic() - began_s) / 60
    assert statuses.keys() == {200, 429}
    assert statuses[200] <= RATE_PER_MINUTE * (1 + minutes) + WORKERS
