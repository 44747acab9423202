"""The receiver over the wire: who may call, what is kept, what is refused."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pydicom
import pytest
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, Verification
from tests.node.conftest import copies, environment, until

from afunet.node.config import NodeConfig, Tls
from afunet.node.images import Images
from afunet.node.intake import MISMATCH, NOT_UNDERSTOOD, OUT_OF_RESOURCES, SUCCESS, Intake
from afunet.node.outbox import Outbox
from afunet.node.receiver import Receiver


@contextmanager
def listening(config: NodeConfig, images: Images, outbox: Outbox) -> Iterator[None]:
    stop, ready = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=Receiver(config, images, outbox).run, args=(stop, ready.set), daemon=True
    )
    thread.start()
    assert ready.wait(60)
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


@contextmanager
def called(
    config: NodeConfig, calling: str = "SENDER", title: str = "AFUNET", tls: Any = None
) -> Iterator[Any]:
    entity = AE(calling)
    entity.acse_timeout = entity.dimse_timeout = entity.connection_timeout = 20
    for kind in (Verification, CTImageStorage):
        entity.add_requested_context(kind)
    made = entity.associate(
        "127.0.0.1", config.port, ae_title=title, tls_args=(tls, "localhost") if tls else None
    )
    try:
        yield made
    finally:
        if made.is_established:
            made.release()


def status(made: Any, image: pydicom.Dataset) -> int:
    return int(made.send_c_store(image).Status)


def test_what_is_acknowledged_is_there_and_the_same_image_twice_is_one(
    config: NodeConfig, images: Images, outbox: Outbox, series: list[Path]
) -> None:
    with listening(config, images, outbox), called(config) as made:
        assert made.send_c_echo().Status == SUCCESS
        for path in (*series, series[0]):
            assert status(made, pydicom.dcmread(path)) == SUCCESS
    (found,) = images.open_series()
    kept = [pydicom.dcmread(path) for path in images.paths(found.name, 100)]
    sent = [pydicom.dcmread(path) for path in series]
    assert [one.SOPInstanceUID for one in kept] == [one.SOPInstanceUID for one in sent]
    assert [one.PixelData for one in kept] == [one.PixelData for one in sent]


def test_only_known_titles_may_call_and_only_this_node(
    config: NodeConfig, images: Images, outbox: Outbox
) -> None:
    with listening(config, images, outbox):
        for calling, title in (("STRANGER", "AFUNET"), ("SENDER", "OTHER")):
            with called(config, calling, title) as made:
                assert made.is_rejected
        with called(config) as made:
            assert made.is_established


def test_a_full_disk_and_a_false_uid_are_told_to_the_sender(
    config: NodeConfig,
    images: Images,
    outbox: Outbox,
    series: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = pydicom.dcmread(series[0])
    full = replace(config, free_mib=1 << 40)
    with listening(full, images, outbox), called(full) as made:
        assert status(made, image) == OUT_OF_RESOURCES
    assert images.open_series() == []
    intake = Intake(images, config.free_bytes)
    content = series[0].read_bytes()
    assert intake.store(Stored(content, image.SOPInstanceUID)) == SUCCESS
    assert intake.store(Stored(content, "1.2.3")) == MISMATCH
    assert intake.store(Stored(content[:200], "1.2.3")) == NOT_UNDERSTOOD


EC = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


class Stored:
    """A request of C-STORE as pynetdicom gives it."""

    def __init__(self, content: bytes, uid: str) -> None:
        self.content, self.request = content, self
        self.AffectedSOPInstanceUID = uid

    def encoded_dataset(self) -> bytes:
        return self.content


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Files of an authority, of the node and of a client whom another authority signed."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    for name in ("authority", "stranger"):
        openssl("req", "-x509", "-newkey", *EC, "-nodes", "-days", "2", "-subj",
                f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")  # fmt: skip
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    openssl("req", "-newkey", *EC, "-nodes", "-subj", "/CN=localhost", "-keyout", "node.key",
            "-out", "node.csr")  # fmt: skip
    openssl("x509", "-req", "-in", "node.csr", "-CA", "authority.crt", "-CAkey", "authority.key",
            "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "node.crt")  # fmt: skip
    return lambda name: folder / name


def client(certificates: Callable[[str], Path], name: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificates("authority.crt")))
    if name:
        context.load_cert_chain(certificates(f"{name}.crt"), certificates(f"{name}.key"))
    return context


def test_with_tls_nobody_comes_in_without_a_certificate_and_a_silent_caller_stops_nobody(
    config: NodeConfig, images: Images, outbox: Outbox, certificates: Callable[[str], Path]
) -> None:
    own = (str(certificates(name)) for name in ("node.crt", "node.key", "authority.crt"))
    config = replace(config, tls=Tls(*own))
    with (
        listening(config, images, outbox),
        socket.create_connection(("127.0.0.1", config.port)),  # says nothing
    ):
        with called(config, tls=client(certificates, "node")) as made:
            assert made.send_c_echo().Status == SUCCESS
        for context in (client(certificates, None), client(certificates, "stranger"), None):
            with called(config, tls=context) as made:
                until(lambda made=made: not made.is_established, 20)
                assert not made.is_established


def spawned(config: Path) -> subprocess.Popen[bytes]:
    """The receiver as a process; it beats when it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "afunet.node.process", "receiver", str(config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stdout.read(1) == b"."
    return process


def ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def test_what_was_acknowledged_before_a_kill_is_on_the_disk(
    config: NodeConfig, images: Images, series: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "node.toml"
    path.write_text(
        f'ae_title = "AFUNET"\ndata = "data"\nport = {config.port}\nfree_mib = 1\n'
        '[[peers]]\nname = "sender"\nae_title = "SENDER"\n[[rules]]\nname = "all"\n'
    )
    sent = [image for several in copies(series, 40) for image in several]
    acknowledged: list[str] = []
    random = Random(7)
    for _ in range(3):
        process = spawned(path)
        threading.Timer(random.uniform(0.2, 1.0), process.kill).start()
        with called(config) as made:
            for image in sent:
                answer = made.send_c_store(image) if made.is_established else None
                if not answer or answer.Status != SUCCESS:
                    break
                acknowledged.append(image.SOPInstanceUID)
        ended(process)
    assert 0 < len(acknowledged) < 3 * len(sent)  # the kills came in between
    kept = {}
    for one in images.open_series():
        paths = images.paths(one.name, 100)
        assert len(paths) == one.images
        kept |= {pydicom.dcmread(path).SOPInstanceUID: path for path in paths}
    assert set(acknowledged) <= set(kept)
    assert len(kept) <= len(set(acknowledged)) + 3  # kept, but killed before the answer
