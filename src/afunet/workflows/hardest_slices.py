"""The panel of Fig. 5: every network on the slices that are hardest for all networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from afunet.evaluation.hardest import choose_hardest, slice_traits
from afunet.evaluation.overlap import METRICS, count
from afunet.report.comparison.panel import PanelRow
from afunet.watch import Watch
from afunet.workflows.comparison_facts import Scores
from afunet.workflows.contenders import Contender
from afunet.workflows.judged_split import JudgedSplit


@dataclass(frozen=True)
class HardestSlices:
    """The names of the networks, and a row of masks for each chosen slice."""

    networks: list[str]
    rows: list[PanelRow]


def hardest_slices(
    table: Sequence[Contender],
    judged: JudgedSplit,
    scores: dict[str, Scores],
    watch: Watch,
) -> HardestSlices:
    """Return the hardest slices with every network's masks, of the first seed."""
    networks = [one for one in table if one.trained]
    if not networks:
        return HardestSlices([], [])
    traits, places = [], {}
    for place, item in enumerate(judged.slices()):
        record = item.record
        runs = [seed[place] for one in networks for seed in scores[one.experiment.name]]
        dice = fmean(METRICS["dice"](score.counts) for score in runs)
        found = slice_traits(
            item.grey[0], item.mask > 0, case=record.case, level=record.level, dice=dice
        )
        if found is not None:
            traits.append(found)
            places[found] = place
    rows = []
    chosen = choose_hardest(traits)
    for done, (difficulty, one) in enumerate(chosen, 1):
        watch.check()
        item = judged.slices()[places[one]]
        truth = item.mask > 0
        masks = [
            network.runs[0].mask_of(judged.slices(network.input_slices)[places[one]])
            for network in networks
        ]
        dice_of = [METRICS["dice"](count(mask, truth)) for mask in masks]
        caption = f"{one.case}, level {one.level}\n{difficulty}"
        rows.append(PanelRow(caption, item.grey[0], truth, masks, dice_of))
        watch.tell("drawing the panel", done, len(chosen))
    return HardestSlices([one.experiment.label for one in networks], rows)
