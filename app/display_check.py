"""Is there a screen to open a window on? Found out without Qt, which would end the process."""

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

X11_SOCKETS = Path("/tmp/.X11-unix")


def missing_display(
    environment: Mapping[str, str] = os.environ, platform: str = sys.platform, sockets: Path = X11_SOCKETS
) -> str:
    """Return in a few words why no window can be opened; empty when one can.

    Args:
        environment: As `os.environ`.
        platform: As `sys.platform`.
        sockets: Folder of the local X servers' sockets.
    """
    if platform in ("win32", "darwin") or environment.get("QT_QPA_PLATFORM"):
        return ""
    if environment.get("WAYLAND_DISPLAY"):
        return ""
    display = environment.get("DISPLAY", "")
    if not display:
        return "no display (neither DISPLAY nor WAYLAND_DISPLAY is set)"
    if display.startswith(":") and not _answers(sockets / f"X{display[1:].split('.')[0]}"):
        return f"the display {display} does not answer"
    return ""


def _answers(path: Path) -> bool:
    """Try the server's socket, then its abstract twin."""
    for address in (str(path), f"\0{path}"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(0.5)
            try:
                connection.connect(address)
            except OSError:
                continue
            return True
    return False
