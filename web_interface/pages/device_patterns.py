"""What drivers and feeds say when something does not answer: patterns of their sentences -> keys `technical.<key>`."""

from __future__ import annotations

import re

from web_interface.locale import t
from web_interface.pages.plant_patterns import Patterns

_SECONDS = r"(?P<s>[\d.]+) s"
_REGISTER = r"(?:device \S+ \()?unit (?P<n>\d+)\)?, function (?P<fn>\d+), address (?P<at>\d+)"

DEVICES: Patterns = (
    # -- nothing comes back
    (rf"{_REGISTER}: no answer within {_SECONDS}(?: \(only other units\))?", "register_silent"),
    (r"address (?P<n>\d+) did not answer (?P<bytes>[0-9A-Fa-f ]+)", "address_silent"),
    (r"address (?P<n>\d+) did not answer the opening of its channel", "channel_silent"),
    (rf"unit (?P<n>\d+): answered only after the time-out of {_SECONDS}", "late"),
    (r"device \S+: waiting until late answers have run out", "settling"),
    (r"no answer within (?P<ms>\d+) ms", "silent_ms"),
    (rf"(?P<name>.+): no (?:answer|frame) within {_SECONDS}", "silent_within"),
    (rf"(?P<name>.+): no (?:message|frame) for {_SECONDS}.*", "silent_for"),
    (rf"no message about (?P<name>\S+) within {_SECONDS}.*", "silent_within"),
    (r"(?P<name>.+): no answer in time(?: \(.*\))?", "silent_named"),
    (r"no answer in time", "silent"),
    (r"(?P<name>\S+): its death was announced", "gone"),
    # -- what comes back is no answer
    (rf"{_REGISTER}: (?:no matching reply|only replies that do not match the request) \((?P<kinds>.+?)\)(?:: (?P<bytes>.*))?",
     "no_match"),
    (r"unit (?P<n>\d+) answered function (?P<fn>\d+), address (?P<at>\d+), count \d+ with exception (?P<code>\d+) \(.*\)",
     "exception"),
    # -- a role that waits
    (r"the plant: there is no plant yet.*", "waits_plant"),
    (r"the database: its schema is .*", "waits_schema"),
    (r"the (?:plant|database): (?P<why>.+)", "waits_database"),
    # -- a way out
    (r"no broker answers at (?P<name>\S+)", "no_broker"),
    (r"the brokers do not answer in time", "brokers_silent"),
    (r"the brokers gave no receipt in time", "no_receipt"),
    (r"/ping answered HTTP (?P<code>\d+) and no version of InfluxDB(?:: .*)?", "no_influxdb"),
    # -- a camera, and whoever tells of it
    (r"the camera answered HTTP (?P<code>\d+)(?:: .*)?", "camera_http"),
    (r"collector (?P<name>\S+) is silent", "collector_silent"),
    # -- the line
    (rf"(?P<name>.+?): (?:no connection within|not open within|did not open within) {_SECONDS}", "no_connection_within"),
    (r"(?P<name>.+?): no connection in time", "no_connection"),
    (r"(?P<name>.+?): .*(?:Connect call failed|Connection refused).*", "refused"),
    (r"(?P<name>.+?): .*(?:No route to host|Network is unreachable|Host is unreachable).*", "no_route"),
    (r"(?P<name>.+?): .*(?:Name or service not known|[Nn]ame resolution|No address associated).*", "no_host"),
    (r"(?P<name>.+?): .*No such file or directory.*", "no_port"),
    (r"(?P<name>.+?): .*Permission denied.*", "port_denied"),
    (r"(?P<name>.+?): (?:the peer closed the connection|nothing more comes)", "closed"),
    (r"connection lost: (?P<why>.+)", "lost"),
    (r"not connected(?:: None)?", "not_connected"),
    (r"not connected: (?P<why>.+)", "lost"),
)  # fmt: skip


def technical_words(text: str, lang: str) -> str:
    """Such a sentence in the reader's language; one that is not known stays as it is."""
    for pattern, key in DEVICES:
        found = re.fullmatch(pattern, text, re.DOTALL)
        if found is not None:
            values = {name: value or "" for name, value in found.groupdict().items()}
            if "s" in values and lang == "ru":
                values["s"] = values["s"].replace(".", ",")
            return t(f"technical.{key}", lang, **values)
    return text
