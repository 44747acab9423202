import pytest
from tests.refusals import refused

from afunet.errors import ConfigError
from afunet.evaluation.published import PublishedScores


def test_pooled_counts_tie_iou_and_dice_together() -> None:
    """TP 6, FP 2, FN 4: Dice 12/18, IoU 6/12, recall 0.6, precision 0.75."""
    scores = PublishedScores(dice=200 / 3, iou=50, recall=60, precision=75)
    assert scores.pooled_iou == pytest.approx(50)
    assert scores.pooled_dice == pytest.approx(200 / 3)


def test_nothing_found_is_a_dice_of_nothing() -> None:
    assert PublishedScores(0, 0, 0, 0).pooled_dice == 0


def test_scores_are_per_cent() -> None:
    with refused(ConfigError, "CONFIG_ERROR", "iou", 101):
        PublishedScores(1, 101, 1, 1)
    with refused(ConfigError, "CONFIG_ERROR", "dice", "'84'"):
        PublishedScores("84", 1, 1, 1)  # type: ignore[arg-type]
