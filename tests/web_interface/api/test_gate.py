"""The gate and the layers around it: who passes, with what, and what every answer carries."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from domain.access import Role
from domain.errors import StorageError
from tests.web_interface.clients import ADMIN, client, log_in, make_key, web
from tests.web_interface.fake_shop import ShopClock
from tests.web_interface.fakes import PASSWORD, FakeServices, build_services

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


# ---- log-in ---------------------------------------------------------------------------------------------------------


async def test_a_browser_is_led_to_the_login_and_back(app: FastAPI) -> None:
    async with client(app) as c:
        sent = await c.get("/api/docs?x=1", headers=HTML)
        assert sent.status_code == 401, "a program's path is never redirected"
        sent = await c.get("/machines/lathe-1?tab=2", headers=HTML)
        assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=/machines/lathe-1%3Ftab%3D2")
        form = await c.get(sent.headers["location"])
        assert 'name="next" value="/machines/lathe-1?tab=2"' in form.text
        entered = await c.post("/login", data={"name": "operator", "password": PASSWORD, "next": "/machines/lathe-1?tab=2"})
        assert (entered.status_code, entered.headers["location"]) == (303, "/machines/lathe-1?tab=2")


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nset-cookie: x=1",
        "/logout",
        "",
        "\t//x",
        "/\x00",
    ],
)
async def test_the_way_back_is_always_our_own(app: FastAPI, target: str) -> None:
    async with client(app) as c:
        entered = await c.post("/login", data={"name": "operator", "password": PASSWORD, "next": target})
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        assert "x" not in entered.cookies


async def test_the_cookie(app: FastAPI, services: FakeServices) -> None:
    async with client(app) as c:
        entered = await c.post("/login", data={"name": "operator", "password": PASSWORD})
        cookie = entered.headers["set-cookie"]
        assert re.match(r"energy_session=[\w-]{22};", cookie)
        assert {"httponly", "path=/", "samesite=lax"} <= {part.strip().lower() for part in cookie.split(";")}
        assert "secure" not in cookie.lower()
    async with client(web(services, tls=True), base="https://localhost") as c:
        entered = await c.post("/login", data={"name": "operator", "password": PASSWORD})
        cookie = entered.headers["set-cookie"]
        assert cookie.startswith("__Host-energy_session=")
        assert "secure" in cookie.lower()
        assert "domain" not in cookie.lower()
        assert entered.headers["strict-transport-security"].startswith("max-age=31536000")


async def test_a_cookie_set_before_the_login_becomes_nobody(app: FastAPI) -> None:
    async with client(app) as c:
        c.cookies.set("energy_session", "chosen-by-an-attacker-")
        entered = await c.post("/login", data={"name": "operator", "password": PASSWORD})
        assert entered.cookies["energy_session"] != "chosen-by-an-attacker-"
    async with client(app) as attacker:
        attacker.cookies.set("energy_session", "chosen-by-an-attacker-")
        assert (await attacker.get("/api/session")).status_code == 401


async def test_logging_in_again_ends_the_session_before(app: FastAPI) -> None:
    async with client(app) as c:
        await log_in(c)
        before = c.cookies["energy_session"]
        await log_in(c, "viewer")
        assert (await c.get("/api/session")).json()["name"] == "viewer"
        c.cookies.clear()
        assert (await c.get("/api/session", headers={"cookie": f"energy_session={before}"})).status_code == 401


async def test_wrong_and_unknown_look_the_same_and_get_slower(app: FastAPI) -> None:
    async with client(app) as c:
        pages = {}
        for name in ("operator", "nobody12"):
            answer = await c.post("/login", data={"name": name, "password": "wrong-password-1"})
            assert answer.status_code == 403
            pages[name] = answer.text.replace(name, "NAME")
        assert pages["operator"] == pages["nobody12"]
        for _ in range(4):
            await c.post("/login", data={"name": "operator", "password": "wrong-password-1"})
        slowed = await c.post("/login", data={"name": "operator", "password": PASSWORD})
        assert slowed.status_code == 429
        assert int(slowed.headers["retry-after"]) >= 1
        assert "set-cookie" not in slowed.headers


async def test_what_is_typed_comes_back_as_text(app: FastAPI) -> None:
    async with client(app) as c:
        answer = await c.post(
            "/login", data={"name": '"><script>alert(1)</script>', "password": "x", "next": '/"><svg onload=x>'}
        )
        assert "<script>alert" not in answer.text
        assert "<svg" not in answer.text


async def test_forms_that_are_none(app: FastAPI) -> None:
    async with client(app) as c:
        assert (await c.post("/login", json={"name": "operator"})).status_code == 400
        many = "&".join(f"f{n}=1" for n in range(101))
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert (await c.post("/login", content=many, headers=form)).status_code == 400
        assert (await c.post("/login", content=b"name=%ff%fe&password=x", headers=form)).status_code == 400
        assert (await c.post("/login", content=b"name=\xff", headers=form)).status_code == 400
        assert (await c.post("/login", data={"name": "operator"})).status_code == 422


async def test_the_database_away_is_said_on_the_login_page(
    app: FastAPI, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_name: str) -> None:
        raise StorageError("away")

    monkeypatch.setattr(services.access_store, "user_with_hash", away)
    async with client(app) as c:
        answer = await c.post("/login", data={"name": "operator", "password": PASSWORD}, headers={"accept-language": "en"})
        assert answer.status_code == 503
        assert "database does not answer" in answer.text


async def test_russian_and_english(app: FastAPI) -> None:
    async with client(app) as c:
        assert "Войти" in (await c.get("/login", headers={"accept-language": "ru-RU,ru;q=0.9,en;q=0.8"})).text
        assert "Password" in (await c.get("/login", headers={"accept-language": "en-GB,ru;q=0.5"})).text
        assert "Войти" in (await c.get("/login", headers={"accept-language": "fr"})).text, "else the site's"
        assert "Password" in (await c.get("/login?lang=en", headers={"accept-language": "ru"})).text


async def test_logging_out(app: FastAPI, services: FakeServices) -> None:
    async with client(app) as c:
        await log_in(c)
        session = c.cookies["energy_session"]
        page = await c.get("/logout", headers=HTML)
        assert services.access.session(session) is not None, "GET changes nothing"
        token = re.search(r'name="token" value="(\w+)"', page.text)
        assert token is not None
        assert (await c.post("/logout", data={"token": "0" * 32})).status_code == 403
        assert services.access.session(session) is not None
        gone = await c.post("/logout", data={"token": token.group(1)})
        assert (gone.status_code, gone.headers["location"]) == (303, "/login")
        assert services.access.session(session) is None
        assert (await c.get("/api/session", headers={"cookie": f"energy_session={session}"})).status_code == 401


async def test_the_first_start() -> None:
    services = build_services(ShopClock(running=False), users={})
    code = await services.access.begin()  # type: ignore[attr-defined]
    async with client(web(services)) as c:
        assert (await c.get("/", headers=HTML)).headers["location"] == "/login?next=/"
        assert (await c.get("/login")).headers["location"] == "/setup"
        assert (await c.get("/setup")).status_code == 200
        form = {"code": code, "name": "boss", "password": PASSWORD, "repeat": PASSWORD}
        for wrong, status in (
            ({"code": "AAAA"}, 403),
            ({"repeat": "x"}, 422),
            ({"password": "short", "repeat": "short"}, 422),
            ({"name": "a b"}, 422),
        ):
            answer = await c.post("/setup", data={**form, **wrong})
            assert answer.status_code == status, wrong
            assert PASSWORD not in answer.text
        done = await c.post("/setup", data=form)
        assert (done.status_code, done.headers["location"]) == (303, "/")
        assert (await c.get("/api/session")).json()["role"] == "admin"
        assert (await c.get("/setup")).headers["location"] == "/login"
        assert (await c.post("/setup", data={**form, "name": "second"})).headers["location"] == "/login"
        assert len(await services.access.users()) == 1


# ---- host, origin, token ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost", True), ("localhost:8080", True), ("127.0.0.1:8080", True), ("192.168.7.20", True), ("[::1]:8080", True),
        ("energy.shop.example", True), ("evil.example", False), ("localhost.evil.example", False),
        ("localhost@evil.example", False),
        ("", False), ("localhost:x", False), ("127.0.0.1.evil.example", False),
    ],
)  # fmt: skip
async def test_which_hosts_are_known(services: FakeServices, host: str, known: bool) -> None:
    async with client(web(services, allowed_hosts=("energy.shop.example",))) as c:
        answer = await c.get("/login", headers={"host": host})
        assert answer.status_code == (200 if known else 400)


@pytest.mark.parametrize(
    ("origin", "passes"),
    [
        ("http://localhost", True), (None, True), ("https://intra.example", True), ("http://evil.example", False),
        ("null", False),
        ("https://localhost", False), ("http://localhost:81", False), ("http://localhost.evil.example", False),
    ],
)  # fmt: skip
async def test_changing_requests_from_foreign_pages(services: FakeServices, origin: str | None, passes: bool) -> None:
    async with client(web(services, origins=("https://intra.example",))) as c:
        token = await log_in(c)
        headers = {"origin": origin} if origin else {}
        answer = await c.post("/api/alerts/1/acknowledge", json={}, headers={"x-csrf-token": token, **headers})
        assert answer.status_code == (200 if passes else 403), answer.text
        login = await c.post("/login", data={"name": "operator", "password": PASSWORD}, headers=headers)
        assert login.status_code == (303 if passes else 403)
        assert (await c.get("/api/session", headers=headers)).status_code == 200, "reading is the browser's own affair"
        assert services.audit_store.actions().count("refused") == (0 if passes else 2)


async def test_a_session_needs_the_token_and_a_key_does_not(app: FastAPI, services: FakeServices) -> None:
    async with client(app) as c:
        token = await log_in(c)
        del c.headers["x-csrf-token"]
        for wrong in ({}, {"x-csrf-token": ""}, {"x-csrf-token": token[:-1] + "x"}, {"x-csrf-token": "т"}):
            answer = await c.post(
                "/api/alerts/1/acknowledge", json={}, headers=[(k.encode(), v.encode()) for k, v in wrong.items()]
            )
            assert answer.status_code == 403, wrong
        async with client(app) as other:
            foreign = await log_in(other, "viewer")
        assert (await c.post("/api/alerts/1/acknowledge", json={}, headers={"x-csrf-token": foreign})).status_code == 403
        assert (await c.post("/api/alerts/1/acknowledge", json={}, headers={"x-csrf-token": token})).status_code == 200
    async with client(app, key=await make_key(services, Role.OPERATOR)) as program:
        assert (await program.post("/api/alerts/2/acknowledge", json={})).status_code == 200


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain;charset=UTF-8", "Text/Plain"]
)
async def test_what_a_foreign_form_can_send_is_not_taken(app: FastAPI, kind: str) -> None:
    async with client(app) as c:
        await log_in(c)
        answer = await c.post("/api/alerts/1/acknowledge", content="{}", headers={"content-type": kind})
        assert answer.status_code == 415


async def test_reading_changes_nothing(app: FastAPI, services: FakeServices) -> None:
    async with client(app) as c:
        await log_in(c, "admin")
        for path in ("/api/alerts/1/acknowledge", "/api/reports", "/api/plant", "/logout"):
            await c.get(path)
        assert services.alerts.active()[0].state.value == "unacknowledged"
        assert services.access.session(c.cookies["energy_session"]) is not None


# ---- rights change ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["disable", "role", "password"])
async def test_a_change_of_rights_stops_the_next_request(app: FastAPI, services: FakeServices, change: str) -> None:
    async with client(app) as c:
        await log_in(c, "engineer")
        assert (await c.get("/api/plant")).status_code == 200
        user = next(u for u in await services.access.users() if u.name == "engineer")
        match change:
            case "disable":
                await services.access.set_enabled(user.id, False, ADMIN)
            case "role":
                await services.access.set_role(user.id, Role.VIEWER, ADMIN)
            case _:
                await services.access.set_password(user.id, "copper-kettle-on-fire", ADMIN)
        assert (await c.get("/api/plant")).status_code == 401


async def test_a_revoked_key_stops_the_next_request(app: FastAPI, services: FakeServices) -> None:
    key, text = await services.access.create_key("scada", Role.VIEWER, ADMIN)
    async with client(app, key=text) as c:
        assert (await c.get("/api/machines")).status_code == 200
        await services.access.revoke_key(key.id, ADMIN)
        answer = await c.get("/api/machines")
        assert (answer.status_code, answer.json()["detail"]) == (401, "the key is unknown, expired or revoked")


async def test_a_key_opens_the_api_and_nothing_else(app: FastAPI, services: FakeServices) -> None:
    async with client(app, key=await make_key(services, Role.ADMIN)) as c:
        assert (await c.get("/api/machines")).status_code == 200
        assert (await c.get("/", headers=HTML)).status_code == 303
        assert (await c.get("/static/api-docs/docs.js")).status_code == 401
        assert (await c.get("/logout")).status_code == 401


async def test_a_key_that_cannot_be_checked_is_no_wrong_key(
    app: FastAPI, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_digest: str) -> None:
        raise StorageError("away")

    monkeypatch.setattr(services.access_store, "key_by_hash", away)
    async with client(app, key="em_AAAAAAAAAAAAAAAAAAAAAA") as c:
        assert (await c.get("/api/machines")).status_code == 503


# ---- headers ----------------------------------------------------------------------------------------------------------


async def test_every_answer_carries_the_security_headers(app: FastAPI) -> None:
    async with client(app) as c:
        await log_in(c)
        paths = (
            "/healthz",
            "/login",
            "/api/session",
            "/api/nothing",
            "/api/docs",
            "/static/plain/plain.css",
            "/static/none",
            "/logout",
        )
        foreign = await c.post("/login", headers={"origin": "http://evil.example"})
        unknown = await c.get("/login", headers={"host": "evil.example"})
        for answer in [foreign, unknown, *[await c.get(path) for path in paths]]:
            h = answer.headers
            policy = h["content-security-policy"]
            for part in (
                "default-src 'self'",
                "connect-src 'self'",
                "object-src 'none'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            ):
                assert part in policy
            assert "unsafe" not in policy, answer.url
            assert (h["x-content-type-options"], h["x-frame-options"], h["referrer-policy"]) == ("nosniff", "DENY", "same-origin")
            assert h["cross-origin-opener-policy"] == "same-origin"
            assert "server" not in h
            assert "strict-transport-security" not in h
            kept = answer.status_code == 200 and "/static/" in str(answer.url)
            assert (h.get("cache-control") == "no-store") is not kept, answer.url


# ---- limits -----------------------------------------------------------------------------------------------------------


async def test_thirty_loads_a_minute_without_login_then_a_clear_answer(app: FastAPI) -> None:
    async with client(app, address="10.0.0.66") as stranger, client(app, address="10.0.0.67") as neighbour:
        await log_in(neighbour)
        answers = [(await stranger.get("/login", headers=HTML)).status_code for _ in range(40)]
        assert answers == [200] * 30 + [429] * 10
        last = await stranger.get("/", headers=HTML)
        assert (last.status_code, last.headers["retry-after"]) == (429, "60")
        assert (await stranger.get("/api/session")).status_code == 429
        assert (await stranger.get("/healthz")).status_code == 200
        assert (await neighbour.get("/api/session")).status_code == 200, "others keep working"


async def test_a_user_behind_the_same_address_keeps_working(app: FastAPI) -> None:
    async with client(app, address="10.0.0.66") as user, client(app, address="10.0.0.66") as stranger:
        await log_in(user)
        for _ in range(40):
            await stranger.get("/login")
        assert (await user.get("/api/session")).status_code == 200


async def test_refusals_do_not_flood_the_audit(app: FastAPI, services: FakeServices) -> None:
    async with client(app) as c:
        for _ in range(50):
            await c.get("/login", headers={"host": "evil.example"})
        assert services.audit_store.actions().count("refused") == 10


async def test_bodies_too_large_too_deep_or_packed(app: FastAPI, services: FakeServices) -> None:
    async with client(app, key=await make_key(services, Role.ADMIN)) as c:
        url, kind = "/api/reports", {"content-type": "application/json"}
        big = await c.post(url, content=b'"' + b"x" * (1024 * 1024) + b'"', headers=kind)
        assert big.status_code == 413

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(64):
                yield b"x" * 65536

        assert (await c.post(url, content=endless(), headers=kind)).status_code == 413, "without a length too"
        deep = await c.post(url, content=b"[" * 100_000, headers=kind)
        assert (deep.status_code, deep.headers["content-type"]) == (400, "application/problem+json")
        assert "32 levels" in deep.json()["detail"]
        assert (await c.post(url, content=b'{"a":' * 33 + b"1" + b"}" * 33, headers=kind)).status_code == 400
        assert (await c.post(url, content=b'{"template": "' + b"[{" * 100 + b'"}', headers=kind)).status_code == 422, (
            "text is not nesting"
        )
        packed = await c.post(url, content=b"x", headers={**kind, "content-encoding": "gzip"})
        assert packed.status_code == 415
        odd = await c.post(url, content=b"{}", headers={**kind, "content-length": "-5"})
        assert odd.status_code == 413
        plant = {"content-type": "application/yaml"}
        fits = await c.put("/api/plant", content=b"site: {name: N}\n#" + b"x" * (2 * 1024 * 1024), headers=plant)
        assert fits.status_code == 204
        assert (await c.put("/api/plant", content=b"#" + b"x" * (4 * 1024 * 1024), headers=plant)).status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\x00",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"1e999",
        b'{"template": 1e999}',
        b'{"template": "shift", "template": 5}',
        b"NaN",
        b'"\\ud800"',
        b'{"template": "\xff"}',
        b'{"to": ' + b"9" * 5000 + b"}",
    ],
)
async def test_hostile_json_is_422(app: FastAPI, services: FakeServices, body: bytes) -> None:
    async with client(app, key=await make_key(services, Role.ADMIN)) as c:
        answer = await c.post("/api/reports", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


@pytest.mark.parametrize(
    "path",
    ["/api/data/latest?tag=%00", "/api/data/latest?tag=%ff", "/api/data/latest?tag=" + "x" * 201,
     "/api/machines/%2e%2e%2fetc/states",
     "/api/machines/' OR 1=1 --/states", "/api/data/latest?tag=<script>", "/api/reports/1'/file",
     "/api//data/latest", "/api/data/latest/"],
)  # fmt: skip
async def test_hostile_names_are_refused_in_plain_words(viewer: httpx.AsyncClient, path: str) -> None:
    answer = await viewer.get(path)
    assert answer.status_code in {404, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_page_that_only_asks_who_it_is_does_not_keep_its_session(app: FastAPI, services: FakeServices) -> None:
    """An open page asks by itself while it has no connection; half an hour without a person ends the session all the same."""
    async with client(app) as c:
        await log_in(c)
        for path, status in (("/api/session", 401), ("/api/machines", 200)):
            await log_in(c)
            services.clock.advance(20 * 60)
            assert (await c.get(path)).status_code == 200
            services.clock.advance(20 * 60)
            assert (await c.get("/api/machines")).status_code == status
