"""Mail, web-hook, Telegram and apprise over real sockets; addresses that may not be reached."""

from __future__ import annotations

import hashlib
import hmac
import socket
from typing import Any

import pytest

from domain.alert import Priority
from domain.errors import ConfigError
from domain.notification import Channel, ChannelKind, DeliveryFailed, Message
from notifications import http_post, targets
from notifications.http_post import check_url
from notifications.senders import by_apprise, mail, senders
from notifications.senders.by_apprise import check_service_url
from notifications.targets import judge, networks_of
from tests.conftest import eventually
from tests.notifications.receivers import Hook, Mailbox, http_receiver, mail_server

LOOPBACK = ["127.0.0.0/8"]
MESSAGE = Message(
    "id1", "anna@example.org", "Высокая: Токарный", "Ток 14 А", "<p>Ток 14 А</p>", Priority.HIGH, {"id": "id1", "items": [{"rule": "high"}]}
)


def mail_channel(port: int, **settings: object) -> Channel:
    base = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "shop@example.org", "allow": LOOPBACK}
    return Channel(1, ChannelKind.EMAIL, "mail", settings={**base, **settings})


def apprise_channel(*allow: str) -> Channel:
    return Channel(1, ChannelKind.APPRISE, "json", settings={"allow": list(allow) or LOOPBACK})


async def test_a_mail_arrives_whole_in_cyrillic() -> None:
    async with mail_server(Mailbox()) as box:
        await senders()[ChannelKind.EMAIL].send(mail_channel(box.port), None, MESSAGE)
    (got,) = box.mails
    assert (got["To"], got["From"], got["Subject"]) == ("anna@example.org", "shop@example.org", "Высокая: Токарный")
    body = got.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "Ток 14 А"
    assert got["X-Energy-Message"] == "id1"


async def test_a_refused_mailbox_is_refused_for_good_a_missing_server_is_not() -> None:
    async with mail_server(Mailbox(refuse=frozenset({"anna@"}))) as box:
        with pytest.raises(DeliveryFailed) as refused:
            await senders()[ChannelKind.EMAIL].send(mail_channel(box.port), None, MESSAGE)
    assert (refused.value.kind, refused.value.permanent) == ("refused", True)
    with pytest.raises(DeliveryFailed) as gone:
        await senders()[ChannelKind.EMAIL].send(mail_channel(box.port), None, MESSAGE)
    assert (gone.value.kind, gone.value.permanent) == ("connect", False)


async def test_a_server_without_encryption_is_not_talked_to_in_clear() -> None:
    async with mail_server(Mailbox()) as box:
        with pytest.raises(DeliveryFailed) as plain:
            await senders()[ChannelKind.EMAIL].send(mail_channel(box.port, security="starttls"), None, MESSAGE)
    assert plain.value.kind == "tls"
    assert box.mails == []


async def test_a_mail_server_that_says_nothing_is_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_S", 0.3)
    async with mail_server(Mailbox(silent=True)) as box:
        with pytest.raises(DeliveryFailed) as silent:
            await senders()[ChannelKind.EMAIL].send(mail_channel(box.port), None, MESSAGE)
    assert silent.value.kind == "timeout"  # the page says that it does not answer, not that there is none
    assert not silent.value.permanent


async def test_a_mail_server_that_drags_on_keeps_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "LIMIT_S", 0.3)
    async with mail_server(Mailbox(drags=True)) as box:
        with pytest.raises(DeliveryFailed) as late:
            await senders()[ChannelKind.EMAIL].send(mail_channel(box.port), None, MESSAGE)
        assert (late.value.kind, late.value.permanent) == ("timeout", False)
        await eventually(lambda: box.open == 0)


async def test_a_web_hook_that_answers_byte_by_byte_has_its_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async with http_receiver(Hook(byte_s=0.005)) as hook:
        channel = Channel(1, ChannelKind.WEBHOOK, "hook", settings={"url": hook.url, "allow": LOOPBACK})
        await senders()[ChannelKind.WEBHOOK].send(channel, None, MESSAGE)  # slow is not away
        hook.byte_s = 0.05
        monkeypatch.setattr(http_post, "TIMEOUT_S", 0.3)
        with pytest.raises(DeliveryFailed) as late:
            await senders()[ChannelKind.WEBHOOK].send(channel, None, MESSAGE)
        assert (late.value.kind, late.value.permanent) == ("timeout", False)


