"""The SQLite file of a node, for any number of threads and processes on one host."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

BUSY_S = 30.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS series (
  name TEXT PRIMARY KEY, uid TEXT NOT NULL, study TEXT NOT NULL, modality TEXT NOT NULL,
  description TEXT NOT NULL, images INTEGER NOT NULL, slices INTEGER NOT NULL,
  first REAL NOT NULL, last REAL NOT NULL, state TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS series_by_state ON series (state);
CREATE TABLE IF NOT EXISTS images (
  number INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, series TEXT NOT NULL,
  file TEXT NOT NULL, sha256 TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS images_by_series ON images (series, number);
CREATE TABLE IF NOT EXISTS outbox (
  number INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, series TEXT NOT NULL,
  peer TEXT NOT NULL, file TEXT NOT NULL, uid TEXT NOT NULL, kind TEXT NOT NULL,
  syntax TEXT NOT NULL, sha256 TEXT NOT NULL,
  state TEXT NOT NULL, posted REAL NOT NULL, due REAL NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, code TEXT NOT NULL DEFAULT '', asked TEXT,
  UNIQUE (peer, uid));
CREATE INDEX IF NOT EXISTS outbox_by_state ON outbox (state, peer, due);
CREATE INDEX IF NOT EXISTS outbox_by_series ON outbox (series);
CREATE TABLE IF NOT EXISTS pulled (name TEXT PRIMARY KEY, images INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS cursors (name TEXT PRIMARY KEY, event INTEGER NOT NULL);
"""


class Database:
    """Transactions that are on the disk when they end (write-ahead log, synchronous FULL)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # The last connection to close would merge the log, which costs a sync of the disk.
        self._kept_open = self._connection()
        self._kept_open.execute("PRAGMA journal_mode = WAL")
        self._kept_open.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._kept_open.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield an open transaction; it is undone by an error."""
        with closing(self._connection()) as base:
            base.execute("BEGIN IMMEDIATE")
            try:
                yield base
            except BaseException:
                base.execute("ROLLBACK")
                raise
            base.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection to read from."""
        with closing(self._connection()) as base:
            yield base

    def _connection(self) -> sqlite3.Connection:
        base = sqlite3.connect(
            self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        base.execute("PRAGMA synchronous = FULL")
        return base
