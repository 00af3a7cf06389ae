"""Prometheus: the product's own figures, made at each scrape from what the services know."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from domain.alert import AlertState, Priority
from web_interface.services import Services


def metrics_text(services: Services) -> bytes:
    """The text exposition format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(services))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        yield from self._devices()
        yield from self._keeping()
        yield from self._alerts()
        status = self._services.status
        yield _gauge("energy_event_loop_lag_seconds", "Lateness of the event loop, 99th percentile", status.loop_lag_ms() / 1e3)
        yield _gauge("energy_samples_per_second", "Values read per second, mean of ten seconds", status.samples_per_second())
        yield _gauge("energy_start_time_seconds", "Start of the process, Unix time", status.started_us() / 1e6)
        yield from self._roles()
        tasks = GaugeMetricFamily("energy_task_up", "1 while a long-lived task runs, or has ended as it should", labels=["task"])
        restarts = CounterMetricFamily("energy_task_restarts", "Restarts of a long-lived task", labels=["task"])
        for task in status.tasks():
            tasks.add_metric([task.name], float(task.state in {"running", "done"}))
            restarts.add_metric([task.name], task.restarts)
        yield tasks
        yield restarts

    def _roles(self) -> Iterator[Metric]:
        now_us = self._services.live.shop().now_us
        up = GaugeMetricFamily("energy_role_up", "1 while a process of the installation works", labels=["name", "role"])
        waiting = GaugeMetricFamily("energy_role_waiting", "What it has not passed on", labels=["name", "role"])
        lag = GaugeMetricFamily("energy_role_lag", "Messages that wait in a partition", labels=["name", "topic", "partition"])
        for role in self._services.status.roles():
            up.add_metric([role.name, role.role], float(role.state_at(now_us) == "ok"))
            waiting.add_metric([role.name, role.role], role.waiting)
            for share in role.shares:
                if share.lag is not None:
                    lag.add_metric([role.name, share.topic, str(share.partition)], share.lag)
        yield from (up, waiting, lag)

    def _devices(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("energy_device_up", "1 while the device answers", labels=["device", "line"])
        polls = CounterMetricFamily("energy_device_polls", "Polls begun", labels=["device", "line"])
        errors = CounterMetricFamily("energy_device_errors", "Polls that failed, by kind", labels=["device", "line", "kind"])
        latency = GaugeMetricFamily("energy_device_latency_seconds", "Time of an answer", labels=["device", "line"])
        for device in self._services.status.devices():
            where = [device.device_id, device.line_id]
            if device.state != "disabled":
                up.add_metric(where, float(device.state == "online"))
            polls.add_metric(where, device.polls)
            for kind, number in device.errors.items():
                errors.add_metric([*where, kind], number)
            if device.latency_ms is not None:
                latency.add_metric(where, device.latency_ms / 1e3)
        yield from (up, polls, errors, latency)
        line_up = GaugeMetricFamily("energy_line_up", "1 while the line is open", labels=["line"])
        load = GaugeMetricFamily("energy_line_load_ratio", "Share of time the line is busy", labels=["line"])
        for line in self._services.status.lines():
            line_up.add_metric([line.line_id], float(line.state in {"online", "partial"}))
            if line.load is not None:
                load.add_metric([line.line_id], line.load)
        yield from (line_up, load)

    def _keeping(self) -> Iterator[Metric]:
        books, storage = self._services.status.books(), self._services.status.storage()
        for name, words, number in (
            ("read", "Samples read", books.read),
            ("kept", "Samples kept", books.kept),
            ("filtered", "Samples filtered", books.filtered),
        ):
            yield CounterMetricFamily(f"energy_samples_{name}", words, value=number)
        rejected = CounterMetricFamily("energy_samples_rejected", "Samples rejected, by reason", labels=["reason"])
        for reason, number in books.rejected.items():
            rejected.add_metric([reason], number)
        yield rejected
        pending = GaugeMetricFamily("energy_destination_pending", "Samples that wait for a destination", labels=["destination"])
        lost = CounterMetricFamily("energy_destination_dropped", "Samples a destination never got", labels=["destination"])
        for destination in books.destinations:
            if destination.enabled:
                pending.add_metric([destination.name], destination.pending)
                lost.add_metric([destination.name], destination.dropped)
        yield from (pending, lost)
        yield from self._served()
        yield _gauge("energy_keeping", "1 while samples are being kept", float(self._services.status.keeping()))
        yield _gauge("energy_backlog_samples", "Samples that wait for the database", storage.backlog_samples)
        yield _gauge("energy_journal_bytes", "Size of the journal", storage.journal_bytes)
        yield _gauge("energy_disk_free_bytes", "Free space of the data folder", storage.disk_free_bytes)
        if storage.write_latency_ms is not None:
            yield _gauge("energy_write_latency_seconds", "Time of a flush to the database", storage.write_latency_ms / 1e3)

    def _served(self) -> Iterator[Metric]:
        """Of the servers that others ask, while they are on."""
        found = (("modbus", "Modbus", self._services.modbus), ("opcua", "OPC UA", self._services.opcua_server))
        for key, name, service in found:
            status = service.status()
            if status is None:
                continue
            yield _gauge(f"energy_{key}_server_clients", f"Clients of the {name} server", len(status.clients))
            yield CounterMetricFamily(f"energy_{key}_server_requests", f"Requests to the {name} server", value=status.requests)
            refused = CounterMetricFamily(
                f"energy_{key}_server_refused", f"Refused by the {name} server, by kind", labels=["kind"]
            )
            for kind, number in status.refused.items():
                refused.add_metric([kind], number)
            yield refused

    def _alerts(self) -> Iterator[Metric]:
        family = GaugeMetricFamily("energy_alerts_active", "Alerts that are not over", labels=["priority", "state"])
        active = self._services.alerts.active()
        for priority in Priority:
            for state in AlertState:
                if state.is_active:
                    number = sum(1 for alert in active if alert.priority is priority and alert.state is state)
                    family.add_metric([priority.value, state.value], number)
        yield family


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)
