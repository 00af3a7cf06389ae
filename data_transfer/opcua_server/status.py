"""Status codes of OPC UA for the qualities of samples. Source: OPC 10000-8, 6.3 and OPC 10000-4, 7.38."""

from __future__ import annotations

from typing import Final

from asyncua import ua

from domain.quality import FIRST_BAD, Quality

GOOD: Final = 0
WAITING: Final = ua.StatusCodes.BadWaitingForInitialData
GONE: Final = ua.StatusCodes.BadNodeIdUnknown

_C = ua.StatusCodes
STATUS: Final = {
    Quality.GOOD: GOOD,
    Quality.OUT_OF_RANGE: _C.UncertainEngineeringUnitsExceeded,
    Quality.SPIKE: _C.UncertainSensorNotAccurate,
    Quality.RATE_OF_CHANGE: _C.UncertainSensorNotAccurate,
    Quality.FROZEN: _C.UncertainSensorNotAccurate,
    Quality.HELD: _C.UncertainLastUsableValue,
    Quality.ESTIMATED: _C.UncertainSubstituteValue,
    Quality.COUNTER_RESET: _C.UncertainSubNormal,
    Quality.COUNTER_JUMP: _C.UncertainSubNormal,
    Quality.INCONSISTENT: _C.UncertainSensorNotAccurate,
    Quality.CLOCK: _C.UncertainSubNormal,
    Quality.NO_COMMUNICATION: _C.BadNoCommunication,
    Quality.TIMEOUT: _C.BadNoCommunication,
    Quality.LINE_DOWN: _C.BadNotConnected,
    Quality.REFUSED: _C.BadDeviceFailure,
    Quality.DECODE_ERROR: _C.BadDecodingError,
    Quality.NO_VALUE: _C.BadNoData,
    Quality.ACCESS_DENIED: _C.BadUserAccessDenied,
    Quality.DEVICE_FAULT: _C.BadSensorFailure,
    Quality.DISABLED: _C.BadOutOfService,
    Quality.INTERNAL: _C.BadInternalError,
    Quality.DIVISION_BY_ZERO: _C.BadOutOfRange,
}


def status_of(quality: int) -> int:
    """The status code of a sample's quality; of one that has no word yet its grade."""
    found = STATUS.get(quality)  # type: ignore[call-overload]  # a Quality is its number
    if found is not None:
        return int(found)
    return int(_C.Bad if quality >= FIRST_BAD else _C.Uncertain)