async def test_a_web_hook_is_signed_and_its_answers_are_understood() -> None:
    sender = senders()[ChannelKind.WEBHOOK]
    async with http_receiver(Hook()) as hook:
        channel = Channel(1, ChannelKind.WEBHOOK, "hook", settings={"url": f"{hook.url}/in?x=1", "allow": LOOPBACK})
        await sender.send(channel, "key", MESSAGE)
        first, headers, body = hook.requests[0]
        assert first == "POST /in?x=1 HTTP/1.1"
        stamp, given = (part.partition("=")[2] for part in headers["x-energy-signature"].split(","))
        assert given == hmac.new(b"key", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        assert hook.json()["items"] == [{"rule": "high"}]
        for status, permanent, kind in ((500, False, "refused"), (422, True, "refused"), (401, False, "login"), (302, False, "refused")):
            hook.status = status
            with pytest.raises(DeliveryFailed) as failed:
                await sender.send(channel, "key", MESSAGE)
            assert (failed.value.kind, failed.value.permanent) == (kind, permanent)
        hook.status, hook.headers = 429, {"Retry-After": "17"}
        with pytest.raises(DeliveryFailed) as limited:
            await sender.send(channel, "key", MESSAGE)
        assert limited.value.retry_after_s == 17


async def test_telegram_says_where_and_how_long_and_its_token_stays_out_of_errors() -> None:
    sender, token = senders()[ChannelKind.TELEGRAM], "123:secret-token"
    async with http_receiver(Hook(body={"ok": True})) as hook:
        channel = Channel(1, ChannelKind.TELEGRAM, "tg", settings={"base_url": hook.url, "allow": LOOPBACK})
        await sender.send(channel, token, MESSAGE)
        assert hook.requests[0][0].startswith("POST /bot123:secret-token/sendMessage")
        assert hook.json() == {"chat_id": "anna@example.org", "text": "Высокая: Токарный\nТок 14 А", "disable_web_page_preview": True}
        hook.status, hook.body = 429, {"ok": False, "parameters": {"retry_after": 9}}
        with pytest.raises(DeliveryFailed) as limited:
            await sender.send(channel, token, MESSAGE)
        assert limited.value.retry_after_s == 9
        hook.status, hook.body = 400, {"ok": False, "description": "Bad Request: chat not found"}
        with pytest.raises(DeliveryFailed) as unknown:
            await sender.send(channel, token, MESSAGE)
        assert unknown.value.permanent
        assert token not in str(unknown.value)


async def test_apprise_reaches_a_service_and_nothing_of_this_machine() -> None:
    sender = senders()[ChannelKind.APPRISE]
    async with http_receiver(Hook()) as hook:
        await sender.send(apprise_channel(), f"json://127.0.0.1:{hook.port}/in", MESSAGE)
        assert "Ток 14 А" in str(hook.json()["message"])
        with pytest.raises(DeliveryFailed) as refused:
            await sender.send(Channel(1, ChannelKind.APPRISE, "json"), f"json://127.0.0.1:{hook.port}/in", MESSAGE)
        assert (refused.value.kind, refused.value.permanent, len(hook.requests)) == ("address", True, 1)
    for wrong in ("syslog://", "dbus://", "nonsense", "nope://x"):
        with pytest.raises(ConfigError, match="service URL"):
            check_service_url(wrong)
    with pytest.raises(DeliveryFailed, match="this machine"):
        await sender.send(apprise_channel(), "syslog://", MESSAGE)


async def test_each_address_that_apprise_goes_on_to_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redirects, services whose URL names no server of their own as the judge knows it, proxies of the environment."""
    sender = senders()[ChannelKind.APPRISE]
    async with http_receiver(Hook()) as inner, http_receiver(Hook(status=307)) as outer:
        outer.headers = {"Location": f"http://127.0.0.2:{inner.port}/"}
        inner_url = f"http://127.0.0.1:{inner.port}"
        only = apprise_channel("127.0.0.1/32")
        with pytest.raises(DeliveryFailed) as hop:
            await sender.send(only, f"json://127.0.0.1:{outer.port}/", MESSAGE)
        assert (hop.value.kind, len(outer.requests), len(inner.requests)) == ("address", 1, 0)
        for url in (f"jira://key@127.0.0.2:{inner.port}/", f"synology://127.0.0.2:{inner.port}/token", f"mqtt://127.0.0.2:{inner.port}/t"):
            with pytest.raises(DeliveryFailed):
                await sender.send(only, url, MESSAGE)
        monkeypatch.setenv("http_proxy", inner_url)
        with pytest.raises(DeliveryFailed) as far:
            await sender.send(only, "json://10.255.255.1/", MESSAGE)
        assert (far.value.kind, inner.requests) == ("address", [])


async def test_apprise_has_its_time_and_no_endless_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = senders()[ChannelKind.APPRISE]
    async with http_receiver(Hook(body={"much": "x" * 200_000})) as hook:
        with pytest.raises(DeliveryFailed, match="64 KiB"):
            await sender.send(apprise_channel(), f"json://127.0.0.1:{hook.port}/", MESSAGE)
        hook.body, hook.byte_s = {}, 0.05  # a byte now and then: no time-out of the library ever comes
        monkeypatch.setattr(by_apprise, "LIMIT_S", 0.5)
        with pytest.raises(DeliveryFailed) as late:
            await sender.send(apprise_channel(), f"json://127.0.0.1:{hook.port}/", MESSAGE)
        assert (late.value.kind, late.value.permanent) == ("timeout", False)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.9", "172.20.1.1", "169.254.169.254", "224.0.0.1", "0.0.0.0", "100.64.0.1", "::1", "fe80::1%eth0",  # noqa: S104
     "fd00::1", "::ffff:10.0.0.1", "255.255.255.255"],
)  # fmt: skip
def test_addresses_of_the_own_network_are_refused_unless_listed(address: str) -> None:
    with pytest.raises(DeliveryFailed) as refused:
        judge(address, ())
    assert (refused.value.kind, refused.value.permanent) == ("address", True)


def test_listed_and_public_addresses_pass() -> None:
    judge("93.184.215.14", ())
    judge("192.168.0.9", networks_of(["192.168.0.0/24"]))
    judge("::ffff:192.168.0.9", networks_of("192.168.0.0/24"))
    with pytest.raises(ConfigError, match="'my net' is no network"):
        networks_of(["my net"])


def test_a_name_is_judged_by_the_address_it_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolved(*_arguments: Any, **_named: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 80)), (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(targets.socket, "getaddrinfo", resolved)
    with pytest.raises(DeliveryFailed) as refused:
        targets.connect("innocent.example", 80, ())
    assert refused.value.kind == "address"


@pytest.mark.parametrize("wrong", ["ftp://x", "http://", "http://u:p@x/", "http://x:99999/", "file:///etc/passwd", "x"])
def test_only_http_urls_without_passwords(wrong: str) -> None:
    with pytest.raises(ConfigError, match="url: expected http"):
        check_url(wrong)
