"""nnU-Net's own network, predictor and resampling, with random weights."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.peers_parts.plans import STEP, Field, Plan
from benchmarks.peers_parts.scene import Scene
from benchmarks.peers_parts.work import Work

CLASSES = 2
LABELS = {"labels": {"background": 0, "bone": 1}, "channel_names": {"0": "CT"}}
RESAMPLED_SLICES = 12


def predicted(plan: Plan, field: Field, *, mirrored: bool) -> Callable[[Scene], Work]:
    """The sliding window of the predictor: over the slices, or over one patch of a 3D plan."""

    def work(scene: Scene) -> Work:
        predictor = _predictor(plan)
        passes = plan.mirrorings if mirrored else 1
        data, one = _input(plan, scene)
        whole, part = plan.patches(field), len(data[0]) if len(plan.patch) == 2 else 1

        def run(given: torch.Tensor, mirror: bool) -> None:
            predictor.use_mirroring = mirror
            predictor.predict_sliding_window_return_logits(given)

        return Work(
            lambda: run(one, False),
            lambda: run(data, mirrored),
            units=part * passes,
            per_slice=whole * passes / field.shape[0],
            said=f"{part} of {whole} patches" + (f" x {passes}" if mirrored else ""),
        )

    return work


def resampled(plan: Plan, field: Field) -> Callable[[Scene], Work]:
    """From the scan to the plan's voxels, and the logits of two classes back."""

    def work(scene: Scene) -> Work:
        from nnunetv2.preprocessing.resampling import default_resampling

        part = Field((RESAMPLED_SLICES, *field.shape[1:]), field.spacing_mm)
        assert plan.spacing_mm is not None
        fine, coarse = np.array(part.spacing_mm), np.full(3, plan.spacing_mm)
        scan = np.resize(scene.units[:, 0], (1, *part.shape)).astype(np.float32)

        def resize(data: Any, shape: Any, old: Any, new: Any, order: int) -> Any:
            return default_resampling.resample_data_or_seg_to_shape(
                data, shape, old, new, order=order, force_separate_z=None
            )

        def run() -> None:
            image = resize(scan, part.resampled(plan.spacing_mm or 0.0), fine, coarse, 3)
            resize(np.repeat(image, CLASSES, axis=0), part.shape, coarse, fine, 1)

        return Work(run, run, 1, 1 / RESAMPLED_SLICES, f"{RESAMPLED_SLICES} slices")

    return work


def _input(plan: Plan, scene: Scene) -> tuple[torch.Tensor, torch.Tensor]:
    """What is timed, (1, slice, row, column), and one patch of it."""
    units = torch.from_numpy(scene.units[:, 0])[None]
    if len(plan.patch) == 2:
        return units, units[:, :1]
    patch = torch.from_numpy(np.resize(scene.units[:, 0], (1, *plan.patch)))
    return patch, patch


def _predictor(plan: Plan) -> Any:
    """As nnunetv2 makes it from a plans file and a checkpoint."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    plans = plans_of(plan)
    manager = PlansManager(plans)
    configuration = manager.get_configuration("planned")
    network = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        1,
        CLASSES,
        deep_supervision=False,
    )
    with contextlib.redirect_stdout(io.StringIO()):  # it says that a CPU is no GPU
        predictor = nnUNetPredictor(
            tile_step_size=STEP, device=torch.device("cpu"), allow_tqdm=False
        )
    axes = tuple(range(len(plan.patch)))
    predictor.manual_initialization(
        network, manager, configuration, None, LABELS, "nnUNetTrainer", axes
    )
    return predictor


def plans_of(plan: Plan) -> dict[str, Any]:
    """The part of nnU-Net's plans file that prediction needs."""
    axes, stages = len(plan.patch), len(plan.strides)
    architecture = {
        "n_stages": stages,
        "features_per_stage": plan.features,
        "conv_op": f"torch.nn.modules.conv.Conv{axes}d",
        "kernel_sizes": ((3,) * axes,) * stages,
        "strides": plan.strides,
        "n_conv_per_stage": (2,) * stages,
        "n_conv_per_stage_decoder": (2,) * (stages - 1),
        "conv_bias": True,
        "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{axes}d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    return {
        "dataset_name": "none",
        "plans_name": "planned",
        "label_manager": "LabelManager",
        "configurations": {
            "planned": {
                "patch_size": plan.patch,
                "batch_size": 2,
                "architecture": {
                    "network_class_name": "dynamic_network_architectures.architectures.unet."
                    "PlainConvUNet",
                    "arch_kwargs": architecture,
                    "_kw_requires_import": ("conv_op", "norm_op", "dropout_op", "nonlin"),
                },
            }
        },
    }
