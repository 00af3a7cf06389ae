"""MQTT: 2 000 messages a second at QoS 1 through the whole product, a restart of the broker among them, beside a bare aiomqtt client.

`python -m benchmarks.mqtt [--rate 2000] [--seconds 20]`. Mosquitto, the sender (paho, which keeps what was not acknowledged, as the standard
asks) and the reader are processes of their own. Each message carries two numbers and its time; afterwards each number must be in the table.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.kept import online, product
from benchmarks.measure import Result, child, line_of, percentile
from tests.mosquitto import PASSWORD, USER, Mosquitto

DEVICES, RATE, SECONDS, STRETCH_S = 20, 2000, 20.0, 8.0
TOPIC = "sensor/CNC"
AWAY_S, SETTLED_S = 2.0, 2.0
PATIENCE_S = 60.0
GREETED = "greeted"


def plant_text(port: int) -> str:
    """Machines of one broker, told apart by the name in the message."""
    points = [{"tag": "part_count", "quantity": "count", "path": "payload.n"},
              {"tag": "spindle_load", "quantity": "load", "unit": "%", "path": "payload.load"},
              {"tag": "program", "quantity": "text", "path": "part_program"}]
    devices = [{"id": f"d{d}", "line": "bus", "scan_s": 5, "cnc_id": f"C{d}", "topic": f"{TOPIC}/#", "id_path": "cnc_id",
                "time_path": "timestamp", "points": points} for d in range(DEVICES)]
    greeted = {"tag": "greeting", "quantity": "other", "unit": "1", "path": "payload.n"}
    devices.append({**devices[0], "id": GREETED, "cnc_id": GREETED, "points": [greeted]})
    line = {"id": "bus", "transport": "mqtt", "host": "127.0.0.1", "port": port, "topic": f"{TOPIC}/#", "user": USER,
            "password_env": "BUS_PASSWORD", "qos": 1}
    return json.dumps({"site": {"name": "Benchmark"}, "lines": [line], "devices": devices})


# -- the sender --------------------------------------------------------------------------------------------------------------


def _send(port: int, rate: float, total: int) -> None:
    """So many messages at that pace; over when the broker has acknowledged all of them."""
    import paho.mqtt.client as paho

    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="sender", clean_session=False)  # type: ignore[attr-defined]
    client.username_pw_set(USER, PASSWORD)
    client.max_inflight_messages_set(500)
    client.max_queued_messages_set(0)
    client.reconnect_delay_set(0.1, 0.5)  # type: ignore[arg-type]
    acknowledged, over = 0, threading.Event()

    def done(*_: Any) -> None:
        nonlocal acknowledged
        acknowledged += 1
        if acknowledged >= total:
            over.set()

    client.on_publish = done
    client.connect("127.0.0.1", port)
    client.loop_start()
    began, late = time.monotonic(), []
    for n in range(total):
        wait = began + n / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        late.append(max(0.0, -wait))
        body = {"cnc_id": f"C{n % DEVICES}", "part_program": "VAL.NC", "timestamp": time.time_ns() // 1000,
                "payload": {"n": n // DEVICES, "load": n % 97 + 0.5}}
        client.publish(f"{TOPIC}/C{n % DEVICES}", json.dumps(body), qos=1)
    sent_s = time.monotonic() - began
    if not over.wait(PATIENCE_S):
        raise RuntimeError(f"the broker acknowledged {acknowledged} of {total}")
    print(json.dumps({"rate": total / sent_s, "late_p99_s": percentile(late, 0.99)}), flush=True)


# -- the readers -------------------------------------------------------------------------------------------------------------


async def _asked() -> str:
    line: str = await asyncio.to_thread(sys.stdin.readline)
    return line.strip()


async def _bare(port: int) -> None:
    """aiomqtt alone: takes a message, looks at nothing."""
    import aiomqtt

    count = 0

    async def read(client: aiomqtt.Client) -> None:
        nonlocal count
        async for _message in client.messages:
            count += 1

    async with aiomqtt.Client("127.0.0.1", port, username=USER, password=PASSWORD, max_queued_incoming_messages=200_000) as client:
        await client.subscribe(f"{TOPIC}/#", qos=1)
        reading = asyncio.create_task(read(client))
        print("ready", flush=True)
        await _asked()
        cpu, wall, before = time.process_time(), time.monotonic(), count
        await asyncio.sleep(STRETCH_S)
        cpu, wall, taken = time.process_time() - cpu, time.monotonic() - wall, count - before
        print(json.dumps({"cpu_share": cpu / wall, "messages_s": taken / wall, "cpu_us": 1e6 * cpu / max(1, taken)}), flush=True)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _missing(folder: Path, total: int) -> tuple[int, int]:
    """Messages whose numbers are not in the table, and rows of them that stand there twice."""
    with sqlite3.connect(next(folder.glob("*.db"))) as connection:
        rows = connection.execute(
            "SELECT count(*), count(DISTINCT tag_id * 1000000000 + value) FROM sample JOIN tag ON tag.id = sample.tag_id "
            "WHERE tag.name LIKE '%.part_count' AND quality = 0"
        ).fetchone()
    connection.close()
    return total - int(rows[1]), int(rows[0]) - int(rows[1])


async def _greet(port: int) -> None:
    """Messages to one device, until cancelled: it is online once the product hears the broker."""
    import aiomqtt

    async with aiomqtt.Client("127.0.0.1", port, username=USER, password=PASSWORD) as client:
        while True:
            await client.publish(f"{TOPIC}/{GREETED}", json.dumps({"cnc_id": GREETED, "payload": {"n": 1}}))
            await asyncio.sleep(0.2)


async def _product(port: int, total: int) -> None:
    async with product(plant_text(port), {"BUS_PASSWORD": PASSWORD}) as kept:
        greeting = asyncio.create_task(_greet(port))
        await online(kept, 1)
        greeting.cancel()
        print("ready", flush=True)
        await _asked()
        found: dict[str, Any] = await kept.stretch(STRETCH_S)
        print(json.dumps(found), flush=True)
        await _asked()
        began, folder = time.monotonic(), Path(kept.app.settings.data_dir)
        while True:
            await kept.app.database.writer.settled()
            missing, twice = await asyncio.to_thread(_missing, folder, total)
            took_s = time.monotonic() - began
            if missing <= 0 or took_s > PATIENCE_S:
                break
            await asyncio.sleep(0.5)
        print(json.dumps({"missing": missing, "twice": twice, "took_s": took_s}), flush=True)


# -- side by side ------------------------------------------------------------------------------------------------------------


def _say(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Tell it to go on; its JSON."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    while not (line := line_of(process)).startswith("{"):
        pass
    found: dict[str, Any] = json.loads(line)
    return found


def _ready(process: subprocess.Popen[str]) -> None:
    while line_of(process) != "ready":
        pass


def benchmark(rate: float = RATE, seconds: float = SECONDS) -> Result:
    """CPU and time of both, then what the restart cost."""
    result = Result(
        "MQTT", f"{rate:.0f} messages/s of two numbers and a text at QoS 1 for {DEVICES} machines, Mosquitto; the whole product but the pages, "
        "SQLite with synchronous FULL. The bare aiomqtt client looks at nothing.",
    )
    broker, total = Mosquitto(), int(rate * seconds)
    try:
        broker.start()
        port = str(broker.port)
        with child("benchmarks.mqtt", "--part", "bare", "--port", port, core=0) as bare:
            _ready(bare)
            with child("benchmarks.mqtt", "--part", "send", "--port", port, "--rate", str(rate), "--total", str(int(rate * (STRETCH_S + 4))), core=1):
                time.sleep(2.0)
                peer = _say(bare)
        broker.kill()
        (broker.folder / "mosquitto.db").unlink(missing_ok=True)  # the sender that was cut off left messages
        broker.start()
        with child("benchmarks.mqtt", "--part", "product", "--port", port, "--total", str(total), core=0) as own:
            _ready(own)
            with child("benchmarks.mqtt", "--part", "send", "--port", port, "--rate", str(rate), "--total", str(total), core=1) as sender:
                time.sleep(2.0)
                found = _say(own)
                stopped = time.monotonic()
                broker.stop()
                time.sleep(AWAY_S)
                broker.start()
                away_s = time.monotonic() - stopped
                sent: dict[str, Any] = json.loads(line_of(sender))
            left = _say(own)
    finally:
        broker.close()
    came = found["samples_s"] >= 0.95 * 2 * rate and left["missing"] == 0 and left["took_s"] <= SETTLED_S  # kept in pieces: the edges of a stretch are rough
    result.add("CPU", f"{found['cpu_share']:.0%} of one core", f"bare client {peer['cpu_share']:.0%} at {peer['messages_s']:,.0f} messages/s")
    lag = f"p50 {found['lag_p50_ms']:.0f} ms, p99 {found['lag_p99_ms']:.0f} ms from the message's time to kept; the sender had {sent['rate']:,.0f}/s"
    result.add("messages kept", f"{found['samples_s'] / 2:,.0f}/s", lag, f"{rate:,.0f}/s", came)
    restart = f"broker away for {away_s:.1f} s among {total} messages; {left['twice']} twice; all kept {left['took_s']:.1f} s after the last"
    result.add("messages lost over a restart of the broker", str(left["missing"]), restart, "0", left["missing"] == 0)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("bare", "product", "send"))
    parser.add_argument("--port", type=int)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--total", type=int)
    options = parser.parse_args()
    if options.part == "send":
        _send(options.port, options.rate, options.total)
    elif options.part:
        asyncio.run(_bare(options.port) if options.part == "bare" else _product(options.port, options.total))
    else:
        print(benchmark(options.rate, options.seconds).markdown())


if __name__ == "__main__":
    main()
