"""The slices of a comparison, and the check that no run was trained on them."""

from __future__ import annotations

from collections.abc import Sequence

from afunet.data.cases import refuse_leaks
from afunet.data.labelled import read_records
from afunet.data.locate import locate_data
from afunet.data.slices import LabelledSlice
from afunet.training.experiment import Experiment
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.scoring import load_split, of_status


class JudgedSplit:
    """The slices of a split, with 1, 3 or 5 planes.

    `areas` are the pixels of true bone by case and level, of the whole split: they determine the
    joint lines.
    """

    def __init__(self, data: str, split: str, status: str | None, watch: Watch = UNWATCHED) -> None:
        self.folder = locate_data(data)
        self.split, self.status = split, status
        self._watch = watch
        everything = load_split(self.folder, split, 1, watch)
        self.areas: dict[str, dict[int, int]] = {}
        for item in everything:
            area = int((item.mask > 0).sum())
            self.areas.setdefault(item.record.case, {})[item.record.level] = area
        self._chosen = {1: of_status(everything, status, split)}

    def slices(self, planes: int = 1) -> tuple[LabelledSlice, ...]:
        """Return the slices as a network with `planes` input slices takes them."""
        if planes not in self._chosen:
            everything = load_split(self.folder, self.split, planes, self._watch)
            self._chosen[planes] = of_status(everything, self.status, self.split)
        return self._chosen[planes]

    def refuse_training_on_it(self, experiments: Sequence[Experiment]) -> None:
        """Raise `InputError` if a run trains on a patient of the split, in any folder."""
        folders = {
            locate_data(entry.path, experiment.base)
            for experiment in experiments
            if experiment.training is not None
            for entry in experiment.training.data
        }
        trained = [
            record
            for folder in folders
            for record in read_records(folder)
            if record.split == "train"
        ]
        refuse_leaks([*trained, *(item.record for item in self.slices())])
