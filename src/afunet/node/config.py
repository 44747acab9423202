"""What `node.toml` says: who the node is, whom it knows, what it segments and where it sends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from afunet.errors import ConfigError
from afunet.formats.dicom.segmentation_kind import SegmentationKind
from afunet.plain import from_plain
from afunet.training.toml_file import parse_toml
from afunet.workflows.result_files import DICOM_RESULTS, require_formats

MOST_TITLE = 16
PORTS = range(1, 1 << 16)
MIB, DAY_S = 1 << 20, 86400.0


@dataclass(frozen=True)
class Tls:
    """Files in PEM: the node's certificate and its key, and the authority that signs all peers.

    The node shows its certificate to everybody and talks to nobody without one (BCP 195).
    """

    certificate: str
    key: str
    authority: str


@dataclass(frozen=True)
class Peer:
    """An archive or scanner: by DIMSE at `host` and `port`, by DICOMweb at `web`, or both.

    A peer without either only sends. DICOMweb is used if `web` is given and no port is. With `get`
    it sends images in the association that asks for them (C-GET), not in one of its own (C-MOVE).
    With `commitment` a result counts as delivered when the peer has taken responsibility for it
    (PS3.4 annex J); a peer that has not answered after `commitment_wait_s` is asked again.
    """

    name: str
    ae_title: str = ""
    host: str = ""
    port: int = 0
    tls: bool = False
    web: str = ""
    get: bool = False
    commitment: bool = False
    commitment_wait_s: float = 3600.0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", self.name):
            raise ConfigError(
                f"the peer's name is {self.name!r}, expected letters, digits, - and _",
                code="PEER_NAME",
            )
        if not (self.ae_title or self.web):
            raise ConfigError(f"the peer {self.name} needs ae_title or web", code="PEER_ADDRESS")
        if self.ae_title:
            require_title(self.ae_title)
        if self.port:
            require_port(self.port)
            if not (self.host and self.ae_title):
                raise ConfigError(
                    f"the peer {self.name} has a port, so it needs host and ae_title",
                    code="PEER_ADDRESS",
                )
        if (self.commitment or self.get) and not self.port:
            raise ConfigError(
                f"commitment and get of the peer {self.name} are for DIMSE, so it needs a port",
                code="PEER_ADDRESS",
            )
        if not 0 < self.commitment_wait_s <= DAY_S:
            raise ConfigError(
                f"commitment_wait_s of {self.name} is {self.commitment_wait_s:g}, expected "
                f"above 0 and at most {DAY_S:g}",
                code="RANGE",
            )
        if self.web and not re.match(r"https?://[^/]", self.web):
            raise ConfigError(
                f"web of the peer {self.name} is {self.web!r}, expected http:// or https://",
                code="PEER_ADDRESS",
            )

    @property
    def is_reachable(self) -> bool:
        """Whether it can be called: to send it results, and to ask it for images."""
        return bool(self.port or self.web)


@dataclass(frozen=True)
class Rule:
    """Which series become jobs, and when a series counts as complete.

    `description` is a regular expression, looked for in the series description without regard to
    case; "" matches all. A series is complete if no new image came for `quiet_s` seconds and, with
    `counted_by`, if the node has as many images as this peer says (C-FIND or QIDO).
    """

    name: str
    modality: str = "CT"
    description: str = ""
    least_slices: int = 10
    quiet_s: float = 60.0
    counted_by: str = ""

    def __post_init__(self) -> None:
        try:
            re.compile(self.description)
        except re.error as reason:
            raise ConfigError(
                f"description of the rule {self.name} is no regular expression: {reason}",
                code="RULE_PATTERN",
            ) from None
        if self.least_slices < 1 or self.quiet_s <= 0:
            raise ConfigError(
                f"the rule {self.name} has least_slices {self.least_slices} and quiet_s "
                f"{self.quiet_s:g}, expected at least 1 and above 0",
                code="RULE_RANGE",
            )

    def matches(self, modality: str, description: str) -> bool:
        """Whether a series of this modality and description is one of the rule's."""
        return modality == self.modality and bool(
            re.search(self.description, description, re.IGNORECASE)
        )


@dataclass(frozen=True)
class Pull:
    """A peer that is asked every `every_s` seconds for studies of today and `days` days before.

    Their series that match a rule are fetched, each once, and again if the peer has more images
    than before.
    """

    peer: str
    days: int = 1
    every_s: float = 300.0

    def __post_init__(self) -> None:
        if self.days < 0 or self.every_s <= 0:
            raise ConfigError(
                f"the pull from {self.peer} has days {self.days} and every_s {self.every_s:g}, "
                "expected at least 0 and above 0",
                code="RANGE",
            )


