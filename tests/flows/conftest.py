"""One real server process for all tests of a module; each test asks for a request of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.server import Site, running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(tmp_path_factory.mktemp("site") / "signoff") as served:
        yield served
