"""Settings: environment over file, defaults of the contract, unknown and wrong names all named at once, secrets never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import FILE_NAME, Settings, known_names, load_settings, variable
from domain.errors import ConfigError


def env(folder: Path, **more: str) -> dict[str, str]:
    return {"ENERGY_DATA_DIR": str(folder), **more}


def wrong(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ)
    return str(caught.value)


def test_defaults_are_the_contracts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings({})
    assert settings.data_dir == tmp_path / "data"
    assert (settings.web.host, settings.web.port) == ("127.0.0.1", 8080)
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path}/data/energy.db"
    assert settings.log.level == "INFO"
    assert settings.log_dir == settings.data_dir
    assert settings.plant_file is None
    assert settings.admin.password is None
    assert settings.feeds_asked == ()


def test_environment_wins_over_the_file_and_sections_merge(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('[web]\nport = 9000\nhost = "localhost"\n[log]\nlevel = "DEBUG"\n', encoding="utf-8")
    settings = load_settings(env(tmp_path, ENERGY_WEB__PORT="9001"))
    assert settings.web.port == 9001
    assert settings.web.host == "localhost"
    assert settings.log.level == "DEBUG"


def test_the_file_takes_the_variables_names_too(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("ENERGY_WEB__PORT = 9002\n", encoding="utf-8")
    assert load_settings(env(tmp_path)).web.port == 9002


@pytest.mark.parametrize("name", [n for n in known_names() if n != "data_dir"])
def test_every_setting_has_its_variable(tmp_path: Path, name: str) -> None:
    """A wrong value under each name is refused under that name, or taken: the name itself is known."""
    environ = env(tmp_path, **{variable(name): "17"})
    message = ""
    try:
        load_settings(environ)
    except ConfigError as exc:
        message = str(exc)
    assert "is no setting" not in message


def test_unknown_variable_names_the_nearest(tmp_path: Path) -> None:
    message = wrong(env(tmp_path, ENERGY_WEB__PROT="1"))
    assert "ENERGY_WEB__PROT" in message
    assert "ENERGY_WEB__PORT" in message


def test_unknown_key_in_the_file_names_file_key_and_nearest(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("[database]\nulr = 1\n", encoding="utf-8")
    message = wrong(env(tmp_path))
    assert str(tmp_path / FILE_NAME) in message
    assert "database.ulr" in message
    assert "database.url" in message


def test_everything_wrong_is_in_one_message(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('[log]\nlevel = "LOUD"\n[nosuch]\na = 1\n', encoding="utf-8")
    message = wrong(env(tmp_path, ENERGY_WEB__PORT="99999", ENERGY_FOO="1"))
    for words in ("log.level", "nosuch.a", "ENERGY_WEB__PORT", "ENERGY_FOO"):
        assert words in message


def test_data_dir_cannot_stand_in_its_own_file(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('data_dir = "/elsewhere"\n', encoding="utf-8")
    assert "ENERGY_DATA_DIR" in wrong(env(tmp_path))


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("[web\n", encoding="utf-8")
    assert str(tmp_path / FILE_NAME) in wrong(env(tmp_path))


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    url = "mysql+aiomysql://user:verysecretpw@host/db"
    settings = load_settings(env(tmp_path, ENERGY_DATABASE__URL=url, ENERGY_ADMIN__PASSWORD="verysecretadmin"))
    assert settings.database_url == url
    assert settings.admin.password is not None
    assert settings.admin.password.get_secret_value() == "verysecretadmin"
    for text in (repr(settings), str(settings), repr(settings.model_dump())):
        assert "verysecret" not in text
    assert "verysecret" not in wrong(env(tmp_path, ENERGY_DATABASE__URL="nosuch://u:verysecretpw@host/db"))


@pytest.mark.parametrize("url", ["sqlite:///x", "postgresql://h/d", "mysql://h/d", "x"])
def test_a_database_url_needs_a_driver_we_have(tmp_path: Path, url: str) -> None:
    assert "sqlite+aiosqlite:///" in wrong(env(tmp_path, ENERGY_DATABASE__URL=url))


def test_plain_http_beyond_this_machine_must_be_meant(tmp_path: Path) -> None:
    assert "PLAIN_HTTP_OK" in wrong(env(tmp_path, ENERGY_WEB__HOST="0.0.0.0"))
    assert load_settings(env(tmp_path, ENERGY_WEB__HOST="0.0.0.0", ENERGY_WEB__PLAIN_HTTP_OK="true")).web.host == "0.0.0.0"
    assert load_settings(env(tmp_path, ENERGY_WEB__HOST="::1")).web.is_local


def test_tls_needs_both_files_and_they_must_exist(tmp_path: Path) -> None:
    cert = tmp_path / "c.pem"
    cert.write_text("x")
    assert "ENERGY_WEB__TLS_KEY" in wrong(env(tmp_path, ENERGY_WEB__TLS_CERT=str(cert)))
    assert "nokey.pem" in wrong(env(tmp_path, ENERGY_WEB__TLS_CERT=str(cert), ENERGY_WEB__TLS_KEY=str(tmp_path / "nokey.pem")))
    both = env(tmp_path, ENERGY_WEB__TLS_CERT=str(cert), ENERGY_WEB__TLS_KEY=str(cert), ENERGY_WEB__HOST="0.0.0.0")
    assert load_settings(both).web.tls


def test_lists_come_as_words_or_json(tmp_path: Path) -> None:
    assert load_settings(env(tmp_path, ENERGY_WEB__ALLOWED_HOSTS="a.example, b.example")).web.allowed_hosts == (
        "a.example", "b.example",
    )  # fmt: skip
    assert load_settings(env(tmp_path, ENERGY_WEB__ORIGINS='["https://a.example"]')).web.origins == ("https://a.example",)
    assert "ENERGY_WEB__ORIGINS" in wrong(env(tmp_path, ENERGY_WEB__ORIGINS="a.example"))


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    assert load_settings(env(tmp_path, ENERGY_WEB__PORT="")).web.port == 8080


def test_a_missing_plant_file_is_named(tmp_path: Path) -> None:
    assert "no.yaml" in wrong(env(tmp_path, ENERGY_PLANT_FILE=str(tmp_path / "no.yaml")))


def test_feeds_are_named_when_switched_on(tmp_path: Path) -> None:
    settings = load_settings(env(tmp_path, ENERGY_MQTT__HOST="broker", ENERGY_KAFKA__BOOTSTRAP="k:9092"))
    assert settings.feeds_asked == ("kafka", "mqtt")


@pytest.mark.parametrize(("name", "value", "expected"), [
    ("ENERGY_MODBUS_SERVER__HOST", "0.0.0.0", "one address"), ("ENERGY_MODBUS_SERVER__HOST", "::", "one address"),
    ("ENERGY_MODBUS_SERVER__CLIENTS", "10.0.0.300", "addresses or networks"),
])  # fmt: skip
def test_the_modbus_server_has_one_address_and_named_clients(tmp_path: Path, name: str, value: str, expected: str) -> None:
    assert expected in wrong(env(tmp_path, **{name: value}))
    clients = load_settings(env(tmp_path, ENERGY_MODBUS_SERVER__CLIENTS="10.0.0.20, 10.0.1.0/24")).modbus_server.clients
    assert clients == ("10.0.0.20", "10.0.1.0/24")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("KAFKA__BOOTSTRAP", "broker", "host:port"), ("KAFKA__BOOTSTRAP", "a:1,b:x", "host:port"), ("KAFKA__TOPIC_PREFIX", "a b", "letters"),
        ("KAFKA__SASL", "gssapi", "scram-sha-512"), ("INFLUXDB__URL", "influx:8086", "http://"),
        ("INFLUXDB__URL", "http://u:p@influx:8086", "set apart"), ("INFLUXDB__VERSION", "4", "auto"),
        ("MQTT__TOPIC_PREFIX", "a/#", "without"), ("MQTT__CA_FILE", "/no/such.pem", "there is no file"), ("FEEDS__LIMIT_BYTES", "5", "1000000"),
    ],
)  # fmt: skip
def test_wrong_settings_of_feeds_say_what_was_expected(tmp_path: Path, name: str, value: str, expected: str) -> None:
    message = wrong(env(tmp_path, **{f"ENERGY_{name}": value}))
    assert f"ENERGY_{name}" in message
    assert expected in message


def test_discovery_needs_a_message_a_tag(tmp_path: Path) -> None:
    assert "ENERGY_MQTT__PER=tag" in wrong(env(tmp_path, ENERGY_MQTT__HOME_ASSISTANT="homeassistant", ENERGY_MQTT__PER="device"))


def test_other_variables_are_nobodys_business(tmp_path: Path) -> None:
    assert isinstance(load_settings(env(tmp_path, PATH="/bin", ENERGYX="1")), Settings)
