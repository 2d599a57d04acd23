"""`antiphon doctor`: is everything there, and if not, what to do about it."""

import json
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Literal

import msgspec

from app.audio.mixer import find_soundfont
from app.display_check import missing_display
from engine.installed_bundles import installed

State = Literal["ok", "hint", "bad"]

NEEDED = ("numpy", "msgspec", "mido", "PyQt6", "typer", "rich", "platformdirs")
RUNTIMES = ("onnxruntime-gpu", "onnxruntime")
LATE_P99_MS = 1.0
"""Notes later than this are heard as loose by a careful ear."""
PROBE_SLEEPS = 300
RUN_S = 30.0
"""How long a check in a process of its own may take."""


class Check(msgspec.Struct, frozen=True):
    """One line of the doctor's report."""

    name: str
    state: State
    """`ok`, `hint` (works, could be better) or `bad` (does not work)."""
    detail: str
    remedy: str = ""


def examine() -> list[Check]:
    """Run every check; a check that fails itself is a line too."""
    found: list[Check] = []
    for check in (_python, _packages, _jack, _qt, _display, _midi, _ports, _models, _timing, _sound):
        try:
            found += check()
        except subprocess.TimeoutExpired:
            found.append(Check(check.__name__.strip("_"), "bad", f"no answer within {RUN_S:.0f} s"))
        except Exception as error:  # the doctor reports what is broken, whatever it is
            found.append(Check(check.__name__.strip("_"), "bad", f"{type(error).__name__}: {error}"))
    return found


def healthy(checks: list[Check]) -> bool:
    """Return whether nothing is broken."""
    return all(check.state != "bad" for check in checks)


def as_json(checks: list[Check]) -> str:
    """Return the report as JSON."""
    return json.dumps(
        {"healthy": healthy(checks), "checks": [msgspec.structs.asdict(check) for check in checks]}, indent=2
    )


def _python() -> Iterator[Check]:
    good = (3, 11) <= sys.version_info[:2] <= (3, 14)
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    remedy = "" if good else "Python 3.11 to 3.14 is supported"
    yield Check("python", "ok" if good else "hint", detail, remedy)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _packages() -> Iterator[Check]:
    for package in NEEDED:
        version = _version(package)
        yield _package(package, version, f"pip install {package}")
    yield _rtmidi(_version("python-rtmidi"))
    runtimes = [f"{package} {_version(package)}" for package in RUNTIMES if _version(package)]
    yield _package("onnxruntime", ", ".join(runtimes), "pip install onnxruntime")


def _rtmidi(version: str) -> Check:
    if version:
        return Check("python-rtmidi", "ok", version)
    detail = "not installed: only JACK and PipeWire can be used"
    built = "Python 3.13 and later build it, with g++, pkg-config, libasound2-dev and libjack-jackd2-dev"
    state: State = "hint" if _version("JACK-Client") and sys.platform == "linux" else "bad"
    return Check("python-rtmidi", state, detail, f"pip install python-rtmidi; {built}")


def _package(name: str, version: str, remedy: str) -> Check:
    return Check(name, "ok", version) if version else Check(name, "bad", "not installed", remedy)


def _jack() -> Iterator[Check]:
    if sys.platform == "win32":
        return
    version = _version("JACK-Client")
    if version:
        yield Check("JACK-Client", "ok", version)
    else:
        remedy = "pip install JACK-Client: sample-accurate timing with JACK and PipeWire"
        yield Check("JACK-Client", "hint", "not installed", remedy)


def _qt() -> Iterator[Check]:
    """Import Qt in a process of its own: a missing system library would end this one."""
    tried = _run("-c", "from app.window import theme")
    if tried.returncode == 0:
        yield Check("window", "ok", "Qt loads")
    else:
        remedy = (
            "Debian, Ubuntu: apt install libgl1 libegl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libglib2.0-0"
        )
        yield Check("window", "bad", _last_line(tried, "Qt does not load"), remedy)


def _display() -> Iterator[Check]:
    missing = missing_display()
    if missing:
        yield Check("display", "hint", missing, "antiphon live --headless works without one")
    else:
        yield Check("display", "ok", "there")


