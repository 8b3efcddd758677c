"""A course's tabs: one is current, and each leads to a page of that course only."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request

from nbhostd.core.names import CourseName
from nbhostd.web.coursetabs import NAMES, course_tabs, teach_path
from tests.web.site_trial import site_trial


@pytest.mark.parametrize("current", NAMES)
async def test_one_tab_is_current_and_the_crumbs_lead_there(tmp_path: Path, current: str) -> None:
    async with site_trial(tmp_path) as trial:
        found = course_tabs(make_mocked_request("GET", "/"), trial.site, CourseName("é t"), current)
    assert [item.href for item in found["tabs"] if item.current] == [teach_path(CourseName("é t"), current)]
    assert found["crumbs"][-1][0] == teach_path(CourseName("é t"), current)
    assert all(item.href.startswith("/teach/%C3%A9%20t") for item in found["tabs"])
