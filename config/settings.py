"""Settings of one installation: environment variables (ENERGY_WEB__PORT) over settings.toml in the data folder.

Sources are merged here and validated by pydantic in one go, so that every wrong or unknown name, of either source, is in one
message under the name the administrator wrote. Secrets are SecretStr: never in repr, log or message.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from config.problems import nearest
from domain.errors import ConfigError

PREFIX = "ENERGY_"
FILE_NAME = "settings.toml"
_WEEK_OF_NOMINAL_LOAD = 8 * 1024**3  # 7 days of 1 000 samples/s at about 13 bytes a journalled sample


def _names(value: object) -> object:
    """A list, also as one text: "a, b"."""
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _origin(value: str) -> str:
    scheme, _, host = value.partition("://")
    if scheme not in {"http", "https"} or not host or "/" in host:
        raise ValueError("expected http://host[:port] or https://host[:port]")
    return value


def _database(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if not url.startswith(("sqlite+aiosqlite:///", "mysql+aiomysql://", "mariadb+aiomysql://", "postgresql+asyncpg://")):
        raise ValueError("expected sqlite+aiosqlite:///…, mysql+aiomysql://… or postgresql+asyncpg://…")
    return value


Port = Annotated[int, Field(ge=1, le=65535)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Host = Annotated[str, Field(min_length=1, max_length=253)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Web(Section):
    """`plain_http_ok`: listening beyond this machine without TLS is meant."""

    host: Host = "127.0.0.1"
    port: Port = 8080
    tls_cert: Path | None = None
    tls_key: Path | None = None
    plain_http_ok: bool = False
    allowed_hosts: Names = ()
    origins: Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], BeforeValidator(_names)] = ()

    @property
    def tls(self) -> bool:
        return self.tls_cert is not None

    @property
    def is_local(self) -> bool:
        """Does it listen on this machine only?"""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class DatabaseSection(Section):
    """`url` None: SQLite in the data folder. It may hold a password."""

    url: Annotated[SecretStr, AfterValidator(_database)] | None = None


class Admin(Section):
    password: SecretStr | None = None


class Log(Section):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    dir: Path | None = None


class Journal(Section):
    """`limit_bytes`: never more than that on disk; the default holds 7 days of nominal load."""

    limit_bytes: Annotated[int, Field(ge=1_000_000)] = _WEEK_OF_NOMINAL_LOAD


def _bootstrap(value: str) -> str:
    for part in value.split(","):
        host, _, port = part.strip().rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError("expected host:port, several separated by commas")
    return value


def _topic(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9._-]{1,200}", value) is None:
        raise ValueError("expected letters, digits, dots, dashes and underscores")
    return value


def _one_address(value: str) -> str:
    try:
        every = ipaddress.ip_address(value).is_unspecified
    except ValueError:
        return value  # a name
    if every:
        raise ValueError("expected one address of this machine, not all of them")
    return value


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError("expected IP addresses or networks, for instance 10.0.0.20, 10.0.1.0/24") from None
    return value


def _mqtt_topic(value: str) -> str:
    if not value.strip("/") or any(sign in value for sign in "+#$\0") or len(value) > 200:
        raise ValueError("expected a topic without +, # and $")
    return value.strip("/")


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        raise ValueError("expected http://host[:port] or https://host[:port], user and password set apart")
    return value


class Feeds(Section):
    """Of every feed's outbox. `limit_bytes`: never more than that on disk for one; 1 000 samples/s are about 50 MB an hour."""

    limit_bytes: Annotated[int, Field(ge=1_000_000)] = 2 * 1024**3


class Kafka(Section):
    """`bootstrap`: host:port, several separated by commas. `partitions` and `replication` of topics that are made here."""

    bootstrap: Annotated[str, AfterValidator(_bootstrap)] | None = None
    topic_prefix: Annotated[str, AfterValidator(_topic)] = "energy"
    user: str | None = None
    password: SecretStr | None = None
    sasl: Literal["plain", "scram-sha-256", "scram-sha-512"] = "scram-sha-512"
    tls: bool = False
    ca_file: Path | None = None
    format: Literal["json", "protobuf"] = "json"
    compression: Literal["none", "gzip"] = "gzip"
    partitions: Annotated[int, Field(ge=1, le=1000)] = 6
    replication: Annotated[int, Field(ge=1, le=10)] | None = None  # None: 3, or as many as there are brokers


class InfluxDB(Section):
    """`version` auto asks the server. `user` and `password` for 1.x and VictoriaMetrics, `token` for 2.x and 3.x."""

    url: Annotated[str, AfterValidator(_http_url)] | None = None
    version: Literal["auto", "1", "2", "3"] = "auto"
    token: SecretStr | None = None
    user: str | None = None
    password: SecretStr | None = None
    org: str = ""
    bucket: str = "energy"
    gzip: bool = True
    ca_file: Path | None = None


