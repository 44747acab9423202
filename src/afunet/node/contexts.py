"""What the node's associations offer: images in, results out, with or without TLS."""

from __future__ import annotations

import ssl

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES
from pynetdicom.sop_class import (
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
    StorageCommitmentPushModel,
    Verification,
)

from afunet.errors import ConfigError
from afunet.node.config import NodeConfig, Tls

IMAGES = (CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage)
WAIT_S = 30.0


def receiving_entity(config: NodeConfig) -> AE:
    """Return the entity that takes images and the answers to storage commitment."""
    entity = entity_of(config)
    entity.require_called_aet = True
    entity.require_calling_aet = config.calling_titles
    entity.maximum_associations = config.most_associations
    entity.add_supported_context(Verification)
    for kind in IMAGES:
        entity.add_supported_context(kind, ALL_TRANSFER_SYNTAXES)
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    return entity


def entity_of(config: NodeConfig) -> AE:
    """Return an entity with the node's title and limits of time."""
    entity = AE(config.ae_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = WAIT_S
    entity.connection_timeout = WAIT_S
    return entity


def server_context(tls: Tls) -> ssl.SSLContext:
    """Return what the receiver asks of callers: TLS 1.2 and a certificate of the authority."""
    context = _context(tls, ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(tls: Tls) -> ssl.SSLContext:
    """Return what the sender shows and asks of peers; a certificate must name the peer's host."""
    return _context(tls, ssl.PROTOCOL_TLS_CLIENT)


def _context(tls: Tls, side: int) -> ssl.SSLContext:
    try:
        context = ssl.SSLContext(side)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(tls.certificate, tls.key)
        context.load_verify_locations(tls.authority)
    except (OSError, ssl.SSLError) as reason:
        raise ConfigError(
            f"the files of [tls] cannot be used: {reason.strerror or type(reason).__name__}; "
            "expected certificate, key and authority in PEM",
            code="CERTIFICATE",
        ) from None
    return context
