"""Entering a workspace: the cookie, whether it came back, and where that leads."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from nbhostd.core.headers import cookie_name, cookie_value
from nbhostd.core.model import Phase, Route
from nbhostd.web.enter import LIFETIME
from tests.web.trial import ALICE, DOMAIN, REQUEST, Trial, trial

TARGET = "notebooks/w1/a%20b.md?course=python&student=alice"


async def _enter(this: Trial) -> tuple[Route, str]:
    this.workspaces.ready_at_once = True
    answer = await this.get(this.launch_path())
    secret = urlsplit(answer.headers["Location"]).path.split("/")[2]
    route = this.workspaces.route(secret)
    assert route is not None
    return route, answer.headers["Location"]


async def test_the_cookie_is_set_for_iframes_and_for_nobody_elses_script() -> None:
    async with trial() as this:
        route, url = await _enter(this)
        answer = await this.get(url)
        name, value = cookie_name(route.workspace.label), cookie_value(route.run)
        assert answer.status == 303
        assert answer.headers.getall("Set-Cookie") == [
            f"{name}={value}; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
        ]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert value not in answer.headers["Location"]


async def test_a_kept_cookie_is_noted() -> None:
    async with trial() as this:
        route, url = await _enter(this)
        first = await this.get(url)
        host = urlsplit(url).netloc
        cookie = first.headers["Set-Cookie"].partition(";")[0]
        second = await this.get(first.headers["Location"], host=host, Cookie=f"other=1; {cookie}")
        assert second.status == 303
        assert second.headers["Location"] == route.run.base_url + TARGET
        assert this.workspaces.called("note_cookie") == [True]


async def test_a_browser_without_the_cookie_goes_on_too() -> None:
    async with trial() as this:
        route, url = await _enter(this)
        first = await this.get(url)
        name = cookie_name(route.workspace.label)
        second = await this.get(first.headers["Location"], host=urlsplit(url).netloc, Cookie=f"{name}=forged")
        assert second.headers["Location"] == route.run.base_url + TARGET
        assert this.workspaces.called("note_cookie") == [False]


async def test_no_parameter_changes_where_it_leads() -> None:
    async with trial() as this:
        route, url = await _enter(this)
        first = await this.get(url + "&next=https://evil.example/")
        second = await this.get(first.headers["Location"] + "&next=//evil.example", host=urlsplit(url).netloc)
        assert second.headers["Location"] == route.run.base_url + TARGET


async def test_a_ticket_is_for_one_run_and_one_minute() -> None:
    async with trial() as this:
        route, url = await _enter(this)
        other = this.workspaces.put(REQUEST.workspace, Phase.READY)
        assert other is not None
        assert (await this.get(url)).status == 410
        moved = url.replace(route.run.secret, other.run.secret)
        assert (await this.get(moved)).status == 403
        _, url = await _enter(this)
        this.clock.pass_by(LIFETIME - timedelta(seconds=1))
        assert (await this.get(url)).status == 303
        this.clock.pass_by(timedelta(seconds=1))
        assert (await this.get(url)).status == 410
        assert this.workspaces.called("note_cookie") == []


async def test_rubbish_is_refused() -> None:
    async with trial() as this:
        _, url = await _enter(this)
        plain = url.partition("?")[0]
        for query in (
            "",
            "?ticket=",
            "?ticket=a.b",
            "?ticket=" + dict(parse_qsl(urlsplit(url).query))["ticket"][:-2],
        ):
            assert (await this.get(plain + query)).status == 403


async def test_a_visit_ticket_does_not_enter() -> None:
    async with trial() as this:
        waiting = await this.get(this.launch_path())
        route = this.workspaces.put(ALICE, Phase.READY)
        assert route is not None
        ticket = waiting.headers["Location"].rpartition("/")[2]
        host = f"{route.workspace.label}.{DOMAIN}:8000"
        assert (
            await this.get(f"http://{host}{route.run.base_url}.nbhostd/enter?ticket={ticket}")
        ).status == 403


async def test_only_the_workspaces_own_host_enters() -> None:
    async with trial() as this:
        _, url = await _enter(this)
        for host in ("nb.localhost:8000", f"{'b' * 26}.{DOMAIN}:8000"):
            assert (await this.get(url, host=host)).status == 421
        assert "Set-Cookie" not in (await this.get(url, host="nb.localhost")).headers


def _tab_url(route: Route, to: str) -> str:
    host = f"{route.workspace.label}.{DOMAIN}:8000"
    return f"http://{host}{route.run.base_url}.nbhostd/tab?{urlencode({'to': to})}"


async def test_a_page_with_the_cookie_lets_another_tab_in() -> None:
    async with trial() as this:
        route, url = await _enter(this)
        first = await this.get(url)
        cookie = first.headers["Set-Cookie"].partition(";")[0]
        await this.get(first.headers["Location"], host=urlsplit(url).netloc, Cookie=cookie)
        answer = await this.get(_tab_url(route, "lab/tree/a%20b.md?x=1"), Cookie=cookie)
        assert answer.status == 200
        entrance = (await answer.json())["url"]
        assert entrance.startswith(url.partition("?")[0])
        entered = await this.get((await this.get(entrance)).headers["Location"], host=urlsplit(url).netloc)
        assert entered.headers["Location"] == route.run.base_url + "lab/tree/a%20b.md?x=1"


async def test_nobody_else_gets_a_ticket_for_a_tab() -> None:
    async with trial() as this:
        route, url = await _enter(this)
        first = await this.get(url)
        cookie = first.headers["Set-Cookie"].partition(";")[0]
        await this.get(first.headers["Location"], host=urlsplit(url).netloc, Cookie=cookie)
        assert (await this.get(_tab_url(route, "lab"))).status == 403
        assert (
            await this.get(_tab_url(route, "lab"), Cookie=cookie.partition("=")[0] + "=forged")
        ).status == 403
        assert (await this.get(_tab_url(route, "//evil.example/"), Cookie=cookie)).status == 400
        assert (await this.get(_tab_url(route, "lab"), host="nb.localhost", Cookie=cookie)).status == 421
