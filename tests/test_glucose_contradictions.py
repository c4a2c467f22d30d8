"""Where one device, or one moment, says other than the two weeks do: what the glucose review then says."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from cds_service.local_answers import answer_file
from hooks.cgm_detail import share_against
from hooks.service import Practice
from models.features.targets import Target, TargetCheck

GOLDEN = Path(__file__).with_name("golden")


def _made() -> Any:
    spec = spec_from_file_location("made_glucose", GOLDEN / "make_glucose_requests.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


made = _made()
AS_OF = made.AS_OF.isoformat()


def cards(folder: Path, **changes: Any) -> list[dict[str, Any]]:
    file = folder / "request.json"
    file.write_text(json.dumps(made.request(made.prefetch(**changes))), encoding="utf-8")
    answer: list[dict[str, Any]] = answer_file("glucose-review", file, AS_OF, Practice())["cards"]
    return answer


def meter(*readings: tuple[float, float]) -> dict[str, Any]:
    return made.bundle(*(made.meter(n, hours, mgdl) for n, (hours, mgdl) in enumerate(readings)))


def test_a_very_high_meter_reading_leads_the_summary_and_warns_without_a_sensor(tmp_path: Path) -> None:
    (card,) = cards(tmp_path, fingersticks=meter((0.4, 560)))
    assert card["summary"].startswith("Meter 560 mg/dL (31.1 mmol/L), 24 min ago: check ketones")
    assert card["indicator"] == "warning"


def test_a_very_high_meter_reading_is_said_before_targets_that_the_sensor_met(tmp_path: Path) -> None:
    (card,) = cards(tmp_path, cgm=made.cgm(made.wave), fingersticks=meter((0.3, 410)))
    assert card["summary"].startswith("Meter 410 mg/dL (22.8 mmol/L), 18 min ago: check ketones")
    assert card["indicator"] == "warning"


@pytest.mark.parametrize(("hours", "said"), [(23.0, True), (25.0, False)])
def test_a_meter_reading_is_the_newest_for_a_day(hours: float, said: bool, tmp_path: Path) -> None:
    (card,) = cards(tmp_path, fingersticks=meter((hours, 310), (hours + 24, 120)))
    assert ("check ketones" in card["summary"]) is said


def test_a_low_by_the_meter_leaves_no_number_of_the_sensor_model_that_denies_it(tmp_path: Path) -> None:
    detail = cards(tmp_path, cgm=made.cgm(made.wave), fingersticks=meter((0.1, 47)))[-1]["detail"]
    assert "not assessed, a meter reading of the last hour is below 70 mg/dL" in detail
    assert "within 30 min" not in detail


def test_no_risk_of_a_low_is_stated_in_pregnancy(tmp_path: Path) -> None:
    conditions = made.bundle(made.TYPE_1, made.PREGNANT)
    detail = cards(tmp_path, cgm=made.cgm(made.wave), conditions=conditions)[-1]["detail"]
    assert "the model has not been shown in pregnancy" in detail


def test_shares_of_a_few_meter_readings_are_not_in_the_summary(tmp_path: Path) -> None:
    (card,) = cards(tmp_path, fingersticks=meter((5, 140), (29, 152)))
    assert "%" not in card["summary"] and "140 mg/dL (7.8 mmol/L) to 152" in card["summary"]


def test_fingersticks_in_pregnancy_are_counted_against_its_limits(tmp_path: Path) -> None:
    conditions = made.bundle(made.PREGNANT)
    (card,) = cards(tmp_path, fingersticks=meter((1, 150), (3, 96), (27, 94)), conditions=conditions)
    assert "Pregnancy: 1 of 3 readings above 140 mg/dL" in card["detail"]
    assert "Pregnancy: 1 of 2 fasting values at or above 95 mg/dL" in card["detail"]


@pytest.mark.parametrize(
    ("value", "target", "shown"),
    [(0.97, 1, "0.97 %"), (69.7, 70, "69.7 %"), (3.1, 4, "3.1 %"), (66.2, 70, "66 %")],
)
def test_a_share_is_not_printed_as_the_target_that_it_misses_or_meets(
    value: float, target: float, shown: str
) -> None:
    aim = Target("time_below_54_percent", "below 54 mg/dL", "less than", target)
    assert share_against(TargetCheck(aim, value, aim.met_by(value))) == shown


def test_in_pregnancy_no_index_or_episode_speaks_of_other_limits(tmp_path: Path) -> None:
    conditions = made.bundle(made.GESTATIONAL)
    (card,) = cards(tmp_path, cgm=made.cgm(made.wave), conditions=conditions)
    assert "69 % in 63-140 mg/dL" in card["summary"] and "highs between" in card["summary"]
    assert not any(word in card["detail"] for word in ("GRI", "GMI 6", "180 mg/dL", "Targets for"))


def test_a_low_that_another_device_has_left_behind_is_not_called_the_last_glucose(tmp_path: Path) -> None:
    readings = meter((0.6, 50))
    (low, _) = cards(tmp_path, cgm=made.cgm(made.wave), fingersticks=readings)
    assert low["indicator"] == "critical"
    assert low["summary"] == (
        "Meter 50 mg/dL (2.8 mmol/L), 36 min ago: below 54 mg/dL (3.0 mmol/L); "
        "since then CGM 175 mg/dL (9.7 mmol/L), 0 min ago"
    )


def test_how_often_a_pattern_was_seen_is_kept_before_words_are(tmp_path: Path) -> None:
    older = made.patient(born="1948-01-01")
    (card,) = cards(tmp_path, cgm=made.cgm(made.evening_highs), patient=older)
    assert card["summary"].endswith("0 % below 70 mg/dL; highs 18:00-24:00 on 14 of 14 days")
