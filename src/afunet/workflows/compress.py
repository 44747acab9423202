"""Make a smaller network that does what a larger one does: by distillation or by pruning.

Both end in an ordinary training, whose checkpoint holds the lineage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from afunet.data.labelled import load_labelled
from afunet.data.locate import locate_data
from afunet.data.sampler import CropSampler, Source
from afunet.errors import CheckpointError, ConfigError, InputError
from afunet.inference.device_choice import DeviceChoice
from afunet.models.afunet import AFUNet, AFUNetConfig
from afunet.models.channel_importance import channel_importance, survivors
from afunet.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from afunet.models.header import Header
from afunet.models.pruning import narrower, pruned
from afunet.models.shipped import DEFAULT
from afunet.plain import from_plain
from afunet.plan import Step
from afunet.training.config import DistillationConfig, TrainingConfig
from afunet.training.losses import segmentation_loss
from afunet.training.recording import Recorder
from afunet.watch import UNWATCHED, Watch
from afunet.workflows.lineage import descended, parent_of, require_data_for
from afunet.workflows.staging import check_writable
from afunet.workflows.train import PLAN as TRAINING
from afunet.workflows.train import TrainingResult, train_network

PRUNED = "pruned.safetensors"
RANKING = "ranking channels"
PRUNING = (Step(RANKING, share=0.1), *TRAINING)
RANKED_BATCHES, RANKED_CROPS = 16, 4


def distil(
    config: TrainingConfig,
    run: Path,
    *,
    base: Path = Path(),
    device: DeviceChoice = DeviceChoice.AUTO,
    threads: int | None = None,
    record: Recorder | None = None,
    watch: Watch = UNWATCHED,
) -> TrainingResult:
    """Train the network of `config` with its teacher into the folder `run`.

    Raises `ConfigError` if it has no teacher, and what `train_network` raises.
    """
    if config.distillation is None:
        raise ConfigError(
            "the recipe has no [distillation] table: name the teacher there, or with --teacher",
            code="NOTHING_GIVEN",
        )
    teacher = parent_of(config.distillation.teacher, base)
    require_data_for(teacher.header, _folders(config, base))
    lineage = descended(
        teacher,
        "distilled",
        weight=config.distillation.weight,
        data=[Path(entry.path).name for entry in config.data],
        steps=config.steps,
    )
    return train_network(
        config,
        run,
        base=base,
        device=device,
        threads=threads,
        record=record,
        watch=watch,
        lineage=lineage,
    )


def prune(
    weights: Path | str | None,
    share: float,
    config: TrainingConfig,
    run: Path,
    *,
    base: Path = Path(),
    device: DeviceChoice = DeviceChoice.AUTO,
    threads: int | None = None,
    record: Recorder | None = None,
    watch: Watch = UNWATCHED,
) -> TrainingResult:
    """Remove a share of the channels of every stage of an AFU-Net, then train it as `config` says.

    The crops of `config` decide which channels matter least; its model and options are replaced by
    the pruned network's. The unpruned network is the teacher unless `config` has another one. The
    network before the training is `pruned.safetensors` in `run`. Raises `CheckpointError` for
    weights of another network, `ConfigError` for an impossible share, and what `train_network`
    raises.
    """
    parent = parent_of(weights, base)
    if parent.header.model != "afunet":
        raise CheckpointError(
            f"the weights are of model {parent.header.model!r}, but only AFU-Net can be pruned: "
            "give weights of model 'afunet'",
            code="WEIGHTS_MISFIT",
        )
    smaller = _smaller_options(parent.header, share)
    require_data_for(parent.header, _folders(config, base))
    check_writable(run)
    lineage = descended(
        parent,
        "pruned",
        share=share,
        importance="first-order Taylor",
        calibration={
            "data": [Path(entry.path).name for entry in config.data if entry.weight > 0],
            "crops": RANKED_BATCHES * RANKED_CROPS,
        },
        steps=config.steps,
    )
    start = run / PRUNED
    if not _made(start, parent.sha256, share):
        run.mkdir(parents=True, exist_ok=True)
        header = replace(
            parent.header,
            options=smaller,
            training={**parent.header.training, "lineage": lineage},
            metrics={},
        )
        save_checkpoint(start, _pruned(parent, smaller, config, base, watch), header)
    teacher = config.distillation or DistillationConfig(teacher=str(weights or DEFAULT))
    return train_network(
        replace(
            config, model="afunet", options=smaller, start_from=str(start), distillation=teacher
        ),
        run,
        base=base,
        device=device,
        threads=threads,
        record=record,
        watch=watch,
        lineage=lineage,
    )


def _folders(config: TrainingConfig, base: Path) -> list[Path]:
    return [locate_data(entry.path, base) for entry in config.data]


def _smaller_options(header: Header, share: float) -> dict[str, Any]:
    return {**header.options, "width": narrower(_config_of(header), share).width}


def _config_of(header: Header) -> AFUNetConfig:
    options = {**header.options, "classes": len(header.classes)}
    return from_plain(AFUNetConfig, options, header.model)


def _made(path: Path, parent: str, share: float) -> bool:
    """Whether the pruned network is there, from an earlier call that was stopped."""
    if not path.is_file():
        return False
    *_, last = load_checkpoint(path).header.training.get("lineage", [{}])
    return (last.get("parent"), last.get("share")) == (parent, share)


def _pruned(
    parent: Checkpoint,
    options: Mapping[str, Any],
    config: TrainingConfig,
    base: Path,
    watch: Watch,
) -> AFUNet:
    """The network with the most important channels."""
    network, whole = parent.network(), _config_of(parent.header)
    assert isinstance(network, AFUNet)
    smaller = replace(whole, width=options["width"])
    watch.tell(RANKING, 0, RANKED_BATCHES)
    sampler = _sampler(config, base, parent.header, watch.silenced())

    def crops() -> Iterator[tuple[Tensor, Tensor]]:
        unseen = config.steps + config.recalibration_batches  # no training step draws these
        for done in range(RANKED_BATCHES):
            watch.check()
            inputs, targets = sampler.batch(unseen + done, RANKED_CROPS)
            yield inputs, targets[:, : whole.classes]
            watch.tell(RANKING, done + 1, RANKED_BATCHES)

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        return segmentation_loss(
            logits,
            targets,
            config.focal_weight,
            gap_weight=config.gap_weight,
            gamma=config.focal_gamma,
        )

    importance = channel_importance(network, whole, crops(), loss)
    return pruned(network, whole, smaller, survivors(importance, whole, smaller))


def _sampler(config: TrainingConfig, base: Path, header: Header, watch: Watch) -> CropSampler:
    """The crops of the training, of all folders that training draws from."""
    sources = [
        Source(slices, entry.weight)
        for entry, folder in zip(config.data, _folders(config, base), strict=True)
        if entry.weight > 0
        and (slices := load_labelled(folder, "train", header.input_slices, watch))
    ]
    if not sources:
        raise InputError(
            "no labelled slice in split 'train' of any [[data]] folder, which ranks the channels: "
            "add one with labels",
            code="NO_LABELLED_SLICE",
        )
    crop = replace(config.crop, sizes_px=())
    return CropSampler(sources, crop, config.augment, config.seed, classes=len(header.classes))