class MQTT(Section):
    """`plain`: JSON messages, `per` tag or device. `home_assistant`: prefix of its discovery, usually homeassistant.

    `sparkplug_group`: as a Sparkplug B edge node too, of that group.
    """

    host: Host | None = None
    port: Port = 1883
    user: str | None = None
    password: SecretStr | None = None
    tls: bool = False
    ca_file: Path | None = None
    topic_prefix: Annotated[str, AfterValidator(_mqtt_topic)] = "energy"
    client_id: Annotated[str, AfterValidator(_topic)] = "energy-monitoring"
    per: Literal["tag", "device"] = "tag"
    retain: bool = True
    home_assistant: Annotated[str, AfterValidator(_mqtt_topic)] | None = None
    plain: bool = True
    sparkplug_group: Annotated[str, AfterValidator(_topic)] | None = None
    sparkplug_node: Annotated[str, AfterValidator(_topic)] = "energy-monitoring"


class OpcUaServer(Section):
    """`host`: the address to listen at. `anonymous`: clients with a trusted certificate need no user."""

    host: Host | None = None
    port: Port = 4840
    anonymous: bool = False


class ModbusServer(Section):
    """`host`: one address of this machine. `clients`: who may connect, addresses or networks; none: this machine only."""

    host: Annotated[Host, AfterValidator(_one_address)] | None = None
    port: Port = 1502
    clients: Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_names)] = ()


class Inspection(Section):
    """Pictures of inspected parts: `picture_days` they are kept, and so many of one device at most (`pictures`)."""

    picture_days: Annotated[int, Field(ge=1, le=3650)] = 60
    pictures: Annotated[int, Field(ge=100)] = 20_000


class SMTP(Section):
    host: Host | None = None
    port: Port = 587
    user: str | None = None
    password: SecretStr | None = None
    sender: str | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"


class RoleSection(Section):
    """Of collect, ingest and web. `name`: of this process among the others; None: role and host. `lines`: ids of those that this
    collector polls, none for all."""

    name: Annotated[str, AfterValidator(_topic)] | None = None
    lines: Names = ()


