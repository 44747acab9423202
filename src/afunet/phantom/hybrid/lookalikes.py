"""Painted into a bone before it breaks: cracks that end inside, and what looks like one."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from afunet.phantom.hybrid.plan import Band, Break, Channel, Crack
from afunet.phantom.hybrid.surfaces import value_at
from afunet.phantom.shapes.arrays import Float32Array, FloatArray

_COURSE_STEP_MM = 0.25


def painted(hu: Float32Array, points: Float32Array, plan: Break, voxel_mm: float) -> Float32Array:
    """HU (N,) of bone at points (N, 3) of its frame, with the plan's bands, channels and cracks.

    None of them parts the bone, whatever it looks like. Partial volume is that of `voxel_mm`.
    """
    for band in plan.bands:
        hu = hu + band_hu(band, points)
    for channel in plan.channels:
        hu = _with_channel(hu, points, channel, voxel_mm)
    for crack in plan.cracks:
        open_mm = crack_width(crack, points)
        share = np.clip((open_mm / 2 - np.abs(_near(crack, points))) / voxel_mm + 0.5, 0, 1)
        share = np.minimum(share, open_mm / voxel_mm)
        hu = hu + share * (np.float32(plan.gap_hu) - hu)
    return hu.astype(np.float32)


def _near(crack: Crack, points: Float32Array) -> Float32Array:
    return value_at(crack.surface, points)


def crack_width(crack: Crack, points: Float32Array) -> Float32Array:
    """Width (N,) in mm of a crack beside points (N, 3): 0 beyond its end and its reach."""
    onward = (points - np.asarray(crack.end_mm, np.float32)) @ np.asarray(crack.onward, np.float32)
    away = np.linalg.norm(points - np.asarray(crack.surface.centre_mm, np.float32), axis=1)
    width = np.float32(crack.width_mm) * np.sqrt(np.clip(-onward / crack.taper_mm, 0, 1))
    return np.asarray(np.where(away < crack.reach_mm, width, 0), dtype=np.float32)


def band_hu(band: Band, points: Float32Array) -> Float32Array:
    """HU (N,) that a band adds at points (N, 3)."""
    across = value_at(band.surface, points) / np.float32(band.width_mm)
    away = np.linalg.norm(points - np.asarray(band.surface.centre_mm, np.float32), axis=1)
    fade = np.clip((np.float32(band.reach_mm) - away) / 5, 0, 1)
    return np.asarray(np.float32(band.hu) * np.exp(-0.5 * across**2) * fade, dtype=np.float32)


def _with_channel(
    hu: Float32Array, points: Float32Array, channel: Channel, voxel_mm: float
) -> Float32Array:
    radius = channel.radius_mm
    away, _ = cKDTree(_course(channel)).query(points, distance_upper_bound=4 * radius + 2)
    share = np.clip((radius - away) / voxel_mm + 0.5, 0, 1) * min(1.0, 2 * radius / voxel_mm)
    wall = channel.wall_hu * np.exp(-0.5 * ((away - radius - 0.5) / 0.6) ** 2)
    return np.asarray(hu + wall * (away < np.inf) + share * (channel.hu - hu), dtype=np.float32)


def _course(channel: Channel) -> FloatArray:
    points = np.asarray(channel.course_mm)
    steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.arange(0, steps[-1], _COURSE_STEP_MM)
    return np.stack([np.interp(at, steps, column) for column in points.T], axis=1)
