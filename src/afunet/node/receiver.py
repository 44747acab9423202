"""The receiver: takes images by C-STORE, and the answers to storage commitment."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from socketserver import TCPServer
from typing import Any

from pynetdicom import evt
from pynetdicom.transport import ThreadedAssociationServer

from afunet.errors import ConfigError
from afunet.node.commitment import reported
from afunet.node.config import NodeConfig
from afunet.node.contexts import receiving_entity, server_context
from afunet.node.images import Images
from afunet.node.intake import SUCCESS, Intake
from afunet.node.log import say
from afunet.node.outbox import Outbox

HANDSHAKE_S = 10.0


class _Server(ThreadedAssociationServer):  # type: ignore[misc]
    """Accepts callers; TLS begins in each one's own thread, so a silent one stops nobody."""

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection."""
        return self.socket.accept()  # type: ignore[no-any-return]

    def process_request_thread(self, request: socket.socket, client_address: Any) -> None:
        """Begin an association; hang up on who does not speak TLS if it is asked for."""
        context: ssl.SSLContext | None = self.ssl_context
        if context is not None:
            request.settimeout(HANDSHAKE_S)
            try:
                request = context.wrap_socket(request, server_side=True)
            except OSError as error:
                say("caller refused", code="TLS_REFUSED", reason=type(error).__name__)
                self.shutdown_request(request)
                return
            request.settimeout(None)
        super().process_request_thread(request, client_address)

    def stop(self) -> None:
        """Accept no more callers."""
        TCPServer.shutdown(self)
        self.socket.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write no stack: it would quote addresses."""
        say("caller lost")


@dataclass(frozen=True, eq=False)
class Receiver:
    """Takes images into `images`, and answers to commitment into `outbox`."""

    config: NodeConfig
    images: Images
    outbox: Outbox

    def run(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Listen until `stop` is set; raises `ConfigError` (`ADDRESS_TAKEN`) if that fails."""
        config, intake = self.config, Intake(self.images, self.config.free_bytes)
        context = None if config.tls is None else server_context(config.tls)
        try:
            server = receiving_entity(config).make_server(
                (config.host, config.port),
                ssl_context=context,
                evt_handlers=[
                    (evt.EVT_C_ECHO, lambda event: SUCCESS),
                    (evt.EVT_C_STORE, intake.store),
                    (evt.EVT_N_EVENT_REPORT, lambda event: reported(self.outbox, event)),
                    (evt.EVT_REJECTED, lambda event: say("caller refused", code="TITLE_REFUSED")),
                ],
                server_class=_Server,
            )
        except OSError as reason:
            raise address_taken(config, reason) from None
        thread = threading.Thread(target=server.serve_forever, daemon=True, name="listening")
        thread.start()
        say("listening", port=config.port, tls=str(config.tls is not None).lower())
        while not stop.wait(1.0) and thread.is_alive():
            beat()
        server.stop()


def address_taken(config: NodeConfig, reason: OSError) -> ConfigError:
    """Return the refusal for an address at which nobody can listen."""
    return ConfigError(
        f"cannot listen at {config.host}:{config.port}: {reason.strerror or reason}; change host "
        "or port",
        code="ADDRESS_TAKEN",
    )
