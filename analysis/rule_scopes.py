"""What a rule watches: its scope, expanded to the tags, machines or devices that there are. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.rules import Subject
from domain.alert_rule import AlertRule, RuleKind, Scope, ScopeKind
from domain.plant import Machine, Plant, Tag


class RuleScopes:
    """Made once for a plant and all its tags: a large plant has as many rules as machines, and each asks for names."""

    def __init__(self, plant: Plant, tags: Sequence[Tag]) -> None:
        self._plant = plant
        self._tags = {tag.name: tag for tag in tags}
        self._machines = {machine.id: machine for machine in plant.machines}
        self._metered = {machine.meter: machine for machine in plant.machines if machine.meter is not None}

    def subjects(self, rule: AlertRule) -> list[Subject]:
        """Tags, machines (state) or devices (communication)."""
        devices = self._devices(rule.scope)
        if rule.kind is RuleKind.STATE:
            return self._stateful(rule.scope, devices)
        if rule.kind is RuleKind.COMMUNICATION:
            return [Subject(device, None, self._machine_id(device), device) for device in dict.fromkeys(devices)]
        scope = rule.scope
        names = [scope.name] if scope.kind is ScopeKind.TAG else [f"{device}.{scope.point}" for device in devices]
        found = [self._tags[name] for name in dict.fromkeys(names) if name in self._tags]
        return [Subject(tag.name, tag, self._machine_id(tag.device_id), tag.device_id) for tag in found]

    def _stateful(self, scope: Scope, devices: Sequence[str]) -> list[Subject]:
        if scope.kind in {ScopeKind.TAG, ScopeKind.PROFILE}:
            metered = [self._metered[device] for device in devices if device in self._metered]
            return [Subject(machine.id, None, machine.id, machine.meter) for machine in metered]
        return [Subject(machine.id, None, machine.id, machine.meter) for machine in self._machines_of(scope)]

    def _devices(self, scope: Scope) -> list[str]:
        if scope.kind is ScopeKind.TAG:
            return [scope.name.partition(".")[0]]
        if scope.kind is ScopeKind.PROFILE:
            return [device.id for device in self._plant.devices if device.profile.name == scope.name]
        return [machine.meter for machine in self._machines_of(scope) if machine.meter is not None]

    def _machines_of(self, scope: Scope) -> list[Machine]:
        if scope.kind is ScopeKind.MACHINE:
            return [self._machines[scope.name]] if scope.name in self._machines else []
        if scope.kind is ScopeKind.SECTION:
            return [machine for machine in self._plant.machines if machine.section == scope.name]
        return list(self._plant.machines)

    def _machine_id(self, device: str) -> str | None:
        machine = self._metered.get(device)
        return None if machine is None else machine.id