class Settings(Section):
    """All settings, validated. `data_dir` is absolute."""

    data_dir: Path = Path("data")
    plant_file: Path | None = None
    web: Web = Web()
    database: DatabaseSection = DatabaseSection()
    admin: Admin = Admin()
    log: Log = Log()
    journal: Journal = Journal()
    feeds: Feeds = Feeds()
    role: RoleSection = RoleSection()
    kafka: Kafka = Kafka()
    influxdb: InfluxDB = InfluxDB()
    mqtt: MQTT = MQTT()
    opcua_server: OpcUaServer = OpcUaServer()
    modbus_server: ModbusServer = ModbusServer()
    smtp: SMTP = SMTP()
    inspection: Inspection = Inspection()

    @property
    def database_url(self) -> str:
        """The URL with its password: for the database room only."""
        if self.database.url is None:
            return f"sqlite+aiosqlite:///{(self.data_dir / 'energy.db').as_posix()}"
        return self.database.url.get_secret_value()

    @property
    def log_dir(self) -> Path:
        return self.log.dir or self.data_dir

    @property
    def profile_dir(self) -> Path:
        """Where an installation keeps device profiles of its own."""
        return self.data_dir / "profiles"

    @property
    def feeds_asked(self) -> tuple[str, ...]:
        """Names of the feeds that are switched on (their first field is set); all are off by default."""
        switches = {
            "kafka": self.kafka.bootstrap, "influxdb": self.influxdb.url, "mqtt": self.mqtt.host,
            "opcua_server": self.opcua_server.host, "modbus_server": self.modbus_server.host, "smtp": self.smtp.host,
        }
        return tuple(name for name, value in switches.items() if value is not None)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check all settings. Raises ConfigError: one message that lists everything wrong, secrets not quoted."""
    env = os.environ if environ is None else environ
    wrong: list[str] = []
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}  # dotted name -> as the administrator wrote it
    data_dir = Path(env.get(f"{PREFIX}DATA_DIR") or "data").expanduser().absolute()
    _merge(values, _from_file(data_dir / FILE_NAME, origin, wrong))
    _merge(values, _from_environment(env, origin, wrong))
    values["data_dir"] = data_dir
    try:
        settings = Settings.model_validate(values)
    except ValidationError as exc:
        wrong += [_sentence(error, origin) for error in exc.errors(include_url=False, include_input=False)]
        raise ConfigError(_message(wrong)) from None
    wrong += _contradictions(settings)
    if wrong:
        raise ConfigError(_message(wrong))
    return settings


def known_names() -> tuple[str, ...]:
    """All settings as dotted names: data_dir, web.port ..."""
    names = []
    for name, info in Settings.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, Section):
            names += [f"{name}.{inner}" for inner in section.model_fields]
        else:
            names.append(name)
    return tuple(names)


def variable(name: str) -> str:
    """The environment variable of a dotted name: web.port is ENERGY_WEB__PORT."""
    return PREFIX + name.replace(".", "__").upper()


def _from_environment(env: Mapping[str, str], origin: dict[str, str], wrong: list[str]) -> dict[str, Any]:
    by_variable = {variable(name): name for name in known_names()}
    found: dict[str, Any] = {}
    for key, value in env.items():
        if not key.upper().startswith(PREFIX):
            continue
        name = by_variable.get(key.upper())
        if name is None:
            wrong.append(_unknown(f"environment variable {key}", key.upper(), by_variable))
            continue
        origin[name] = key
        if value != "":  # an empty variable is one that is not set, as everywhere in services and compose files
            _put(found, name, _list_or_text(name, value))
    return found


def _from_file(path: Path, origin: dict[str, str], wrong: list[str]) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        wrong.append(f"{path}: cannot be read: {exc}")
        return {}
    known = known_names()
    found: dict[str, Any] = {}
    for name, value in _flat(_as_settings(document)):
        if name == "data_dir":
            wrong.append(f"{path}: data_dir cannot stand in the data folder itself; set {PREFIX}DATA_DIR")
        elif name not in known:
            wrong.append(_unknown(f"{path}: {name}", name, known))
        else:
            origin[name] = f"{path}: {name}"
            _put(found, name, value)
    return found


def _as_settings(document: dict[str, Any]) -> dict[str, Any]:
    """Both ways to write a name are taken: [web] port = 1, or ENERGY_WEB__PORT = 1."""
    plain: dict[str, Any] = {}
    for key, value in document.items():
        if key.upper().startswith(PREFIX):
            _put(plain, key[len(PREFIX):].lower().replace("__", "."), value)
        else:
            _merge(plain, {key: value})
    return plain


def _flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in values.items():
        name = f"{before}{key}"
        flat += _flat(value, f"{name}.") if isinstance(value, dict) else [(name, value)]
    return flat


def _list_or_text(name: str, value: str) -> object:
    """Lists may be written as JSON too."""
    if value.startswith("[") and name in {"web.allowed_hosts", "web.origins", "modbus_server.clients", "role.lines"}:
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def _put(target: dict[str, Any], name: str, value: object) -> None:
    section, _, inner = name.partition(".")
    if not inner:
        target[section] = value
        return
    place = target.setdefault(section, {})
    if isinstance(place, dict):
        place[inner] = value


def _merge(target: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = value


def _contradictions(settings: Settings) -> list[str]:
    web, wrong = settings.web, []
    if settings.mqtt.home_assistant is not None and settings.mqtt.per == "device":
        wrong.append(f"{variable('mqtt.home_assistant')} needs a message a tag: set {variable('mqtt.per')}=tag")
    if settings.mqtt.host is not None and not settings.mqtt.plain and settings.mqtt.sparkplug_group is None:
        wrong.append(f"{variable('mqtt.plain')} is off and there is no {variable('mqtt.sparkplug_group')}: nothing would be sent")
    if (web.tls_cert is None) != (web.tls_key is None):
        missing = "web.tls_key" if web.tls_key is None else "web.tls_cert"
        wrong.append(f"{variable(missing)} is missing: TLS needs the certificate and its key")
    for name, path in (("web.tls_cert", web.tls_cert), ("web.tls_key", web.tls_key), ("plant_file", settings.plant_file),
                       ("kafka.ca_file", settings.kafka.ca_file), ("influxdb.ca_file", settings.influxdb.ca_file),
                       ("mqtt.ca_file", settings.mqtt.ca_file)):  # fmt: skip
        if path is not None and not path.is_file():
            wrong.append(f"{variable(name)}: there is no file {path}")
    if not web.is_local and not web.tls and not web.plain_http_ok:
        wrong.append(
            f"{variable('web.host')} is {web.host}, so pages and passwords would cross the network unencrypted: set "
            f"{variable('web.tls_cert')} and {variable('web.tls_key')}, or {variable('web.plain_http_ok')}=true if that is meant"
        )
    return wrong


def _unknown(subject: str, name: str, known: Mapping[str, str] | tuple[str, ...]) -> str:
    near = nearest(name, known, 1)
    return f"{subject} is no setting" + (f"; did you mean {near[0]}?" if near else "")


def _sentence(error: Any, origin: Mapping[str, str]) -> str:
    steps = [str(step) for step in error["loc"] if isinstance(step, str)]
    name = ".".join(steps[:2])
    return f"{origin.get(name, variable(name))}: {str(error['msg']).removeprefix('Value error, ')}"


def _message(wrong: list[str]) -> str:
    return wrong[0] if len(wrong) == 1 else "the settings have problems:\n" + "\n".join(f"- {line}" for line in wrong)