def _midi() -> Iterator[Check]:
    from engine.midi.backends import probe

    statuses = probe()
    any_there = any(status.available for status in statuses)
    for status in statuses:
        name = f"midi {status.name}"
        if status.available:
            yield Check(name, "ok", status.reason + (" (chosen)" if status.chosen else ""))
        else:
            detail, _, remedy = status.reason.partition("; ")
            yield Check(name, "hint" if any_there else "bad", detail, remedy)


def _ports() -> Iterator[Check]:
    from engine.midi.backends import list_ports

    ports = list_ports()
    names = ", ".join(sorted({port.name for port in ports})[:6])
    if ports:
        yield Check("ports", "ok", f"{len(ports)}: {names}")
    else:
        remedy = "connect a keyboard or start the DAW; Antiphon's own ports appear while it runs"
        yield Check("ports", "hint", "no other program's ports", remedy)


def _models() -> Iterator[Check]:
    from engine.errors import BundleError
    from engine.inference.trial import load_model

    bundles = installed()
    if not bundles:
        yield Check("model", "bad", "no bundle is installed", "reinstall Antiphon: models come with it")
    for name, path in bundles.items():
        try:
            model = load_model(path)
        except BundleError as error:
            yield Check(f"model {name}", "bad", str(error), "reinstall Antiphon, or export the model again")
            continue
        used = model.choice.used
        detail = f"hashes fit; {used.precision} on {used.provider}, encode and decode {used.total_ms:.1f} ms"
        yield Check(f"model {name}", "ok", detail)
        yield from _providers(name, path, model)


def _providers(name: str, path: Path, model: "Model") -> Iterator[Check]:  # type: ignore[name-defined]  # noqa: F821
    for timing in model.choice.tried:
        what = f"provider {timing.provider} {timing.precision}"
        if timing.refused:
            reason = timing.refused.removeprefix(f"{path}: ")
            yield Check(what, "hint", reason, "not needed: the CPU is quick enough for one phrase")
        else:
            yield Check(what, "ok", f"{name}: {timing.total_ms:.1f} ms")


def _timing() -> Iterator[Check]:
    tried = _run("-m", "app.timing_probe", str(PROBE_SLEEPS))
    measured = json.loads(tried.stdout)
    exact = measured["p99_ms"] <= LATE_P99_MS
    detail = f"sleeps end late by {measured['p50_ms']:.2f} ms (p50), {measured['p99_ms']:.2f} ms (p99)"
    remedy = "" if exact else "close busy programs, set the CPU governor to performance"
    yield Check("timing", "ok" if exact else "hint", detail, remedy)
    if measured["realtime"]:
        yield Check("real-time scheduling", "ok", "granted")
    else:
        yield Check("real-time scheduling", "hint", "not granted", _realtime_remedy())


def _realtime_remedy() -> str:
    if sys.platform.startswith("linux"):
        return "add yourself to the group with rtprio in /etc/security/limits.d (often: audio), log in again"
    return "this system does not offer it to a Python program; JACK keeps the timing exact without it"


def _sound() -> Iterator[Check]:
    if not _version("sounddevice"):
        yield Check("audition sound", "hint", "off", "press Sound in the window, or pip install sounddevice")
        return
    try:
        tried = _run("-c", "from app.audio.sounder import why_silent; print(why_silent())")
    except subprocess.TimeoutExpired:
        remedy = "end its server (JACK, PipeWire or PulseAudio) and start it again"
        yield Check("audition sound", "hint", "the sound system does not answer", remedy)
        return
    silent = tried.stdout.strip() if tried.returncode == 0 else _last_line(tried, "it does not load")
    if silent:
        detail, _, remedy = silent.partition("; ")
        yield Check("audition sound", "hint", detail, remedy)
        return
    soundfont = find_soundfont() if _version("tinysoundfont") else None
    yield Check("audition sound", "ok", f"soundfont {soundfont}" if soundfont else "built-in tones")


def _last_line(tried: subprocess.CompletedProcess[str], otherwise: str) -> str:
    """Return the last line that a process complained with, or something else where it said nothing."""
    return next(iter(tried.stderr.strip().splitlines()[-1:]), otherwise)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, check=False)
