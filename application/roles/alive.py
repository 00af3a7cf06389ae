"""Is the role on a data folder alive? Asked by containers every half minute, so with the standard library only.

    python -m application.roles.alive        # of ENERGY_DATA_DIR; exit code 0 or 1
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

STATUS_FILE = "role.json"
OLDEST_S = 30.0


def look_at(data_dir: Path, now_us: int, oldest_s: float = OLDEST_S) -> tuple[bool, str]:
    """(has it told of itself within `oldest_s`, in words)."""
    file = data_dir / STATUS_FILE
    try:
        found = json.loads(file.read_bytes())
        age_s = (now_us - int(found["time_us"])) / 1e6
        words = f"{found['name']}: {found['state']}, told {age_s:.0f} s ago" + (f", {found['detail']}" if found["detail"] else "")
        return age_s <= oldest_s, words
    except FileNotFoundError:
        return False, f"no role has run on {data_dir}"
    except (OSError, ValueError, KeyError, TypeError) as exc:
        return False, f"{file} cannot be read: {exc}"


def main() -> int:
    """Exit code."""
    alive, words = look_at(Path(os.environ.get("ENERGY_DATA_DIR") or "data"), time.time_ns() // 1000)
    print(words)
    return 0 if alive else 1


if __name__ == "__main__":
    sys.exit(main())
