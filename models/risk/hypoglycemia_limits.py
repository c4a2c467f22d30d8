"""When short-term hypoglycaemia is not assessed: freshness, density and level of the readings.

Shared by the service's model and its training, so that it answers only what it learned to answer.
"""

from typing import Final

from models.risk.causal_grid import HOLD_SLOTS, SLOT_MS, SLOTS_PER_HOUR

STALE_AFTER_MS: Final = HOLD_SLOTS * SLOT_MS
"""A newest reading older than 15 minutes says nothing about the next half hour."""

RECENT_SLOTS: Final = 3 * SLOTS_PER_HOUR
ENOUGH_READINGS: Final = 24
"""Two of the last three hours must be observed (our judgement)."""
