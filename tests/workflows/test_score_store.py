from pathlib import Path

import numpy as np

from afunet.data.cases import SliceRecord
from afunet.data.slices import LabelledSlice
from afunet.evaluation.overlap import Counts
from afunet.evaluation.slice_score import SliceScore
from afunet.workflows.score_store import ScoreStore, data_digest

SCORES = (SliceScore("a", "p", 3, Counts(1, 2, 3, 4), 5, 4, 7),)


def test_scores_come_back_for_the_same_protocol_only(tmp_path: Path) -> None:
    ScoreStore(tmp_path / "run", {"masks": "A"}).save(SCORES)
    assert ScoreStore(tmp_path / "run", {"masks": "A"}).load() == SCORES
    assert ScoreStore(tmp_path / "run", {"masks": "B"}).load() is None


def test_a_broken_file_is_as_none(tmp_path: Path) -> None:
    store = ScoreStore(tmp_path, {"masks": "A"})
    store.save(SCORES)
    for broken in ("{", "{}", '{"scores": [[1]]}', '{"scores": [["a", "p", 3, [1], 5, 4, 7, 8]]}'):
        store.path.write_text(broken)
        assert store.load() is None


def test_the_digest_sees_pixels_truth_and_record() -> None:
    def one(grey: int = 5, bone: int = 0, level: int = 1) -> LabelledSlice:
        record = SliceRecord("a", "p", level, "test", "checked")
        image = np.full((1, 4, 4), grey, np.uint8)
        return LabelledSlice(image, np.full((4, 4), bone, np.uint8), record)

    digests = {data_digest([item]) for item in (one(), one(grey=6), one(bone=1), one(level=2))}
    assert len(digests) == 4
    assert data_digest([one()]) == data_digest([one()])
