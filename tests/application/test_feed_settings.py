"""Settings of feeds as people may see them: values, defaults, and never a secret."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from application.feed_settings import SHOWN, FeedSettings
from config.settings import SMTP, InfluxDB, Kafka, ModbusServer, Settings
from domain.access import Actor, Role
from domain.errors import Forbidden
from web_interface.locale import LANGUAGES, has
from web_interface.pages import admin_feeds

ADMIN = Actor("anna", Role.ADMIN)
SETTINGS = Settings(
    kafka=Kafka(bootstrap="kafka-1:9092", user="energy", password=SecretStr("geheim-kafka")),
    influxdb=InfluxDB(token=SecretStr("geheim-token")), smtp=SMTP(host="mail", password=SecretStr("geheim-mail")),
    modbus_server=ModbusServer(clients=("10.0.0.1", "10.0.0.2")),
)  # fmt: skip


def test_what_is_on_and_how_it_is_set_without_any_secret() -> None:
    found = {feed.name: feed for feed in FeedSettings(SETTINGS).settings(ADMIN)}
    assert tuple(found) == SHOWN
    assert {name for name, feed in found.items() if feed.on} == {"kafka", "smtp"}
    kafka = {value.name: value for value in found["kafka"].values}
    assert (kafka["ENERGY_KAFKA__BOOTSTRAP"].value, kafka["ENERGY_KAFKA__BOOTSTRAP"].switch) == ("kafka-1:9092", True)
    password = kafka["ENERGY_KAFKA__PASSWORD"]
    assert (password.value, password.is_set, password.secret) == ("", True, True)
    assert not kafka["ENERGY_KAFKA__TLS"].is_set
    clients = next(value for value in found["modbus_server"].values if value.name.endswith("CLIENTS"))
    assert clients.value == "10.0.0.1, 10.0.0.2"
    assert "geheim" not in str(found)
    for feed in found.values():
        for lang in LANGUAGES:
            assert "geheim" not in str(admin_feeds.rows(feed, lang))
            assert has(f"destination.{feed.name}", lang)
            assert has(f"feeds.about.{feed.name}", lang)
        assert admin_feeds.example(feed).startswith(f"[{feed.name}]")
        assert admin_feeds.switch_of(feed).name in {value.name for value in feed.values}


def test_every_secret_of_a_section_is_known_as_one_even_while_unset() -> None:
    found = {value.name for feed in FeedSettings(Settings()).settings(ADMIN) for value in feed.values if value.secret}
    assert {"ENERGY_KAFKA__PASSWORD", "ENERGY_INFLUXDB__TOKEN", "ENERGY_MQTT__PASSWORD", "ENERGY_SMTP__PASSWORD"} <= found


def test_only_administrators() -> None:
    with pytest.raises(Forbidden):
        FeedSettings(Settings()).settings(Actor("egor", Role.ENGINEER))
