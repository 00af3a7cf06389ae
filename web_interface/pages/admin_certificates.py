"""Certificates of servers and clients: those that wait to be approved, those that are trusted, and the product's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui
from starlette.responses import Response

from domain.access import Role
from domain.trust import ServerCertificate
from web_interface.components import Card, Confirm, DataTable, Hub, el, notify
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import admin_frame, shell
from web_interface.pages.admin_read import CopyButton
from web_interface.pages.later import Later
from web_interface.services import Services


def register(services: Services, hub: Hub) -> None:
    """The page at /admin/certificates."""

    @ui.page("/admin/certificates", title="")
    async def certificates_page() -> Response | None:
        if (answer := await admin_frame.refused(services, ui.context.client, Role.ADMIN)) is not None:
            return answer
        with admin_frame.section_page(services, hub, "certificates") as page:
            body = Later(page)
        await body.fill(CertificatesPage(page).build)
        return None


class CertificatesPage:
    """One open page of certificates."""

    def __init__(self, page: shell.Page) -> None:
        self._page = page
        self._known: Sequence[ServerCertificate] = ()

    async def build(self) -> None:
        """What servers showed; below it, what is to be trusted on the servers."""
        page = self._page
        self._known = await page.services.certificates.certificates(page.actor())
        own = await page.services.certificates.own(page.actor())
        server = await page.services.certificates.own_server(page.actor())
        with Card(page.t("admin.certificates"), note=page.t("certificates.note"), testid="certificates-card"):
            self._table = DataTable(
                columns(page.lang), self._rows(), testid="certificates-table", empty=page.t("certificates.none"),
                on_action=self._action,
            )  # fmt: skip
        self._own_card("own", own)
        if server is not None:
            self._own_card("own_server", server)

    def _own_card(self, kind: str, own: tuple[str, bytes] | None) -> None:
        """The product's certificate of that kind, to be trusted elsewhere."""
        page = self._page
        with Card(page.t(f"certificates.{kind}"), testid=f"{kind}-certificate-card"):
            if own is None:
                el("p", "em-quiet", page.t(f"certificates.{kind}.none"))
                return
            el("p", "em-plant-words", page.t(f"certificates.{kind}.words"))
            words = shown_fingerprint(own[0])
            with el("div", "em-backup-command"):
                el("code", "em-mono", words, f"{kind}-fingerprint")
                CopyButton(words, page.t("admin.copy"), page.t("admin.copied"), f"{kind}-copy")

    def _rows(self) -> list[dict[str, Any]]:
        now_us = self._page.hub.shop().now_us
        return [row(certificate, self._page.viewer.fmt, now_us) for certificate in self._known]

    async def _action(self, known: Any, what: str) -> None:
        page, service = self._page, self._page.services.certificates
        certificate = next((c for c in self._known if c.fingerprint == known), None)
        if certificate is None:
            return
        act = {"approve": service.approve, "withdraw": service.withdraw, "forget": service.forget}[what]
        words = page.t(f"certificates.{what}.words", fingerprint=shown_fingerprint(certificate.fingerprint))
        confirm = Confirm(
            page.lang, page.t(f"certificates.{what}.ask"), words, page.t(f"certificates.{what}"), testid="certificate-confirm"
        )
        wanted = certificate.fingerprint
        if await confirm.ask() and await admin_frame.attempt(page, lambda: act(wanted, page.actor())):
            notify(page.t(f"certificates.{what}.done"))
        self._known = await service.certificates(page.actor())
        self._table.show({"rows": self._rows()})


def shown_fingerprint(value: str) -> str:
    """As servers show it: AB:CD:…"""
    return ":".join(value[i : i + 2] for i in range(0, len(value), 2)).upper()


def short_fingerprint(value: str) -> str:
    """Its beginning and end; the whole stands in the question before anything is approved."""
    shown = shown_fingerprint(value)
    return f"{shown[:11]}…{shown[-11:]}"


def columns(lang: str) -> list[dict[str, Any]]:
    """Heads of the table."""
    return [
        {"key": "state", "name": t("status.col.state", lang), "align": "left"},
        {"key": "server", "name": t("certificates.server", lang), "align": "left", "grow": True},
        {"key": "fingerprint", "name": t("certificates.fingerprint", lang), "align": "left", "sort": False},
        {"key": "until", "name": t("certificates.until", lang), "align": "left"},
        {"key": "seen", "name": t("certificates.seen", lang), "align": "left"},
        {"key": "actions", "name": "", "align": "right", "sort": False},
    ]


def row(certificate: ServerCertificate, fmt: Format, now_us: int) -> dict[str, Any]:
    """One certificate."""
    lang, over = fmt.lang, not certificate.valid_from_us <= now_us <= certificate.valid_to_us
    kinds = ("withdraw",) if certificate.trusted else ("approve", "forget")
    state = "trusted" if certificate.trusted else "waiting"
    role = t("certificates.client", lang) if certificate.client else certificate.line_id
    where = " · ".join(part for part in (role, certificate.url, certificate.application_uri) if part)
    until: dict[str, Any] = {"text": fmt.day(certificate.valid_to_us), "sort": certificate.valid_to_us}
    if over:
        until |= {"icon": "error", "tone": "alarm"}
    return {
        "id": certificate.fingerprint,
        "cells": {
            "state": {
                "text": t(f"certificates.{state}", lang), "sort": int(certificate.trusted),
                "icon": "verified_user" if certificate.trusted else "gpp_maybe",
                "tone": "quiet" if certificate.trusted else "alarm",
            },
            "server": {"text": certificate.subject, "sub": [[where, "em-quiet"]]},
            "fingerprint": {"text": short_fingerprint(certificate.fingerprint), "mono": True},
            "until": until,
            "seen": {"text": fmt.day(certificate.seen_us) if certificate.seen_us else "", "sort": certificate.seen_us},
            "actions": {
                "actions": [
                    {"name": name, "text": t(f"certificates.{name}", lang), **({} if name != "forget" else {"kind": "quiet"})}
                    for name in kinds
                ]
            },
        },
    }
