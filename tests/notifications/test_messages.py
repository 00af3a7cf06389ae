"""Texts of messages: places filled in and escaped, headers of one line, floods as one list."""

from __future__ import annotations

from dataclasses import replace

import pytest

from application.notifications import CatalogueWords
from domain.alert import Alert
from domain.errors import ConfigError
from domain.notification import Channel, ChannelKind, Event, Notice
from domain.plant import Machine, Plant, Site
from notifications.senders.mail import check_mailbox, letter
from notifications.templates import check_templates, message_of, one_line, templates_of
from tests.notifications.test_choose import NOW, alert

EVIL = 'Lathe <img src=x onerror=alert(1)>\r\nBcc: all@example.org {site} "quoted"'
PLANT = Plant(Site("Shop", "Europe/Moscow"), machines=(Machine("lathe-1", EVIL, "Turning", "m1"),))


def notice(told: Alert, number: int = 1, address: str = "anna@example.org") -> Notice:
    return Notice(number, f"k{number}", 1, 1, 1, address, Event.RAISED, told, NOW + number, NOW)


@pytest.mark.parametrize(("language", "words"), [("ru", "Высокая"), ("en", "High")])
def test_one_alert_reads_as_on_the_pages(language: str, words: str) -> None:
    message = message_of([notice(alert())], "id1", CatalogueWords(language, PLANT), "https://shop.example")
    assert words.lower() in message.subject.lower()
    assert "14" in message.text
    assert message.text.endswith("https://shop.example/alerts?alert=7")


def test_a_name_full_of_tricks_stays_text() -> None:
    message = message_of([notice(alert())], "id1", CatalogueWords("en", PLANT), "https://shop.example")
    assert "\n" not in message.subject
    assert "\r" not in message.subject
    assert "<img" not in message.html
    assert "&lt;img" in message.html
    assert "{site}" in message.subject  # a place inside a value is not looked at again
    mail = letter("shop@example.org", message)
    assert mail["Bcc"] is None
    assert mail["X-Energy-Message"] == "id1"
    assert str(mail["Message-ID"]) == "<id1@energy-monitoring>"


def test_a_flood_is_one_message_that_names_them_and_counts_the_rest() -> None:
    told = [notice(replace(alert(), id=k), k) for k in range(1, 71)]
    message = message_of(told, "id2", CatalogueWords("en", PLANT), "https://shop.example")
    lines = message.text.split("\n")
    assert message.subject.startswith("Shop: 70 alerts")
    assert sum("14" in line for line in lines) == 50
    assert "and 20 more alerts: see the list" in lines
    assert len(message.facts["items"]) == 70  # type: ignore[arg-type]


def test_own_texts_of_a_channel_and_their_mistakes() -> None:
    kept = check_templates({"en": {"subject": "!{priority}! {machine}", "body": " "}})
    assert kept == {"en": {"subject": "!{priority}! {machine}"}}
    words = CatalogueWords("en", PLANT)
    channel = Channel(1, ChannelKind.EMAIL, "mail", settings={"templates": kept})
    own = templates_of(channel, "en", words.templates)
    assert message_of([notice(alert())], "id", words, "", own).subject == "!High! lathe-1"
    assert templates_of(channel, "ru", words.templates) == words.templates
    for wrong, said in (
        ({"en": {"subject": "{passwd}"}}, "settings.templates.en.subject: there is no place {passwd}"),
        ({"en": {"subject": "{0.__class__}"}}, "a brace stands alone"),
        ({"en": {"head": "x"}}, "settings.templates.en.head"),
        ({"de": {}}, "expected languages"),
        ({"en": {"body": "x" * 3000}}, "longer than"),
    ):
        with pytest.raises(ConfigError, match=said.replace("{", r"\{").replace("(", r"\(")):
            check_templates(wrong)


def test_one_line_is_bounded_and_printable() -> None:
    assert one_line("a\r\nb\x00c\u2028d") == "a b c d"
    assert len(one_line("x" * 900)) == 200


@pytest.mark.parametrize("wrong", ["", "anna", "anna@", "a@b", "a@b.c, d@e.f", "a\n@b.c", "Anna <anna@example.org>", "x" * 300 + "@e.org"])
def test_only_plain_mailboxes(wrong: str) -> None:
    with pytest.raises(ConfigError, match="no mailbox"):
        check_mailbox(wrong)
    assert check_mailbox("anna@example.org") == "anna@example.org"
