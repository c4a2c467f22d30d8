"""A tenant at its limits is refused; the one beside it is answered as ever."""

from pathlib import Path

import pytest
from noise import BOTH, ask_as_neighbour, noise
from served import served

CALLS = 30


@pytest.mark.spec("F-30")
def test_F30_beside_a_tenant_at_its_limits_every_call_of_another_is_answered(tmp_path: Path) -> None:
    with (
        served(tmp_path, "--workers", "2", more=BOTH, REQUESTS_PER_MINUTE_PER_ADDRESS="1000000") as service,
        noise(service) as statuses,
    ):
        while not statuses[429]:
            assert ask_as_neighbour(service)[0] == 200
        assert [ask_as_neighbour(service)[0] for _ in range(CALLS)] == [200] * CALLS
    assert statuses.keys() == {200, 429} and statuses[429] > statuses[200]
