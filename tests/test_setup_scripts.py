"""What `make` says and does where something is missing on the system, with stand-ins for its tools."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
REAL_TOOLS = ("sh", "cat", "cut", "paste", "sort", "grep", "find", "dirname")
ALL_LIBRARIES = [
    *("libasound.so.2", "libjack.so.0", "libGL.so.1", "libEGL.so.1", "libxkbcommon.so.0", "libdbus-1.so.3"),
    *("libfontconfig.so.1", "libglib-2.0.so.0", "libX11-xcb.so.1", "libxkbcommon-x11.so.0"),
    *("libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxcb-image.so.0", "libxcb-keysyms.so.1"),
    *("libxcb-randr.so.0", "libxcb-render-util.so.0", "libxcb-shape.so.0", "libxcb-sync.so.1"),
    *("libxcb-xfixes.so.0", "libxcb-xkb.so.1"),
]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the scripts are for Linux and macOS")


class System:
    """A machine of stand-ins: a folder of tools that is all of PATH, and a home with a font in it."""

    def __init__(self, folder: Path) -> None:
        self.home, self.bin, self.calls = folder / "home", folder / "bin", folder / "calls"
        (self.home / ".fonts").mkdir(parents=True)
        (self.home / ".fonts" / "some.ttf").touch()
        self.bin.mkdir()
        # Where no .venv stands beside: what is installed in the real one changes what is missing.
        self.scripts = shutil.copytree(ROOT / "scripts", folder / "project" / "scripts")
        for tool in REAL_TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        self.tool("uname", "echo Linux")
        self.tool("id", "echo 1000")
        self.tool("python3.12", "exit 0")
        self.tool("jackd", "exit 0")
        self.tool("strace", "exit 0")
        self.has_libraries(ALL_LIBRARIES)

    def tool(self, name: str, script: str) -> None:
        """Put a shell script on PATH."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def has_libraries(self, names: list[str]) -> None:
        """Let the loader know these libraries."""
        self.tool(
            "ldconfig", "\n".join(["echo '2 libs found'", *(f"echo '{name} => /lib'" for name in names)])
        )

    def has_apt(self, packages: list[str]) -> None:
        """Give the machine apt with these packages to install; its calls are kept."""
        self.tool("apt-get", f'echo "$@" >> {self.calls}')
        self.tool("apt-cache", f'for p in {" ".join(packages)}; do [ "$2" = "$p" ] && echo "$p | 1.0"; done')

    def run(self, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one of the project's scripts there."""
        return subprocess.run(
            [self.bin / "sh", self.scripts / script, *arguments],
            env={"PATH": str(self.bin), "HOME": str(self.home), **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


def without(*missing: str) -> list[str]:
    return [name for name in ALL_LIBRARIES if name not in missing]


def test_complete_system_is_left_alone(system: System) -> None:
    system.has_apt([])
    done = system.run("system-packages.sh", "test")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not system.calls.exists()


def test_user_with_apt_gets_the_line_with_this_releases_names(system: System) -> None:
    system.has_libraries(without("libasound.so.2", "libxcb-cursor.so.0"))
    system.has_apt(["libasound2t64", "libxcb-cursor0"])
    done = system.run("system-packages.sh", "run")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Missing on this system: libasound.so.2 libxcb-cursor.so.0. Run this line, then the same make again:",
        "  sudo apt-get install -y --no-install-recommends libasound2t64 libxcb-cursor0",
    ]
    assert not system.calls.exists()


def test_root_with_apt_has_it_installed(system: System) -> None:
    system.has_libraries(without("libasound.so.2"))
    system.has_apt(["libasound2"])
    system.tool("id", "echo 0")
    assert system.run("system-packages.sh", "run").returncode == 0
    assert system.calls.read_text().splitlines() == [
        "update -q",
        "install -y -q --no-install-recommends libasound2",
    ]


@pytest.mark.parametrize(("tool", "package"), [("jackd", "jackd2"), ("strace", "strace")])
def test_tools_of_the_tests_are_asked_for_by_them_only(system: System, tool: str, package: str) -> None:
    (system.bin / tool).unlink()
    system.has_apt([package])
    assert system.run("system-packages.sh", "run").returncode == 0
    done = system.run("system-packages.sh", "test")
    assert done.stderr.splitlines()[1] == f"  sudo apt-get install -y --no-install-recommends {package}"


def test_fedora_gets_a_dnf_line(system: System) -> None:
    system.has_libraries(without("libxcb-shape.so.0", "libxcb-sync.so.1", "libasound.so.2"))
    system.tool("dnf", "exit 1")
    done = system.run("system-packages.sh", "run")
    assert done.returncode == 1
    assert done.stderr.splitlines()[1] == "  sudo dnf install -y alsa-lib libxcb"


def test_mac_without_a_fitting_python_gets_a_brew_line(system: System) -> None:
    system.tool("uname", "echo Darwin")
    assert system.run("system-packages.sh", "run").returncode == 0
    done = system.run("system-packages.sh", "run", PYTHON="/nowhere/python3")
    assert done.returncode == 1
    assert done.stderr.splitlines()[1] == "  brew install python@3.12"


@pytest.mark.parametrize(
    ("packages", "line"),
    [
        (["python3.11-venv"], "sudo apt-get install -y --no-install-recommends python3.11-venv"),
        (
            ["python3.13-venv"],
            "sudo apt-get install -y --no-install-recommends "
            "g++ libasound2-dev libjack-jackd2-dev pkg-config python3.13-venv python3.13-dev",
        ),
        ([], "sudo apt-get install -y pipx && pipx run uv python install 3.12"),
    ],
    ids=["release with 3.11", "release with 3.13", "release with none"],
)
def test_debian_without_a_fitting_python(system: System, packages: list[str], line: str) -> None:
    system.has_apt(packages)
    done = system.run("system-packages.sh", "run", PYTHON="/nowhere/python3")
    assert done.returncode == 1
    assert done.stderr.splitlines()[1].strip() == line


NEW_PYTHON = """case "$*" in
*ensurepip*) exit 0 ;;
*">= (3, 13)"*) exit 1 ;;
*version_info*) echo 3.13 ;;
*sysconfig*) echo /include ;;
esac"""


def test_what_builds_python_rtmidi_is_asked_for_where_it_is_not_ready_built(system: System) -> None:
    system.tool("python3.12", NEW_PYTHON)
    system.has_apt(["g++", "libasound2-dev", "libjack-jackd2-dev", "pkg-config", "python3.13-dev"])
    done = system.run("system-packages.sh", "run")
    line = (
        "  sudo apt-get install -y --no-install-recommends "
        "g++ libasound2-dev libjack-jackd2-dev pkg-config python3.13-dev"
    )
    assert (done.returncode, done.stderr.splitlines()[1]) == (1, line)
    assert done.stderr.splitlines()[3] == "  ANTIPHON_WITHOUT_RTMIDI=1 make run"
    assert system.run("system-packages.sh", "run", ANTIPHON_WITHOUT_RTMIDI="1").returncode == 0
    system.tool("g++", "exit 1")  # no header is found
    done = system.run("system-packages.sh", "run")
    assert done.stderr.splitlines()[1].endswith(
        " libasound2-dev libjack-jackd2-dev pkg-config python3.13-dev"
    )
    system.tool("g++", "exit 0")
    done = system.run("system-packages.sh", "run")
    assert done.stderr.splitlines()[:2] == [
        "Missing on this system: pkg-config. Run this line, then the same make again:",
        "  sudo apt-get install -y --no-install-recommends pkg-config",
    ]
    system.tool("pkg-config", "exit 0")
    assert system.run("system-packages.sh", "run").returncode == 0


def test_a_new_python_comes_with_what_builds_python_rtmidi_unless_that_is_not_wanted(system: System) -> None:
    system.has_apt(
        ["g++", "libasound2-dev", "libjack-jackd2-dev", "pkg-config", "python3.14-dev", "python3.14-venv"]
    )
    system.tool("id", "echo 0")
    system.run("system-packages.sh", "run", PYTHON="/nowhere/python3")
    system.run("system-packages.sh", "run", PYTHON="/nowhere/python3", ANTIPHON_WITHOUT_RTMIDI="1")
    assert [line for line in system.calls.read_text().splitlines() if line.startswith("install")] == [
        "install -y -q --no-install-recommends "
        "g++ libasound2-dev libjack-jackd2-dev pkg-config python3.14-venv python3.14-dev",
        "install -y -q --no-install-recommends python3.14-venv",
    ]


@pytest.mark.parametrize("minor", [11, 12, 13, 14, 10, 15])
def test_pythons_from_3_11_to_3_14_fit(system: System, minor: int) -> None:
    check = f"import sys; sys.version_info = (3, {minor}, 0, 'final', 0); exec(sys.argv.pop(2))"
    system.tool("python3.12", f"""exec {sys.executable} -c "{check}" "$@" """)
    done = system.run("find-python.sh", PYTHON="python3.12")
    assert (done.returncode == 0) == (11 <= minor <= 14)


def test_python_of_the_wrong_version_is_passed_over(system: System) -> None:
    system.tool("python3.12", "exit 1")
    system.tool("python3.11", "exit 0")
    assert system.run("find-python.sh").stdout.strip() == str(system.bin / "python3.11")
    assert system.run("find-python.sh", PYTHON="python3.12").returncode == 1


def test_this_python_is_a_fitting_one(system: System) -> None:
    done = system.run("find-python.sh", PYTHON=os.path.realpath(sys.executable))
    assert Path(done.stdout.strip()) == Path(sys.executable).resolve()


@pytest.mark.parametrize(
    ("cards", "heard"),
    [(" 0 [PCH            ]: HDA-Intel - HDA Intel PCH\n", True), ("--- no soundcards ---\n", False)],
)
def test_a_sound_card_can_be_heard(system: System, cards: str, heard: bool) -> None:
    listed = system.home / "cards"
    listed.write_text(cards)
    assert (system.run("has-audio.sh", str(listed)).returncode == 0) == heard


@pytest.mark.parametrize("name", ["pipewire-0", "pulse/native"])
def test_a_sound_server_can_be_heard_without_a_card(system: System, name: str) -> None:
    # A socket's name is short; a folder of pytest's may be too long for it.
    with tempfile.TemporaryDirectory() as runtime, socket.socket(socket.AF_UNIX) as server:
        path = Path(runtime, name)
        path.parent.mkdir(exist_ok=True)
        nothing = str(system.home / "none")
        assert system.run("has-audio.sh", nothing, XDG_RUNTIME_DIR=runtime).returncode != 0
        server.bind(str(path))
        assert system.run("has-audio.sh", nothing, XDG_RUNTIME_DIR=runtime).returncode == 0


@pytest.mark.parametrize(
    ("mode", "audio", "installed"), [("run", 0, True), ("run", 1, False), ("test", 0, False)]
)
def test_the_optional_sound_is_installed_with_run_where_it_can_be_heard(
    system: System, mode: str, audio: int, installed: bool
) -> None:
    python = system.scripts.parent / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$@" >> {system.calls}\n')
    python.chmod(0o755)
    (system.scripts / "has-audio.sh").write_text(f"exit {audio}\n")
    done = system.run("venv.sh", mode)
    assert done.returncode == 0, done.stderr
    assert (".[audition]" in system.calls.read_text()) == installed


def test_a_sound_that_cannot_be_installed_holds_nothing_up(system: System) -> None:
    python = system.scripts.parent / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\ncase "$*" in *audition*) exit 1 ;; esac\n')
    python.chmod(0o755)
    (system.scripts / "has-audio.sh").write_text("exit 0\n")
    done = system.run("venv.sh", "run")
    assert done.returncode == 0
    assert "Sound button tries again" in done.stderr


def test_without_python_rtmidi_the_rest_is_installed_and_how_to_try_again_is_said(system: System) -> None:
    python = system.scripts.parent / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\ncase "$*" in *rtmidi*) echo "no network" >&2; exit 1 ;; esac\n')
    python.chmod(0o755)
    (system.scripts / "has-audio.sh").write_text("exit 1\n")
    done = system.run("venv.sh", "test")
    assert done.returncode == 0
    assert "for the reason that pip gives above" in done.stderr
    assert "could not be built, so" not in done.stderr  # it may have been the network
    again = done.stderr.splitlines()[-1]
    assert again == "To try again: rm -f .venv/.run-ready .venv/.test-ready, then the same make."
