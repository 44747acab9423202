"""What every request passes before anything reads it: host, token, origin, length and pace."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from afunet.server.limits import Limits
from afunet.server.people import People
from afunet.server.refusals import Refused, answer

OWN_HEADER = "x-afunet"
REFUSED = 400
LINGER_S, LINGER_BYTES = 2.0, 64 << 20
READING = ("GET", "HEAD", "OPTIONS")
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
CLOSED_PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>afunet</title>"
    "<p>Open the address that <code>afunet serve</code> printed: it carries your token."
)


@dataclass(frozen=True)
class Door:
    """Where the server listens: its port, the names by which it may be called, its scheme.

    A server that listens beyond this computer also answers to every address in digits, because
    only a name can be made to lead to another computer.
    """

    port: int
    names: frozenset[str] = frozenset({"127.0.0.1", "localhost", "[::1]"})
    everywhere: bool = False

    def answers_to(self, host: str) -> bool:
        """Whether a Host header is one of this server's."""
        name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
        if not colon:
            name, port = host, "80"
        if port != str(self.port):
            return False
        return name.lower() in self.names or (self.everywhere and _is_address(name))

    @property
    def cookie(self) -> str:
        """The cookie's name; browsers send cookies to all ports of a host."""
        return f"afunet-{self.port}"


@dataclass(eq=False)
class Guard:
    """Middleware that lets in requests of known users alone, and adds headers to all answers.

    `scope["state"]["user"]` is the name of the user. Paths in `open_paths` need no token, those
    that begin with one of `programs` belong to clients that are no browsers: they need the token
    in a header, which no foreign page can set, in place of the own header.
    """

    app: ASGIApp
    door: Door
    people: People
    limits: Limits = field(default_factory=Limits)
    open_paths: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(receive, self.limits, self.limits.most_bytes(scope["method"], scope["path"]))
        guarded = _answering(send, body)
        try:
            welcome = self._welcome(scope)
        except Refused as refusal:
            await _refusal(scope, refusal)(scope, receive, guarded)
            return
        await (welcome or self.app)(scope, body, guarded)

    def _welcome(self, scope: Scope) -> Response | None:
        """Check the head of a request; return the redirection that takes a token from a link."""
        headers, path, method = Headers(scope=scope), scope["path"], scope["method"]
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.door.answers_to(hosts[0]):
            raise Refused(
                400, "this host is not the server's: use the address it printed", code="WRONG_HOST"
            )
        if method == "GET" and path == "/" and b"token=" in scope["query_string"]:
            return self._with_cookie(scope)
        if path not in self.open_paths:
            scope.setdefault("state", {})["user"] = self._user(headers)
        if method not in READING:
            self._require_own(headers, path)
        _require_length(headers, self.limits.most_bytes(method, path))
        return None

    def _with_cookie(self, scope: Scope) -> Response:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if self.people.who(given) is None:
            raise _unknown()
        response = RedirectResponse("/", 303)
        response.set_cookie(self.door.cookie, given, httponly=True, samesite="strict", path="/")
        return response

    def _user(self, headers: Headers) -> str:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if not given:
            given = cookie_parser(headers.get("cookie", "")).get(self.door.cookie, "")
        elif kind.lower() != "bearer":
            raise _unknown()
        user = self.people.who(given.strip())
        if user is None:
            raise _unknown()
        return user

    def _require_own(self, headers: Headers, path: str) -> None:
        """Refuse what the page of another site may have sent."""
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{headers['host']}":
            raise Refused(403, "this request comes from another page", code="WRONG_ORIGIN")
        if path.startswith(self.programs) and (
            path in self.open_paths or "authorization" in headers
        ):
            return
        if headers.get(OWN_HEADER) != "1":
            raise Refused(
                403,
                "a request that changes something needs the header X-Afunet: 1",
                code="HEADER_MISSING",
            )


@dataclass(eq=False)
class _Body:
    """Passes on a body until it is too long or too slow, whatever its head says."""

    receive: Receive
    limits: Limits
    most: int
    _came: int = 0
    _began: float = field(default_factory=time.monotonic)
    _ended: bool = False

    async def __call__(self) -> Message:
        if self._ended:  # what comes now is the end of the connection, and may take hours
            return await self.receive()
        pause = self.limits.patience_s + self._came / self.limits.slowest_bytes_s
        try:
            async with asyncio.timeout(pause - (time.monotonic() - self._began)):
                message = await self.receive()
        except TimeoutError:
            raise Refused(408, "the body came too slowly: send it again", code="TOO_SLOW") from None
        self._came += len(message.get("body", b""))
        self._ended = not message.get("more_body", False)
        if self._came > self.most:
            raise too_large(self.most)
        return message

    async def drain(self) -> None:
        """Read what still comes for a moment: a client that is still sending hears no answer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while not self._ended and self._came < LINGER_BYTES:
                    message = await self.receive()
                    self._came += len(message.get("body", b""))
                    self._ended = not message.get("more_body", False)


def too_large(most: int) -> Refused:
    """The refusal of a body with more than so many bytes."""
    shown = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most} bytes"
    return Refused(413, f"this is larger than {shown}, the most that is taken", code="TOO_LARGE")


def _require_length(headers: Headers, most: int) -> None:
    length = headers.get("content-length")
    if length is not None and int(length) > most:
        raise too_large(most)
    if headers.get("content-encoding", "identity") != "identity":
        raise Refused(415, "a compressed body is not taken: send it as it is", code="BODY_ENCODED")


def _unknown() -> Refused:
    return Refused(
        401,
        "no token, or one that is not valid: open the address that afunet serve printed",
        code="TOKEN_UNKNOWN",
    )


def _refusal(scope: Scope, refusal: Refused) -> Response:
    headers: Mapping[str, str] = {"connection": "close"}
    if refusal.status == 401 and scope["path"] == "/":
        return Response(CLOSED_PAGE, 401, dict(headers), "text/html")
    if refusal.status == 401:
        headers = {**headers, "www-authenticate": "Bearer"}
    return answer(refusal.status, refusal.code, str(refusal), headers)


def _answering(send: Send, body: _Body) -> Send:
    """Add the headers of every answer; before a refusal, take the rest of the body."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] >= REFUSED:
                await body.drain()
            present = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [
                *message["headers"],
                *(
                    (name.encode(), value.encode())
                    for name, value in HEADERS.items()
                    if name.encode() not in present
                ),
            ]
        await send(message)

    return guarded


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
