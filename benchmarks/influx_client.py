"""Points a second of the InfluxDB feed beside the official client's batching writer, to the same server in one run.

    pip install --target /somewhere influxdb-client
    PYTHONPATH=/somewhere python -m benchmarks.influx_client [points]

Both send the same points: a thousand tags of twenty devices, five thousand points a request, gzip. The client is given points as its
documentation shows (`Point`) and lines of text ready for sending, which spares it the work the feed has to do. The server is
VictoriaMetrics, which takes the paths of InfluxDB 1.x (ours) and of 2.x (the client's). The feed also reads its outbox from the disk.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.feeds import DEVICES, TAGS_EACH, drain, plant, second
from data_transfer.influxdb.lines import Encoder
from data_transfer.influxdb.writer import LINES_AT_ONCE
from domain.feed import Parcel, SampleRow
from tests.feed_servers import VictoriaServer
from tests.servers import running_server


def rows(samples: int) -> Iterator[SampleRow]:
    """The samples that `drain` sends."""
    _names, ids = plant()
    for number in range(samples // (DEVICES * TAGS_EACH)):
        for batch in second(number, ids):
            yield from zip(batch.tag_ids, [batch.time_us] * len(batch), batch.values, batch.qualities, strict=True)


def points(samples: int, client: Any) -> Iterator[Any]:
    """As the client's documentation makes them."""
    names, _ids = plant()
    for tag_id, time_us, value, quality in rows(samples):
        face = names.face(tag_id)
        assert face is not None
        assert face.machine is not None
        tags = {
            "device": face.tag.device_id, "tag": face.tag.point, "unit": face.tag.unit, "machine": face.machine.id,
            "section": face.machine.section, "site": names.site,
        }  # fmt: skip
        made = client.Point(face.tag.quantity.value).field("value", value).field("quality", quality).time(time_us, "us")
        for name, text in tags.items():
            made.tag(name, text)
        yield made


def lines(samples: int) -> list[str]:
    """Ready for sending."""
    names, _ids = plant()
    made, _refused = Encoder(names).lines(Parcel(1, list(rows(samples))))
    return [line.data.decode() for line in made]


def theirs(url: str, samples: int, *, ready: bool) -> float:
    """Points/s until the last batch is answered."""
    client: Any = importlib.import_module("influxdb_client")
    options = client.WriteOptions(batch_size=LINES_AT_ONCE, flush_interval=1_000)
    given = lines(samples) if ready else []
    failed: list[object] = []
    with client.InfluxDBClient(url, token="-", org="-", enable_gzip=True) as way:
        began = time.perf_counter()
        with way.write_api(options, error_callback=lambda *error: failed.append(error)) as writer:
            for one in given if ready else points(samples, client):
                writer.write("energy", record=one, write_precision="us")
        took = time.perf_counter() - began
    assert not failed, failed[0]
    return samples / took


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with running_server(VictoriaServer) as server:
        ours, _cost = asyncio.run(drain(server.base, samples))
        print(f"the feed, out of its outbox: {ours:,.0f} points/s")
        for ready, words in ((False, "points"), (True, "ready lines")):
            rate = theirs(server.base, samples, ready=ready)
            print(f"the client's batching writer, {words}: {rate:,.0f} points/s; the feed is {ours / rate:.2f} times as fast")


if __name__ == "__main__":
    main()