@dataclass(frozen=True)
class Results:
    """What is made of a series: DICOM formats, and the peers that get them."""

    send_to: tuple[str, ...] = ()
    formats: tuple[str, ...] = ("seg", "rtstruct", "sr")
    segmentation_kind: SegmentationKind = SegmentationKind.BINARY
    deidentify: bool = False
    fast: bool = False
    weights: str = ""

    def __post_init__(self) -> None:
        unknown = [name for name in self.formats if name not in DICOM_RESULTS]
        if unknown or not self.formats:
            raise ConfigError(
                f"formats are {list(self.formats)}, expected some of {', '.join(DICOM_RESULTS)}",
                code="RESULT_FORMATS",
            )
        require_formats(self.formats)


@dataclass(frozen=True)
class NodeConfig:
    """The node. Files and folders are relative to the file that names them.

    `host` is where it listens; `health_port` is that of the health page, which is only shown to
    this computer. `free_mib` is what must stay free on the disk: no image is taken below it.
    """

    ae_title: str
    data: str
    rules: tuple[Rule, ...]
    host: str = "127.0.0.1"
    port: int = 11112
    health_port: int = 0
    workers: int = 1
    free_mib: int = 1024
    lease_s: float = 30.0
    retry_s: float = 10.0
    most_tries: int = 20
    most_associations: int = 32
    tls: Tls | None = None
    peers: tuple[Peer, ...] = ()
    pulls: tuple[Pull, ...] = ()
    results: Results = field(default_factory=Results)

    def __post_init__(self) -> None:
        require_title(self.ae_title)
        require_port(self.port)
        if self.health_port:
            require_port(self.health_port)
        _require_several("peers", (peer.name for peer in self.peers))
        _require_several("rules", (rule.name for rule in self.rules))
        if not self.rules:
            raise ConfigError("no [[rules]]: no series would be segmented", code="NO_RULES")
        if min(self.workers, self.most_tries, self.most_associations) < 1 or self.lease_s < 1:
            raise ConfigError(
                "workers, most_tries, most_associations and lease_s must be at least 1",
                code="RANGE",
            )
        self._require_reachable("results are for", self.results.send_to)
        counting = [rule.counted_by for rule in self.rules if rule.counted_by]
        self._require_reachable("images are counted by", counting)
        self._require_reachable("series are pulled from", [pull.peer for pull in self.pulls])
        if self.tls is None and any(peer.tls for peer in self.peers):
            raise ConfigError("a peer has tls = true, so [tls] is needed", code="CERTIFICATE")

    def _require_reachable(self, what: str, names: Iterable[str]) -> None:
        for name in names:
            if not self.peer(name).is_reachable:
                raise ConfigError(
                    f"{what} {name}, which has neither port nor web", code="PEER_ADDRESS"
                )

    def peer(self, name: str) -> Peer:
        """Return a peer by its name; raises `ConfigError` (`PEER_UNKNOWN`) if there is none."""
        for peer in self.peers:
            if peer.name == name:
                return peer
        known = ", ".join(peer.name for peer in self.peers) or "none"
        raise ConfigError(f"there is no peer {name!r}; known: {known}", code="PEER_UNKNOWN")

    @property
    def calling_titles(self) -> list[str]:
        """The AE titles that may call."""
        return [peer.ae_title for peer in self.peers if peer.ae_title]

    @property
    def free_bytes(self) -> int:
        """The bytes that must stay free."""
        return self.free_mib * MIB

    def rule_for(self, modality: str, description: str) -> Rule | None:
        """Return the first rule that a series matches."""
        return next((rule for rule in self.rules if rule.matches(modality, description)), None)


def load_config(path: Path) -> NodeConfig:
    """Read `node.toml`; raises `ConfigError`, one line for whatever is wrong in it."""
    config = from_plain(NodeConfig, parse_toml(path), str(path))
    base = path.absolute().parent
    tls = config.tls
    if tls is not None:
        tls = Tls(*(str(base / name) for name in (tls.certificate, tls.key, tls.authority)))
    weights = config.results.weights
    results = replace(config.results, weights=str(base / weights) if weights else "")
    return replace(config, data=str(base / config.data), tls=tls, results=results)


def require_title(title: str) -> None:
    """Raise `ConfigError` for what is no AE title: 1 to 16 of ASCII, no backslash (PS3.5 6.2)."""
    fits = title.isascii() and title.isprintable() and "\\" not in title
    if not (fits and title == title.strip() and 1 <= len(title) <= MOST_TITLE):
        raise ConfigError(
            f"ae_title is {title!r}, expected 1 to {MOST_TITLE} characters of ASCII without \\",
            code="AE_TITLE",
        )


def require_port(port: int) -> None:
    """Raise `ConfigError` for what is no port."""
    if port not in PORTS:
        raise ConfigError(f"the port is {port}, expected 1 to {PORTS[-1]}", code="PORT")


def _require_several(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigError(f"{what} have the name {twice[0]!r} twice", code="NAME_TWICE")
