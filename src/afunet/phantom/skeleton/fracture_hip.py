"""Fractures of the proximal femur and of the pelvis.

Sizes and places are by eye from clinical images of the named classes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from afunet.phantom.shapes.arrays import FloatArray
from afunet.phantom.skeleton.fracture_site import End, Site, Split

_HEAD_MM = 46.0
"""Diameter of a femoral head."""
_SOCKET_HEIGHT, _SOCKET_ACROSS_MM = 0.27, 78.0
"""The socket's height as a share of the pelvis's, and its distance from the midplane."""


def _head(site: Site) -> End | None:
    """The femoral head; its half-widths are those of the neck's surroundings."""
    top = site.points_mm[site.points_mm[:, 2] > site.ends_mm[1] - _HEAD_MM * site.size]
    if len(top) < 200:
        return None
    inward = -site.outward * top[:, 0]
    ball = top[inward > inward.max() - _HEAD_MM * site.size]
    middle = (ball.min(axis=0) + ball.max(axis=0)) / 2
    return End(middle, 1.0, 1.0, site.outward)


def femoral_neck(site: Site) -> Iterator[Split]:
    """Through the neck, below the head or in the middle, flat to steep (Pauwels)."""
    head = _head(site)
    if head is not None:
        along = np.array([0.8, 0.2, -0.6]) * site.mm(20, 32)
        steep = np.deg2rad(53 + site.rng.uniform(-22, 22))
        normal = head.to(-np.sin(steep), -0.15, np.cos(steep))
        yield Split(0, site.plane(head.at(*along), normal))


def trochanteric(site: Site) -> Iterator[Split]:
    """From the greater to the lesser trochanter; either may come off too."""
    head, size = _head(site), site.size
    if head is not None:
        place = head.at(site.mm(27, 36), 8 * size, -site.mm(26, 36))
        yield Split(0, site.plane(place, head.to(-0.76, site.rng.uniform(-0.4, 0.1), 0.65)))
        if site.rng.random() < 0.6:
            lesser = head.at(14 * size, 20 * size, -site.mm(54, 64))
            yield Split(0, site.chunk(lesser, 9, 14))
        if site.rng.random() < 0.4:
            greater = head.at(site.mm(44, 52), 12 * size, 0)
            yield Split(0, site.plane(greater, head.to(0.7, 0.35, 0.6)))


def _socket(site: Site) -> End | None:
    """The acetabulum on the side that more of the view shows; half-widths are one millimetre."""
    low, high = site.ends_mm
    level = low + _SOCKET_HEIGHT * (high - low)
    beside = site.outward * site.points_mm[:, 0]
    near = (np.abs(site.points_mm[:, 2] - level) < 12) & (beside > 45 * site.size)
    if near.sum() < 100:
        return None
    front, back = np.percentile(site.points_mm[near, 1], [2, 98])
    x = site.outward * _SOCKET_ACROSS_MM * site.size
    return End(np.array([x, (front + back) / 2, level]), 1.0, 1.0, site.outward)


def _midline(
    site: Site, socket: End, front_mm: float, back_mm: float
) -> tuple[FloatArray, FloatArray]:
    """The plane that spares the other side: near the symphysis in front, past the sacrum behind."""
    reach = _SOCKET_ACROSS_MM * site.size
    front = socket.at(front_mm * site.size - reach, -40 * site.size, 0)
    run = (back_mm - front_mm) / 120.0
    return front, socket.to(-1, run, 0)


def anterior_column(site: Site) -> Iterator[Split]:
    """The front of the hip bone, from the iliac wing through the socket to the inferior ramus."""
    socket = _socket(site)
    if socket is not None:
        place = socket.at(0, site.mm(-8, 6), 0)
        yield Split(
            0,
            site.block(
                (place, socket.to(site.rng.uniform(-0.3, 0.2), 1, site.rng.uniform(-0.1, 0.3))),
                _midline(site, socket, 3, 45),
            ),
        )


def posterior_column(site: Site) -> Iterator[Split]:
    """The back of the socket with the ischium, up to the greater sciatic notch."""
    socket = _socket(site)
    if socket is not None:
        place = socket.at(0, site.mm(0, 10), 0)
        yield Split(
            0,
            site.block(
                (place, socket.to(site.rng.uniform(-0.2, 0.4), -1, site.rng.uniform(-0.1, 0.4))),
                (socket.at(0, 30, site.mm(22, 34)), socket.to(0, 0.2, 1)),
                _midline(site, socket, 15, 38),
            ),
        )


def acetabulum_transverse(site: Site) -> Iterator[Split]:
    """Across the socket: pubis and ischium come off below."""
    socket = _socket(site)
    if socket is not None:
        tilt = site.rng.uniform(-0.35, 0.35, 2)
        place = socket.at(0, 0, site.mm(-6, 14))
        across = (place, socket.to(tilt[0], tilt[1], 1))
        yield Split(0, site.block(across, _midline(site, socket, 3, 32)))


def rami(site: Site) -> Iterator[Split]:
    """The superior and the inferior pubic ramus, each broken at the symphysis and at the socket."""
    socket, size = _socket(site), site.size
    if socket is not None:
        inner, outer = site.mm(10, 20), site.mm(42, 56)
        reach = _SOCKET_ACROSS_MM * size
        yield Split(
            0,
            site.block(
                (socket.at(inner - reach, 0, 0), socket.to(-1, 0.2, 0.2)),
                (socket.at(outer - reach, -20, 0), socket.to(1, -0.5, 0)),
                (socket.at(0, 22 * size, 0), socket.to(0, 1, 0)),
                (socket.at(0, 0, 20 * size), socket.to(0, 0, 1)),
            ),
        )
        yield Split(1, site.plane(socket.at(0, 0, -28 * size), socket.to(0, 0, 1)))


def iliac_wing(site: Site) -> Iterator[Split]:
    """A part of the iliac wing with the crest."""
    socket = _socket(site)
    if socket is not None:
        place = socket.at(site.mm(10, 30), 0, site.mm(80, 110))
        front = site.side()
        yield Split(
            0,
            site.block(
                (place, socket.to(-0.2, front * site.rng.uniform(0.4, 1.2), -1)),
                _midline(site, socket, 30, 62),
            ),
        )


def sacral_ala(site: Site) -> Iterator[Split]:
    """Through the ala and the symphysis: half of the pelvis comes off (vertical shear)."""
    socket = _socket(site)
    if socket is not None:
        point, normal = _midline(site, socket, 0, site.rng.uniform(28, 40))
        yield Split(0, site.plane(point, -normal, 2.0))
