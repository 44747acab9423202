"""The digests of files that were written."""

import os
from hashlib import sha256
from pathlib import Path

from afunet.workflows.own_files import digest_of


def test_a_file_that_changed_has_another_digest_even_at_the_same_size(tmp_path: Path) -> None:
    path = tmp_path / "one"
    for age_s, content in ((0, b"aaa"), (0, b"bbb"), (1000, b"ccc"), (900, b"ddd")):
        path.write_bytes(content)
        if age_s:
            seconds = path.stat().st_mtime - age_s
            os.utime(path, (seconds, seconds))
        assert digest_of(path) == digest_of(path) == sha256(content).hexdigest()
    os.link(path, tmp_path / "other")
    assert digest_of(tmp_path / "other") == sha256(b"ddd").hexdigest()
    assert digest_of(tmp_path / "none") is None
