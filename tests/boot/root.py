"""A Debian root with Alona's package, booted under its own systemd in a container without any network but loopback."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = HERE / "build/package"
KEPT = HERE / "build/boot"  # roots as archives, for the next run
TOOLS = ("debootstrap", "systemd-nspawn", "nsenter")


def suite():
    """The release to boot: ALONA_RELEASE, else this machine's."""
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return os.environ.get("ALONA_RELEASE") or line.split("=")[1]
    return "unknown"


def architecture():
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True).stdout.strip()


def package():
    """The newest one that `./dev package` made, or none."""
    found = (PACKAGES / f"{suite()}-{architecture()}").glob("alona_*.deb")
    return max(found, key=lambda deb: deb.stat().st_mtime, default=None)


def why_not():
    """What keeps this machine from booting a root; empty: nothing."""
    if os.geteuid() != 0:
        return "only root can boot a container"
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"{missing[0]} is missing (apt-get install debootstrap systemd-container)"
    return "" if package() else f"there is no package for {suite()} (./dev package {suite()})"


def sh(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def wait_for(what, condition, seconds=60, every=0.2):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(every)
    raise AssertionError(f"waited {seconds} s for {what}")


def keep(name, fill):
    """The archive of a root that `fill` makes in a folder, made once."""
    KEPT.mkdir(parents=True, exist_ok=True)
    kept, folder = KEPT / f"{name}.tar", KEPT / f"{name}.making"
    if not kept.exists():
        shutil.rmtree(folder, ignore_errors=True)
        fill(folder)
        sh("tar", "-C", folder, "-cf", f"{kept}.part", ".")
        os.rename(f"{kept}.part", kept)
        shutil.rmtree(folder)
    return kept


def debian(folder, *packages):
    sh(HERE / "tools/debian-root", suite(), architecture(), folder, *packages)


def bare():
    """Debian's smallest, and an init."""
    return keep(f"{suite()}-bare", lambda folder: debian(folder, "systemd-sysv", "dbus"))


def ready():
    """With what the package depends on."""
    def fill(folder):
        debian(folder, "ca-certificates", "systemd-sysv", "dbus")
        depends = sh("dpkg-deb", "-f", package(), "Depends")
        names = [part.split("(")[0].split("|")[0].strip() for part in depends.split(",")]
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        sh("chroot", folder, "apt-get", "update", "-q", env=env)
        sh("chroot", folder, "apt-get", "install", "-y", "-q", "--no-install-recommends", *names, "mosquitto-clients",
           "avahi-daemon", env=env)
    return keep(f"{suite()}-ready-named", fill)


def repacked(version, program=None, settings=""):
    """The package under another version; `program` stands in for its own, which is then /usr/lib/alona/real. `settings`
    come to those of its alona.toml."""
    KEPT.mkdir(parents=True, exist_ok=True)
    made = KEPT / f"repacked-{suite()}-{version}.deb"
    if made.exists() and made.stat().st_mtime > package().stat().st_mtime:
        return made
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder) / "tree"
        sh("dpkg-deb", "-R", package(), tree)
        control = tree / "DEBIAN/control"
        lines = control.read_text().splitlines()
        control.write_text("".join(f"Version: {version}\n" if line.startswith("Version:") else line + "\n" for line in lines))
        with open(tree / "etc/alona/alona.toml", "a") as file:
            file.write(settings)
        if program:
            (tree / "usr/bin/alona").rename(tree / "usr/lib/alona/real")
            (tree / "usr/bin/alona").write_text(program)
            (tree / "usr/bin/alona").chmod(0o755)
        sh("dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, made)
    return made


def pid_namespace(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except FileNotFoundError:
        return None


class Booted:
    """Booted with `with`; cut off at the end, and its folder removed."""

    def __enter__(self):
        try:
            self.boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.cut()
        shutil.rmtree(self.folder)


class Root(Booted):
    def __init__(self, archive):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="alona-boot-", dir="/var/tmp"))
        self.container = self.leader = None
        sh("tar", "-C", self.folder, "-xf", archive)
        shutil.copy(package(), self.folder / "root/alona.deb")

    def boot(self):
        name = f"alona-{os.getpid()}"
        self.container = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--boot", "--private-network", "--keep-unit", "--register=no",
             f"--machine={name}", "-D", str(self.folder)], stdin=subprocess.DEVNULL,
            stdout=open(f"{self.folder}.console", "w"), stderr=subprocess.STDOUT, start_new_session=True)
        wait_for("the container", self._find_leader)
        wait_for("its systemd", lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip()
                 in ("running", "degraded"))

    def _find_leader(self):
        assert self.container.poll() is None, pathlib.Path(f"{self.folder}.console").read_text()
        found = subprocess.run(["pgrep", "-P", str(self.container.pid)], capture_output=True, text=True).stdout.split()
        # Its first child only makes the second, in a namespace of its own, and ends.
        self.leader = next((int(pid) for pid in found if pid_namespace(pid) not in (None, pid_namespace("self"))), None)
        return self.leader is not None

    def run(self, *command, check=True, input=None, timeout=300):
        done = subprocess.run(["nsenter", "-t", str(self.leader), "-a", *map(str, command)], capture_output=True,
                              text=True, input=input, timeout=timeout)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def out(self, *command, **more):
        return self.run(*command, **more).stdout

    def put(self, file, to):
        """Through the root's own shell: while it runs, its files are its own."""
        with open(file, "rb") as source:
            subprocess.run(["nsenter", "-t", str(self.leader), "-a", "tee", to], stdin=source, stdout=subprocess.DEVNULL,
                           check=True)

    def popen(self, *command):
        return subprocess.Popen(["nsenter", "-t", str(self.leader), "-a", *map(str, command)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def cut(self):
        """As a pulled plug: nothing in it gets to end."""
        if self.container and self.container.poll() is None:
            os.kill(self.leader, signal.SIGKILL)
            self.container.wait(30)
        pathlib.Path(f"{self.folder}.console").unlink(missing_ok=True)
        self.container = self.leader = None

    # ---- Alona ----

    def install(self):
        return self.out("dpkg", "-i", "/root/alona.deb")

    def state(self, unit):
        return self.out("systemctl", "show", "-P", "ActiveState", unit).strip()

    def pid(self, unit):
        return int(self.out("systemctl", "show", "-P", "MainPID", unit))

    def restarts(self, unit):
        return int(self.out("systemctl", "show", "-P", "NRestarts", unit))

    def kill(self, unit, what="KILL"):
        self.run("systemctl", "kill", "--kill-whom=main", "-s", what, unit, check=False)

    def well(self):
        return self.run("alona", "status", "--json", check=False).returncode in (0, 1)

    def log(self, *more):
        return self.out("journalctl", "--no-pager", "-o", "cat", *more)
