"""Series are fetched from a real archive by C-GET and by DICOMweb, each image onto the disk."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import RLELossless, generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, Verification
from tests.node.conftest import Orthanc, copies, free_port
from tests.refusals import refused

from afunet.errors import InputError
from afunet.node.archives import archive
from afunet.node.config import NodeConfig, Peer, Pull
from afunet.node.counting import image_count
from afunet.node.images import Images, Series
from afunet.node.intake import Intake
from afunet.node.offers import NOT_ALL_SENT, Offer
from afunet.node.puller import Puller
from afunet.node.web import Web

PULL = Pull("pacs", days=0)
WAYS = ("get", "web")
DAYS = itertools.count(0, 2)


@pytest.fixture(params=WAYS)
def pulling(request: pytest.FixtureRequest, orthanc: Orthanc, config: NodeConfig) -> NodeConfig:
    peers = {
        "get": Peer("pacs", "PACS", "127.0.0.1", orthanc.port, get=True),
        "web": Peer("pacs", web=f"{orthanc.web}/dicom-web"),
    }
    return replace(config, peers=(peers[request.param],), pulls=(PULL,))


@pytest.fixture
def day() -> date:
    """One on which no other test has studies."""
    return date(2001, 1, 1) + timedelta(next(DAYS))


def kept_by(orthanc: Orthanc, day: date, images: list[pydicom.Dataset], **others: Any) -> None:
    """Let the archive keep images as those of a study of that day."""
    study = generate_uid()
    for image in images:
        image.StudyDate, image.StudyInstanceUID = f"{day:%Y%m%d}", study
        for keyword, value in others.items():
            setattr(image, keyword, value)
        file = io.BytesIO()
        image.save_as(file)
        orthanc.take(file.getvalue())


def pulled(config: NodeConfig, images: Images, day: date, beat: Callable[[], None] = int) -> int:
    return Puller(config, images, lambda: day).pull(PULL, beat)


def test_what_a_rule_takes_is_fetched_once_and_again_when_there_is_more(
    orthanc: Orthanc, pulling: NodeConfig, images: Images, series: list[Path], day: date
) -> None:
    wanted, unwanted = copies(series, 2)
    kept_by(orthanc, day, wanted[:5])
    kept_by(orthanc, day, unwanted, SeriesDescription="Skull")
    beats: list[int] = []
    assert pulled(pulling, images, day, lambda: beats.append(1)) == 1
    assert len(beats) >= 5  # a slow archive is not taken for a part that hangs
    assert pulled(pulling, images, day) == 0
    (found,) = images.open_series()
    assert (found.images, found.uid) == (5, wanted[0].SeriesInstanceUID)
    kept = {str(image.SOPInstanceUID): image for image in map(pydicom.dcmread, paths(images))}
    for image in wanted[:5]:
        assert kept[image.SOPInstanceUID].PixelData == image.PixelData
    wanted[5].StudyInstanceUID, wanted[5].StudyDate = found.study, f"{day:%Y%m%d}"
    file = io.BytesIO()
    wanted[5].save_as(file)
    orthanc.take(file.getvalue())
    assert image_count(pulling, pulling.peer("pacs"), found) == 6
    assert pulled(pulling, images, day) == 1
    assert images.open_series()[0].images == 6
    assert pulled(pulling, images, day + timedelta(days=1)) == 0


def paths(images: Images) -> list[Path]:
    return [path for one in images.open_series() for path in images.paths(one.name, 100)]


def test_compressed_images_come_as_the_archive_has_them(
    orthanc: Orthanc, pulling: NodeConfig, images: Images, series: list[Path], day: date
) -> None:
    (sent,) = copies(series)
    for image in sent:
        image.compress(RLELossless, generate_instance_uid=False)
    kept_by(orthanc, day, sent)
    assert pulled(pulling, images, day) == 1
    assert {pydicom.dcmread(path).file_meta.TransferSyntaxUID for path in paths(images)} == {
        RLELossless
    }


def test_a_series_that_the_disk_has_no_room_for_is_not_pulled_and_is_asked_for_again(
    orthanc: Orthanc, pulling: NodeConfig, images: Images, series: list[Path], day: date
) -> None:
    (sent,) = copies(series)
    kept_by(orthanc, day, sent)
    assert pulled(replace(pulling, free_mib=1 << 40), images, day) == 0
    assert images.open_series() == []
    assert pulled(pulling, images, day) == 1
    assert len(paths(images)) == len(sent)


def test_a_series_that_an_archive_does_not_know_has_no_images(
    pulling: NodeConfig, images: Images
) -> None:
    unknown = Series("name", "1.2.3", "1.2", "CT", "Knee", 1, 1)
    assert image_count(pulling, pulling.peer("pacs"), unknown) is None
    with archive(pulling, pulling.peer("pacs"), Intake(images, 1)) as asked:
        assert asked.fetch(Offer("1.2", "1.2.3", "CT", "Knee", 3)) == NOT_ALL_SENT


def test_an_answer_that_breaks_off_is_not_all(
    config: NodeConfig, images: Images, series: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Client:
        def iter_series(self, *_: object) -> Iterator[pydicom.Dataset]:
            yield from (pydicom.dcmread(io.BytesIO(path.read_bytes())) for path in series[:2])
            raise ValueError("no multipart")

    monkeypatch.setattr(Web, "client", Client())
    with archive(config, Peer("pacs", web="http://x"), Intake(images, 1)) as asked:
        offer = Offer("1.2", "1.3", "CT", "Knee", len(series))
        assert asked.fetch(offer) == NOT_ALL_SENT
        assert asked.fetch(replace(offer, images=0)) == ""  # it said no number
    assert len(paths(images)) == 2


def test_only_images_of_a_ct_are_kept(
    config: NodeConfig, images: Images, series: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pydicom.dcmread(series[0])
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    file = io.BytesIO()
    image.save_as(file)

    class Client:
        def iter_series(self, *_: object) -> list[pydicom.Dataset]:
            return [pydicom.dcmread(io.BytesIO(file.getvalue()))]

    monkeypatch.setattr(Web, "client", Client())
    with archive(config, Peer("pacs", web="http://x"), Intake(images, 1)) as asked:
        offer = Offer("1.2", "1.3", "CT", "Knee", 1)
        assert asked.fetch(offer) == NOT_ALL_SENT
    assert images.open_series() == []


def test_a_service_that_is_away_or_refuses_is_named(
    orthanc: Orthanc, config: NodeConfig, images: Images
) -> None:
    for web, code in (
        (f"http://127.0.0.1:{free_port()}", "PEER_UNREACHABLE"),
        (f"{orthanc.web}/nothing", "PEER_REFUSES"),
        (f"{orthanc.web}/app/explorer.html?", "PEER_REFUSES"),
    ):
        asked = replace(config, peers=(Peer("pacs", web=web),))
        with refused(InputError, code, "pacs"):
            pulled(asked, images, date.today())


def test_a_peer_that_takes_no_queries_is_named(config: NodeConfig, images: Images) -> None:
    entity, port = AE("PACS"), free_port()
    entity.add_supported_context(Verification)
    entity.add_supported_context(CTImageStorage)
    server = entity.start_server(("127.0.0.1", port), block=False)
    try:
        asked = replace(config, peers=(Peer("pacs", "PACS", "127.0.0.1", port, get=True),))
        with refused(InputError, "PEER_REFUSES"):
            pulled(asked, images, date.today())
        with (
            archive(asked, asked.peers[0], Intake(images, 1)) as made,
            refused(InputError, "PEER_REFUSES"),
        ):
            made.fetch(Offer("1.2", "1.3", "CT", "Knee", 1))
    finally:
        server.shutdown()
